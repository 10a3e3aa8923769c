//! The random numbers of NumPy's global generator (`np.random.seed`, `uniform`, `normal`, `choice`,
//! `shuffle`).
//!
//! Published task lists were drawn with it, so the same numbers are needed here. It is MT19937
//! with the original integer seeding; NumPy has frozen this generator, so nothing here will change.

use rand_mt::Mt;

/// `np.random` after `np.random.seed(seed)`.
#[derive(Debug, Clone)]
pub struct NumpyRandom {
    words: Mt,
    /// Normal numbers come in pairs; this is the second of a pair whose first is used up.
    spare: Option<f64>,
}

impl NumpyRandom {
    /// `np.random.seed(seed)`.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        Self { words: Mt::new(seed), spare: None }
    }

    /// A number in [0, 1) with 53 random bits, of which the first word gives the upper 27.
    fn unit(&mut self) -> f64 {
        let upper = self.words.next_u32() >> 5;
        let lower = self.words.next_u32() >> 6;
        (f64::from(upper) * 67_108_864.0 + f64::from(lower)) / 9_007_199_254_740_992.0
    }

    /// `np.random.uniform(low, high)`: a number in [low, high). With 0 and 1 it is
    /// `np.random.random_sample()`.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// `np.random.normal(mean, deviation)`.
    pub fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        mean + deviation * self.standard_normal()
    }

    /// Marsaglia's polar method, in NumPy's order: the second coordinate is given out first.
    fn standard_normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (self.uniform(-1.0, 1.0), self.uniform(-1.0, 1.0));
            let square = x * x + y * y;
            if square < 1.0 && square != 0.0 {
                let stretch = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(stretch * x);
                return stretch * y;
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

    /// `np.random.choice(count)` and `np.random.randint(count)`: a position among `count`, which is
    /// at least 1 and at most 2³².
    pub fn choice(&mut self, count: usize) -> usize {
        self.interval(count.saturating_sub(1))
    }

    /// `np.random.shuffle(rows)`: swaps from the last row down to the second.
    pub fn shuffle<T>(&mut self, rows: &mut [T]) {
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
