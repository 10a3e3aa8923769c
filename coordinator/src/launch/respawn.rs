//! Whether a process that has died is started again, and when. Pure.
//!
//! What counts is what came of the lives, not how fast they followed each other: whoever kills
//! working actors, however often, does not end the run, and an actor that never gets anything done
//! is given up, however long it takes to die.

use runtime::Backoff;
use std::time::Duration;

/// So many lives in a row of which nothing came are enough.
const FRUITLESS: u32 = 5;
/// Delay after the death of a life of which something came.
const SHORTEST: Duration = Duration::from_millis(200);
/// Longest delay.
const LONGEST: Duration = Duration::from_secs(5);

/// Remembers what came of the lives in one place.
#[derive(Debug)]
pub struct Respawn {
    fruitless: u32,
    achieved: u64,
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
    /// It will not get anything done.
    GiveUp {
        /// Lives in a row of which nothing came.
        deaths: u32,
    },
}

impl Respawn {
    /// No deaths yet. `seed` spreads the delays of different places.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            fruitless: 0,
            achieved: 0,
            backoff: Backoff::new(SHORTEST, LONGEST, 2.0, 0.2, seed).ok(),
        }
    }

    /// It died. `achieved` grows with whatever comes of the lives in this place, see
    /// [`Registry::of_process`](crate::registry::Registry::of_process).
    pub fn died(&mut self, achieved: u64) -> Verdict {
        if achieved > self.achieved {
            self.achieved = achieved;
            self.fruitless = 0;
            if let Some(backoff) = &mut self.backoff {
                backoff.reset();
            }
        } else {
            self.fruitless += 1;
        }
        if self.fruitless >= FRUITLESS {
            return Verdict::GiveUp { deaths: self.fruitless };
        }
        let delay = self.backoff.as_mut().map_or(LONGEST, Backoff::next_delay);
        Verdict::StartAgain { delay }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_of_which_something_came_may_end_as_often_as_they_like() {
        let mut killed = Respawn::new(0);
        for achieved in 1..1000 {
            let verdict = killed.died(achieved);
            assert!(
                matches!(verdict, Verdict::StartAgain { delay } if delay <= SHORTEST),
                "{verdict:?}"
            );
        }
    }

    #[test]
    fn lives_in_a_row_of_which_nothing_came_are_counted_from_the_last_that_was_of_use() {
        let mut respawn = Respawn::new(0);
        for achieved in [0, 7, 9] {
            for _ in 0..FRUITLESS - 1 {
                let verdict = respawn.died(achieved);
                assert!(matches!(verdict, Verdict::StartAgain { .. }), "{verdict:?}");
            }
        }
        // The first of the last four was of use.
        assert!(matches!(respawn.died(9), Verdict::StartAgain { .. }));
        assert_eq!(respawn.died(9), Verdict::GiveUp { deaths: FRUITLESS });
    }
}
