//! How the actor waits between attempts, and when it stops attempting.

use crate::Error;
use proto::{Credentials, Role};
use runtime::Backoff;
use std::time::{Duration, Instant};
use tokio::sync::watch;

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_millis(500);
const FACTOR: f64 = 2.0;
const JITTER: f64 = 0.3;

/// Delays from 20 ms to 0.5 s: short, because an actor has nothing better to do than to come back.
pub(crate) fn backoff(seed: u64) -> Result<Backoff, Error> {
    Ok(Backoff::new(FIRST, LONGEST, FACTOR, JITTER, seed)?)
}

/// Where the learner is, and how long it may be away. Clones are handles to the same thing.
#[derive(Debug, Clone)]
pub struct Peer {
    /// `host:port`.
    address: watch::Receiver<String>,
    /// What it is shown.
    credentials: Credentials,
    /// How long to go on when it does not answer, counted from the last time that it did.
    patience: Duration,
}

impl Peer {
    /// One that may move: a learner that is started again is somewhere else.
    #[must_use]
    pub fn new(
        address: watch::Receiver<String>,
        credentials: Credentials,
        patience: Duration,
    ) -> Self {
        Self { address, credentials, patience }
    }

    /// Where it is now.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.borrow().clone()
    }

    /// Completes when it is elsewhere than at `address`.
    pub(crate) async fn moved_from(&self, address: &str) {
        let mut now = self.address.clone();
        if now.wait_for(|now| now != address).await.is_err() {
            // Nobody is left to tell.
            std::future::pending().await
        }
    }

    /// Connects to it at `address`.
    ///
    /// # Errors
    /// What the transport says, with all causes.
    pub(crate) async fn connect(&self, address: &str) -> Result<proto::connect::Channel, String> {
        let connecting = proto::connect::connect(address, Role::Learner, &self.credentials);
        connecting.await.map_err(|error| crate::error::chain(&error))
    }
}

/// The attempts to have a stream to the learner, one after another.
#[derive(Debug)]
pub(crate) struct Attempts {
    peer: Peer,
    /// Where the attempts go.
    address: String,
    what: &'static str,
    backoff: Backoff,
    /// When the last stream that was open ended; before the first one, when this began.
    answered: Instant,
    /// A stream is open.
    open: bool,
    /// This outage is in the log.
    told: bool,
}

impl Attempts {
    /// Starts to count; `what` names the stream in the log.
    pub(crate) fn new(peer: &Peer, what: &'static str, seed: u64) -> Result<Self, Error> {
        let (peer, address, backoff) = (peer.clone(), peer.address(), backoff(seed)?);
        let answered = Instant::now();
        Ok(Self { peer, address, what, backoff, answered, open: false, told: false })
    }

    /// Where the next attempt goes. The patience with a learner that has moved starts anew.
    pub(crate) fn address(&mut self) -> String {
        let address = self.peer.address();
        if address != self.address {
            tracing::info!(from = self.address, to = address, stream = self.what, "learner moved");
            self.address.clone_from(&address);
            self.answered = Instant::now();
            self.backoff.reset();
        }
        address
    }

    /// The learner has taken the stream.
    pub(crate) fn opened(&mut self) {
        self.open = true;
        if std::mem::take(&mut self.told) {
            tracing::info!(address = self.address, stream = self.what, "connected again");
        }
    }

    /// Waits before the attempt after one that ended as `last` says, but not if the learner has
    /// moved; starts with short delays if that one brought something.
    pub(crate) async fn pause(&mut self, progress: bool, last: String) -> Result<(), Error> {
        if std::mem::take(&mut self.open) {
            self.answered = Instant::now();
        }
        let (address, patience) = (&self.address, self.peer.patience);
        let left = patience.saturating_sub(self.answered.elapsed());
        if left.is_zero() {
            let (address, waited) = (address.clone(), patience);
            return Err(Error::LearnerUnreachable { address, waited, last });
        }
        if progress {
            self.backoff.reset();
        }
        let delay = self.backoff.next_delay().min(left);
        if self.told {
            tracing::debug!(address, stream = self.what, ?delay, last, "still no stream");
        } else {
            tracing::info!(address, stream = self.what, ?patience, last, "reconnecting");
            self.told = true;
        }
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = self.peer.moved_from(address) => {}
        }
        Ok(())
    }
}
