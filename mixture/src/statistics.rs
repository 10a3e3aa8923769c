//! What the bound and the posterior need to know of the rows, per component.

use std::ops::AddAssign;

/// Sums over rows, each weighted with its responsibility r for one component.
///
/// All are additive over rows, so those of batches add up to those of the data, and two components
/// become one by adding all but the entropy.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moments {
    /// Σ r
    pub(crate) count: f64,
    /// Σ r x, `[dim]`
    pub(crate) sum: Vec<f64>,
    /// Σ r x², `[dim]`
    pub(crate) square: Vec<f64>,
    /// −Σ r ln r, nats
    pub(crate) entropy: f64,
}

impl Moments {
    pub(crate) fn zero(dim: usize) -> Self {
        Self { count: 0.0, sum: vec![0.0; dim], square: vec![0.0; dim], entropy: 0.0 }
    }

    pub(crate) fn zeros(components: usize, dim: usize) -> Vec<Self> {
        vec![Self::zero(dim); components]
    }

    /// Adds a row with responsibility `share`, whose −r ln r is `entropy`.
    pub(crate) fn add_row(&mut self, row: &[f64], share: f64, entropy: f64) {
        self.count += share;
        self.entropy += entropy;
        for ((sum, square), &x) in self.sum.iter_mut().zip(&mut self.square).zip(row) {
            let weighted = share * x;
            *sum += weighted;
            *square += weighted * x;
        }
    }

    /// One component made of two. Entropy is not additive here: the caller has summed
    /// −(r_a + r_b) ln(r_a + r_b) over the rows.
    pub(crate) fn joined(&self, other: &Self, entropy: f64) -> Self {
        let mut joined = self.clone();
        joined += other;
        joined.entropy = entropy;
        joined
    }
}

impl AddAssign<&Self> for Moments {
    fn add_assign(&mut self, other: &Self) {
        self.count += other.count;
        self.entropy += other.entropy;
        for (sum, x) in self.sum.iter_mut().zip(&other.sum) {
            *sum += x;
        }
        for (square, x) in self.square.iter_mut().zip(&other.square) {
            *square += x;
        }
    }
}

/// −r ln r, nats; 0 at r = 0.
pub(crate) fn entropy(share: f64) -> f64 {
    if share > 0.0 { -share * share.ln() } else { 0.0 }
}
