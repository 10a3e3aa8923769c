//! Where worlds get their random numbers from.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// Random numbers as the worlds ask for them, in the order in which Gymnasium does: a generator, or
/// numbers that were recorded.
pub trait Draw {
    /// A number in [low, high); `low` when both are equal.
    fn uniform(&mut self, low: f64, high: f64) -> f64;

    /// A whole number in [low, high); `low` when there is none.
    fn whole(&mut self, low: i64, high: i64) -> i64;
}

impl Draw for ChaCha8Rng {
    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        let unit: f64 = self.random();
        low + (high - low) * unit
    }

    fn whole(&mut self, low: i64, high: i64) -> i64 {
        self.random_range(low..high.max(low + 1))
    }
}
