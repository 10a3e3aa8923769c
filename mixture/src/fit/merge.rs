//! Merges: two components become one (Hughes and Sudderth 2013, section 4.2).

use super::look::{Sight, Watch};
use super::{Fit, Step, holds};
use crate::prior::counts;

/// A component is in at most so many of the pairs that are looked at in a lap.
const PAIRS_PER_COMPONENT: usize = 5;

impl Fit<'_> {
    /// Pairs whose merge can raise the bound, the most promising first.
    pub(super) fn pairs_to_merge(&self) -> Vec<(usize, usize)> {
        let mut gains = self.possible_gains();
        gains.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let mut uses = vec![0; self.total.len()];
        let mut pairs = Vec::new();
        for ((a, b), _) in gains {
            if uses[a] < PAIRS_PER_COMPONENT && uses[b] < PAIRS_PER_COMPONENT {
                uses[a] += 1;
                uses[b] += 1;
                pairs.push((a, b));
            }
        }
        pairs
    }

    /// What the merge of each pair gains at most, where that is not negative. A merge can only lower
    /// the entropy of labels; the rest of what it changes follows from the statistics.
    fn possible_gains(&self) -> Vec<((usize, usize), f64)> {
        let evidences: Vec<f64> = self.total.iter().map(|m| self.prior.evidence(m)).collect();
        let counts = counts(&self.total);
        let sticks = self.prior.stick_bound(&counts);
        let gain = |(a, b): (usize, usize)| {
            let joined = self.total[a].joined(&self.total[b], 0.0);
            let rows = self.prior.evidence(&joined) - evidences[a] - evidences[b];
            let mut counts = counts.clone();
            counts[a] = joined.count;
            counts.remove(b);
            rows + self.prior.stick_bound(&counts) - sticks
        };
        let pairs = (0..self.total.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
        let gains = pairs.map(|pair| (pair, gain(pair)));
        gains.filter(|&(_, gain)| holds(self.bound + gain, self.bound)).collect()
    }

    /// Merges the pairs of `watch` that raise the bound, one after the other.
    pub(super) fn merge(&mut self, watch: &mut Watch, sights: &[Sight]) {
        for index in 0..watch.pairs.len() {
            let Some((into, gone)) = watch.pairs[index] else { continue };
            let entropies = || sights.iter().map(|sight| sight.pair_entropies[index]);
            let accepted = self.merge_raises(into, gone, entropies().sum());
            self.report.merges.count(accepted);
            if accepted {
                self.memo.join(into, gone, entropies());
                self.remember(Step::Merge { into, gone });
                watch.joined(into, gone);
            }
        }
    }

    /// Whether the bound rises.
    fn merge_raises(&self, into: usize, gone: usize, entropy: f64) -> bool {
        let mut merged = self.total.clone();
        merged[into] = merged[into].joined(&merged[gone], entropy);
        merged.remove(gone);
        holds(self.prior.bound(&merged), self.bound)
    }
}
