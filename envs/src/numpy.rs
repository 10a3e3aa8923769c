//! The random numbers of NumPy's global generator (`np.random.seed`, `uniform`, `randn`, `shuffle`).
//!
//! Published task lists were drawn with it, so the same numbers are needed here. It is MT19937
//! with the original integer seeding; NumPy has frozen this generator, so nothing here will change.

use rand_mt::Mt;

/// `np.random` after `np.random.seed(seed)`.
pub(crate) struct NumpyRandom {
    words: Mt,
    /// Normal numbers come in pairs; the second of a pair until it is asked for.
    second: Option<f64>,
}

impl NumpyRandom {
    pub(crate) fn new(seed: u32) -> Self {
        Self { words: Mt::new(seed), second: None }
    }

    /// A number in [0, 1) with 53 random bits, of which the first word gives the upper 27.
    fn unit(&mut self) -> f64 {
        let upper = self.words.next_u32() >> 5;
        let lower = self.words.next_u32() >> 6;
        (f64::from(upper) * 67_108_864.0 + f64::from(lower)) / 9_007_199_254_740_992.0
    }

    /// `np.random.uniform(low, high)`: a number in [low, high).
    pub(crate) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// `np.random.randn()`: a number from N(0, 1), by the polar method.
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(second) = self.second.take() {
            return second;
        }
        loop {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let scale = (-2.0 * square.ln() / square).sqrt();
                self.second = Some(scale * x);
                return scale * y;
            }
        }
    }

    /// A number in [0, max], for `max` below 2³²: words under the smallest mask that covers `max`,
    /// until one fits.
    fn interval(&mut self, max: usize) -> usize {
        if max == 0 {
            return 0;
        }
        let mask = usize::MAX >> max.leading_zeros();
        loop {
            let value = self.words.next_u32() as usize & mask;
            if value <= max {
                return value;
            }
        }
    }

    /// `np.random.shuffle(rows)`: swaps from the last row down to the second.
    pub(crate) fn shuffle<T>(&mut self, rows: &mut [T]) {
        for last in (1..rows.len()).rev() {
            rows.swap(last, self.interval(last));
        }
    }
}

/// `np.linspace(first, last, count)`: evenly spaced numbers with both ends, for a `count` of 2 or
/// more.
pub(crate) fn linspace(first: f64, last: f64, count: u32) -> Vec<f64> {
    let step = (last - first) / f64::from(count - 1);
    let inner = (0..count - 1).map(|i| f64::from(i) * step + first);
    inner.chain([last]).collect()
}
