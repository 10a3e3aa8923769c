//! How much is learned per transition collected.
//!
//! Both sides wait for the other around one line, `sampled = ratio · (inserted − initial)`:
//! sampling may not cross it, inserting may run ahead of it by a tolerance. Pure: the owner keeps
//! the counts.

/// A samples-per-insert limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limiter {
    ratio: f64,
    tolerance: f64,
    initial: f64,
}

impl Limiter {
    /// `ratio` samples per transition inserted after the first `initial` ones; inserting may run
    /// ahead by `tolerance` transitions.
    ///
    /// Nothing ever waits forever if `tolerance` covers the largest single insertion plus the
    /// transitions that pay for one update: see [`Limiter::least_tolerance`].
    #[must_use]
    pub fn new(ratio: f64, tolerance: u64, initial: u64) -> Self {
        Self { ratio, tolerance: tolerance as f64, initial: initial as f64 }
    }

    /// The smallest tolerance that cannot lock up, for insertions of up to `insertion` transitions
    /// and updates of `samples` samples.
    #[must_use]
    pub fn least_tolerance(ratio: f64, insertion: u64, samples: u64) -> f64 {
        insertion as f64 + samples as f64 / ratio
    }

    /// Whether `samples` more may be taken after `sampled`, with `inserted` in store.
    #[must_use]
    pub fn may_sample(&self, inserted: u64, sampled: u64, samples: u64) -> bool {
        (sampled + samples) as f64 <= self.ratio * (inserted as f64 - self.initial)
    }

    /// Whether `insertion` more may be asked for, with `committed` transitions in store or on
    /// their way.
    #[must_use]
    pub fn may_insert(&self, committed: u64, sampled: u64, insertion: u64) -> bool {
        let ahead = self.ahead(committed + insertion, sampled);
        // Rounding must not make both sides wait.
        ahead <= self.tolerance + 1e-9 * (committed + insertion) as f64
    }

    /// Transitions by which `inserted` is ahead of what `sampled` has paid for.
    #[must_use]
    pub fn ahead(&self, inserted: u64, sampled: u64) -> f64 {
        inserted as f64 - self.initial - sampled as f64 / self.ratio
    }

    /// Samples per insert so far; 0 before anything was inserted after the initial transitions.
    #[must_use]
    pub fn measured(&self, inserted: u64, sampled: u64) -> f64 {
        let after = inserted as f64 - self.initial;
        if after > 0.0 { sampled as f64 / after } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the speeds of the two sides, nobody locks up, sampling never crosses the line
        /// and inserting never runs further ahead than the tolerance.
        #[test]
        fn the_band_is_kept_and_never_locks(
            ratio in 0.1f64..500.0,
            insertion in 1u64..2_000,
            samples in 1u64..8_192,
            slack in 0u64..10_000,
            initial in 0u64..100_000,
            schedule in proptest::collection::vec(any::<bool>(), 200),
        ) {
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "positive, and far below 2^53"
            )]
            let least = Limiter::least_tolerance(ratio, insertion, samples).ceil() as u64;
            let tolerance = least + slack;
            let limiter = Limiter::new(ratio, tolerance, initial);
            let (mut inserted, mut sampled) = (initial, 0u64);
            for prefers_insert in schedule {
                let insert = limiter.may_insert(inserted, sampled, insertion);
                let sample = limiter.may_sample(inserted, sampled, samples);
                prop_assert!(insert || sample, "both wait at {inserted} and {sampled}");
                if (prefers_insert && insert) || !sample {
                    inserted += insertion;
                } else {
                    sampled += samples;
                }
                let line = ratio * (inserted - initial) as f64;
                prop_assert!(sampled as f64 <= line + 1e-6 * line);
                let ahead = (inserted - initial) as f64 - sampled as f64 / ratio;
                prop_assert!(ahead <= tolerance as f64 + 1e-6);
            }
        }
    }

    #[test]
    fn the_edges_are_where_they_should_be() {
        let limiter = Limiter::new(2.0, 10, 100);
        assert!(!limiter.may_sample(100, 0, 1));
        assert!(limiter.may_sample(105, 0, 10));
        assert!(!limiter.may_sample(105, 0, 11));
        assert!(limiter.may_insert(100, 0, 10));
        assert!(!limiter.may_insert(100, 0, 11));
        assert!(limiter.may_insert(100, 2, 11));
        assert_eq!(limiter.measured(110, 20), 2.0);
        assert_eq!(limiter.measured(100, 0), 0.0);
    }
}
