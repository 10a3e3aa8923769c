//! How long to wait before trying again.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::time::Duration;

/// A back-off that makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("back-off: expected {expected}, got {got}")]
pub struct InvalidBackoff {
    expected: &'static str,
    got: String,
}

/// Delays that grow from `min` to `max` by `factor`, each shortened at random by up to the
/// fraction `jitter`, so that many clients do not come back at the same moment.
#[derive(Debug, Clone)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    factor: f64,
    jitter: f64,
    next: Duration,
    rng: ChaCha8Rng,
}

impl Backoff {
    /// `0 < min <= max`, `factor >= 1`, `0 <= jitter < 1`; `seed` decides the jitter.
    ///
    /// # Errors
    /// [`InvalidBackoff`] names the parameter that is out of its range.
    pub fn new(
        min: Duration,
        max: Duration,
        factor: f64,
        jitter: f64,
        seed: u64,
    ) -> Result<Self, InvalidBackoff> {
        let check = |good: bool, expected, got: String| {
            if good { Ok(()) } else { Err(InvalidBackoff { expected, got }) }
        };
        check(!min.is_zero(), "min above 0", format!("{min:?}"))?;
        check(max >= min, "max of at least min", format!("{max:?}"))?;
        let grows = factor.is_finite() && factor >= 1.0;
        check(grows, "a finite factor of at least 1", factor.to_string())?;
        let partial = (0.0..1.0).contains(&jitter);
        check(partial, "jitter of at least 0 and below 1", jitter.to_string())?;
        Ok(Self { min, max, factor, jitter, next: min, rng: ChaCha8Rng::seed_from_u64(seed) })
    }

    /// How long to wait now; the next answer will be longer, up to `max`.
    pub fn next_delay(&mut self) -> Duration {
        let full = self.next;
        let grown = full.as_secs_f64() * self.factor;
        self.next = Duration::try_from_secs_f64(grown).map_or(self.max, |next| next.min(self.max));
        full.mul_f64(1.0 - self.jitter * self.rng.random::<f64>())
    }

    /// Starts over at `min`, after a success.
    pub fn reset(&mut self) {
        self.next = self.min;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nonsense_is_refused() {
        let s = Duration::from_secs;
        for (min, max, factor, jitter) in [
            (s(0), s(1), 2.0, 0.1),
            (s(2), s(1), 2.0, 0.1),
            (s(1), s(2), 0.9, 0.1),
            (s(1), s(2), f64::NAN, 0.1),
            (s(1), s(2), 2.0, 1.0),
            (s(1), s(2), 2.0, f64::NAN),
        ] {
            assert!(Backoff::new(min, max, factor, jitter, 0).is_err());
        }
    }

    proptest! {
        #[test]
        fn delays_stay_within_bounds_and_reset_starts_over(
            min in 1u64..1000, extra in 0u64..100_000, factor in 1.0..1e9f64, jitter in 0.0..0.99f64, seed: u64,
        ) {
            let (min, max) = (Duration::from_millis(min), Duration::from_millis(min + extra));
            let mut backoff = Backoff::new(min, max, factor, jitter, seed).unwrap();
            let mut full = min;
            for _ in 0..50 {
                let delay = backoff.next_delay();
                prop_assert!(delay <= full);
                prop_assert!(delay.as_secs_f64() >= full.as_secs_f64() * (1.0 - jitter) - 1e-6);
                full = max.min(Duration::try_from_secs_f64(full.as_secs_f64() * factor).unwrap_or(max));
            }
            backoff.reset();
            prop_assert!(backoff.next_delay() <= min);
        }
    }
}
