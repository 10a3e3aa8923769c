//! One look at the rows of a batch: their responsibilities, and what moves want to know of these.
//!
//! Responsibilities are not kept. A move that asks for more than the statistics says so before the lap
//! ([`Watch`]), and gets it from the very responsibilities that the batch's statistics come from
//! ([`Sight`]): so the bound after a merge or a birth is exact without another look.

use std::ops::Range;

use crate::expectations::Expectations;
use crate::statistics::{Moments, entropy};

use super::rows::Rows;

/// A row of which the target of a birth has a smaller share than this is not split: it stays, with the
/// other such rows, in one block.
const SHARE_TO_SPLIT: f64 = 0.01;

/// What to look out for. A place is emptied when a move makes its components another's.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Components that may become one, the lower index first.
    pub(super) pairs: Vec<Option<(usize, usize)>>,
    /// Components that may be split.
    pub(super) targets: Vec<Option<usize>>,
}

/// What was seen of it in one batch.
#[derive(Debug)]
pub(super) struct Sight {
    /// −Σ (r_a + r_b) ln(r_a + r_b), nats, for each pair.
    pub(super) pair_entropies: Vec<f64>,
    /// For each target.
    pub(super) parts: Vec<Part>,
}

/// The part of a batch that a target is responsible for.
#[derive(Debug)]
pub(super) struct Part {
    /// Rows it has a good share of, with its share.
    pub(super) rows: Vec<(usize, f64)>,
    /// Statistics of the other rows.
    pub(super) rest: Moments,
}

impl Watch {
    /// `gone` has become part of `into`: forgets both and counts those behind `gone` anew.
    pub(super) fn joined(&mut self, into: usize, gone: usize) {
        let renamed = |k: usize| (k != into && k != gone).then(|| k - usize::from(k > gone));
        for pair in &mut self.pairs {
            *pair = pair.and_then(|(a, b)| renamed(a).zip(renamed(b)));
        }
        for target in &mut self.targets {
            *target = target.and_then(renamed);
        }
    }
}

impl Sight {
    fn nothing(watch: &Watch, dim: usize) -> Self {
        let part = || Part { rows: Vec::new(), rest: Moments::zero(dim) };
        Self {
            pair_entropies: vec![0.0; watch.pairs.len()],
            parts: watch.targets.iter().map(|_| part()).collect(),
        }
    }

    fn add(&mut self, watch: &Watch, index: usize, row: &[f64], shares: &[f64], entropies: &[f64]) {
        for (sum, pair) in self.pair_entropies.iter_mut().zip(&watch.pairs) {
            if let &Some((a, b)) = pair {
                *sum += joined_entropy((shares[a], entropies[a]), (shares[b], entropies[b]));
            }
        }
        for (part, target) in self.parts.iter_mut().zip(&watch.targets) {
            if let &Some(k) = target {
                if shares[k] > SHARE_TO_SPLIT {
                    part.rows.push((index, shares[k]));
                } else {
                    part.rest.add_row(row, shares[k], entropies[k]);
                }
            }
        }
    }
}

/// The local step for the rows of one batch: statistics per component, and what `watch` asks for.
pub(super) fn look(
    rows: &Rows,
    batch: Range<usize>,
    expectations: &Expectations,
    watch: &Watch,
) -> (Vec<Moments>, Sight) {
    let components = expectations.components();
    let mut moments = Moments::zeros(components, rows.dim());
    let mut sight = Sight::nothing(watch, rows.dim());
    let mut shares = vec![0.0; components];
    let mut entropies = vec![0.0; components];
    for index in batch {
        let row = rows.row(index);
        expectations.shares(row, &mut shares, &mut entropies);
        for ((moments, &share), entropy) in moments.iter_mut().zip(&shares).zip(&mut entropies) {
            // What stands there is ln r.
            *entropy *= -share;
            if share > 0.0 {
                moments.add_row(row, share, *entropy);
            }
        }
        sight.add(watch, index, row, &shares, &entropies);
    }
    (moments, sight)
}

/// −(r_a + r_b) ln(r_a + r_b) of (share, entropy) each. Where one share is lost in rounding, the
/// logarithm is spared.
fn joined_entropy(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (less, more) = if a.0 < b.0 { (a, b) } else { (b, a) };
    if less.0 < more.0 * f64::EPSILON / 2.0 { more.1 } else { entropy(less.0 + more.0) }
}
