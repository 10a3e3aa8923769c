//! Who has been refused: told once a minute for each peer and reason, counted always.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A peer is not mentioned again for the same reason before this is over.
const QUIET: Duration = Duration::from_secs(60);
/// Peers remembered; beyond that nothing more is logged until the oldest are forgotten.
const REMEMBERED: usize = 1024;

/// Why a peer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// There are too many connections already.
    Connections,
    /// The TLS handshake failed: no certificate, one that is not valid, or no TLS at all.
    Handshake,
    /// What came is not gRPC, or ended before a call that was allowed.
    Protocol,
    /// The join token is missing or wrong.
    Token,
    /// The certificate is for other calls.
    Role,
    /// Nothing came for too long, or too little.
    Slow,
    /// A message is too large, or too many are under way.
    Size,
    /// A message that cannot be read, or says what cannot be.
    Message,
}

/// The refusals of one server.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    total: AtomicU64,
    told: Mutex<HashMap<(IpAddr, Reason), Told>>,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    /// Refused since, without a word.
    since: u64,
}

/// What is to be logged of a refusal.
#[derive(Debug, PartialEq, Eq)]
enum Say {
    /// Nothing.
    Nothing,
    /// This one, and that there were so many before it.
    This { unsaid: u64 },
}

impl Refusals {
    /// `peer` is refused.
    pub(super) fn note(&self, peer: IpAddr, reason: Reason, why: &str) {
        self.total.fetch_add(1, Ordering::Relaxed);
        match self.say(peer, reason, Instant::now()) {
            Say::Nothing => tracing::debug!(%peer, ?reason, why, "refused"),
            Say::This { unsaid: 0 } => {
                tracing::warn!(%peer, ?reason, why, "refused; what follows of this kind is only counted for a minute")
            }
            Say::This { unsaid } => {
                tracing::warn!(%peer, ?reason, why, unsaid, "refused; and so many times since the last word of it")
            }
        }
    }

    /// All refusals so far.
    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    fn say(&self, peer: IpAddr, reason: Reason, now: Instant) -> Say {
        let mut told = self.told.lock();
        if let Some(known) = told.get_mut(&(peer, reason)) {
            if now.duration_since(known.at) < QUIET {
                known.since += 1;
                return Say::Nothing;
            }
            known.at = now;
            return Say::This { unsaid: std::mem::take(&mut known.since) };
        }
        if told.len() >= REMEMBERED {
            told.retain(|_, known| now.duration_since(known.at) < QUIET);
        }
        if told.len() >= REMEMBERED {
            return Say::Nothing;
        }
        told.insert((peer, reason), Told { at: now, since: 0 });
        Say::This { unsaid: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn peer(number: u32) -> IpAddr {
        Ipv4Addr::from(number).into()
    }

    #[test]
    fn a_peer_is_told_once_a_minute_with_the_number_of_what_was_not_told() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let say =
            |second| refusals.say(peer(1), Reason::Token, start + Duration::from_secs(second));
        assert_eq!(say(0), Say::This { unsaid: 0 });
        assert!((1..60).all(|second| say(second) == Say::Nothing));
        assert_eq!(say(60), Say::This { unsaid: 59 });
        assert_eq!(refusals.say(peer(2), Reason::Token, start), Say::This { unsaid: 0 });
        assert_eq!(refusals.say(peer(1), Reason::Role, start), Say::This { unsaid: 0 });
    }

    #[test]
    fn any_number_of_peers_takes_bounded_memory_and_a_bounded_log() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let all =
            (0..100_000).filter(|n| refusals.say(peer(*n), Reason::Slow, start) != Say::Nothing);
        assert_eq!(all.count(), REMEMBERED);
        assert_eq!(refusals.told.lock().len(), REMEMBERED);
        let later = start + QUIET;
        assert_eq!(refusals.say(peer(200_000), Reason::Slow, later), Say::This { unsaid: 0 });
        assert_eq!(refusals.told.lock().len(), 1);
    }
}
