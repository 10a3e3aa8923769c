//! Whether a process that has died is started again, and when. Pure.

use runtime::Backoff;
use std::collections::VecDeque;
use std::time::Duration;

/// So many deaths …
const DEATHS: usize = 5;
/// … within this time are a crash loop.
const WITHIN: Duration = Duration::from_secs(10);
/// Delay after the first death.
const SHORTEST: Duration = Duration::from_millis(200);
/// Longest delay.
const LONGEST: Duration = Duration::from_secs(5);

/// Remembers the recent deaths of one place.
#[derive(Debug)]
pub struct Respawn {
    deaths: VecDeque<Duration>,
    backoff: Option<Backoff>,
}

/// What to do about a death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Start it again after `delay`.
    StartAgain {
        /// How long to wait.
        delay: Duration,
    },
    /// It will not live.
    GiveUp {
        /// Recent deaths.
        deaths: usize,
        /// From the first of them to the last.
        within: Duration,
    },
}

impl Respawn {
    /// No deaths yet. `seed` spreads the delays of different places.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            deaths: VecDeque::new(),
            backoff: Backoff::new(SHORTEST, LONGEST, 2.0, 0.2, seed).ok(),
        }
    }

    /// It died at `now`.
    pub fn died(&mut self, now: Duration) -> Verdict {
        let old = |at: &Duration| now.saturating_sub(*at) >= WITHIN;
        while self.deaths.front().is_some_and(old) {
            self.deaths.pop_front();
        }
        if self.deaths.is_empty()
            && let Some(backoff) = &mut self.backoff
        {
            backoff.reset();
        }
        self.deaths.push_back(now);
        let first = self.deaths.front().copied().unwrap_or(now);
        if self.deaths.len() >= DEATHS {
            return Verdict::GiveUp {
                deaths: self.deaths.len(),
                within: now.saturating_sub(first),
            };
        }
        let delay = self.backoff.as_mut().map_or(LONGEST, Backoff::next_delay);
        Verdict::StartAgain { delay }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_loop_ends_and_rare_deaths_do_not_add_up() {
        let mut rare = Respawn::new(0);
        for minute in 0..100 {
            let verdict = rare.died(Duration::from_secs(60 * minute));
            assert!(
                matches!(verdict, Verdict::StartAgain { delay } if delay <= SHORTEST),
                "{verdict:?}"
            );
        }
        let mut looping = Respawn::new(0);
        let mut now = Duration::ZERO;
        for death in 1..=DEATHS {
            match looping.died(now) {
                Verdict::StartAgain { delay } => now += delay + Duration::from_millis(50),
                Verdict::GiveUp { deaths, within } => {
                    assert_eq!((death, deaths), (DEATHS, DEATHS));
                    assert!(within < WITHIN);
                    return;
                }
            }
        }
        panic!("a crash loop was not noticed");
    }
}
