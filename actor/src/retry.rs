//! How the actor waits between attempts.

use runtime::Backoff;
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_millis(500);
const FACTOR: f64 = 2.0;
const JITTER: f64 = 0.3;

/// Delays from 20 ms to 0.5 s: short, because an actor has nothing better to do than to come back.
pub(crate) fn backoff(seed: u64) -> Backoff {
    match Backoff::new(FIRST, LONGEST, FACTOR, JITTER, seed) {
        Ok(backoff) => backoff,
        Err(error) => unreachable!("constants in their ranges: {error}"),
    }
}
