//! How the rows of one component are best shared out among fresh ones.
//!
//! The share r_n of the target in a row n is divided, r_n = Σ_j r_nj, with all other components' shares
//! as they are. Each step of [`Split::refine`] is a step of coordinate ascent on the bound of all rows
//! under that condition. Rows with a small share are not divided; they stay together with the first
//! fresh component.

use std::ops::Range;

use rand::{Rng, RngExt as _};

use super::holds;
use super::look::Part;
use super::memo::{expanded, sum};
use super::rows::Rows;
use crate::Error;
use crate::prior::Prior;
use crate::statistics::{Moments, entropy};

/// Steps of coordinate ascent after the first guess; after fresh components have been given up or
/// joined, fewer are enough.
const STEPS: usize = 10;
const STEPS_AFTER_CHANGE: usize = 3;

/// Sharing out the rows of `target`.
#[derive(Debug)]
pub(super) struct Split<'a> {
    rows: &'a Rows,
    prior: &'a Prior,
    /// Statistics of all rows and components, the target's included.
    total: &'a [Moments],
    target: usize,
    /// Rows that are divided, with the target's share.
    members: Vec<(usize, f64)>,
    /// Which members are in which batch.
    batches: Vec<Range<usize>>,
    /// Statistics of the rows that are not divided, `[batches]`.
    rest: Vec<&'a Moments>,
    fresh: usize,
    /// r_nj, `[members, fresh]`
    shares: Vec<f64>,
}

impl<'a> Split<'a> {
    /// `parts` are those of `target`, one for each batch.
    pub(super) fn new(
        rows: &'a Rows,
        prior: &'a Prior,
        total: &'a [Moments],
        target: usize,
        parts: impl Iterator<Item = &'a Part>,
    ) -> Self {
        let (mut members, mut batches, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            let begin = members.len();
            members.extend_from_slice(&part.rows);
            batches.push(begin..members.len());
            rest.push(&part.rest);
        }
        Self { rows, prior, total, target, members, batches, rest, fresh: 0, shares: Vec::new() }
    }

    /// Statistics of at least two fresh components in place of the target, `[batches][fresh]`, each
    /// with at least `fewest` atoms. None if the rows do not fall apart like that.
    pub(super) fn propose(
        mut self,
        fresh: usize,
        fewest: f64,
        rng: &mut impl Rng,
    ) -> Result<Option<Vec<Vec<Moments>>>, Error> {
        self.guess(fresh, rng);
        self.refine(STEPS)?;
        self.give_up_small(fewest)?;
        self.join()?;
        let proposal: Vec<_> = (0..self.batches.len()).map(|batch| self.moments(batch)).collect();
        let enough = sum(&proposal).iter().all(|moments| moments.count >= fewest);
        Ok((self.fresh >= 2 && enough).then_some(proposal))
    }

    /// Gives each row to the nearest of up to `most` centres, which are rows drawn one after the other
    /// with a probability that grows with the squared distance from those there are: k-means++ (Arthur
    /// and Vassilvitskii 2007), in units of the target's spread.
    fn guess(&mut self, most: usize, rng: &mut impl Rng) {
        let spread = self.prior.component(&self.total[self.target]);
        let precision: Vec<f64> = spread.beta.iter().map(|beta| spread.nu / beta).collect();
        let mut nearest = vec![0; self.members.len()];
        let mut distances = vec![f64::INFINITY; self.members.len()];
        self.fresh = 0;
        while self.fresh < most {
            let Some(centre) = self.draw(&distances, rng) else { break };
            for (n, &(row, _)) in self.members.iter().enumerate() {
                let distance =
                    squared_distance(self.rows.row(row), self.rows.row(centre), &precision);
                if distance < distances[n] {
                    distances[n] = distance;
                    nearest[n] = self.fresh;
                }
            }
            self.fresh += 1;
        }
        self.shares = vec![0.0; self.members.len() * self.fresh];
        for (n, &(_, share)) in self.members.iter().enumerate() {
            self.shares[n * self.fresh + nearest[n]] = share;
        }
    }

    /// A row with probability ∝ share · squared distance from the nearest centre; ∝ share while there
    /// is none. None when all rows are centres.
    fn draw(&self, distances: &[f64], rng: &mut impl Rng) -> Option<usize> {
        let weight = |n: usize| {
            let distance = if self.fresh == 0 { 1.0 } else { distances[n] };
            self.members[n].1 * distance
        };
        let total: f64 = (0..self.members.len()).map(weight).sum();
        let mut left = total * rng.random::<f64>();
        let mut drawn = None;
        for n in (0..self.members.len()).filter(|&n| weight(n) > 0.0) {
            drawn = Some(self.members[n].0);
            left -= weight(n);
            if left < 0.0 {
                break;
            }
        }
        drawn
    }

    fn refine(&mut self, steps: usize) -> Result<(), Error> {
        for _ in 0..steps {
            self.step()?;
        }
        Ok(())
    }

    /// The global step for all components, and the local step for the members among the fresh ones.
    fn step(&mut self) -> Result<(), Error> {
        if self.fresh < 2 {
            return Ok(());
        }
        let posterior = self.prior.posterior(&self.expanded(self.fresh_total()))?;
        let behind = self.total.len()..self.total.len() + self.fresh - 1;
        let places: Vec<usize> = std::iter::once(self.target).chain(behind).collect();
        let expectations = posterior.expectations().only(&places);
        let mut log_parts = vec![0.0; self.fresh];
        let shares = self.shares.chunks_exact_mut(self.fresh);
        for (shares, &(row, share)) in shares.zip(&self.members) {
            expectations.shares(self.rows.row(row), shares, &mut log_parts);
            shares.iter_mut().for_each(|part| *part *= share);
        }
        Ok(())
    }

    /// Does without fresh components of fewer than `fewest` atoms.
    fn give_up_small(&mut self, fewest: f64) -> Result<(), Error> {
        let total = self.fresh_total();
        let keep: Vec<usize> = (0..self.fresh).filter(|&j| total[j].count >= fewest).collect();
        if keep.len() == self.fresh {
            return Ok(());
        }
        let kept = |shares: &[f64]| keep.iter().map(|&j| shares[j]).collect::<Vec<_>>();
        self.shares = self.shares.chunks_exact(self.fresh).flat_map(kept).collect();
        self.fresh = keep.len();
        self.refine(STEPS_AFTER_CHANGE)
    }

    /// Joins fresh components, the pair with the highest bound first, as long as the bound does not
    /// fall. Two are left at least: whether they are better than one is judged on the whole.
    fn join(&mut self) -> Result<(), Error> {
        while self.fresh > 2 {
            let total = self.fresh_total();
            let bound = self.prior.bound(&self.expanded(total.clone()));
            let pairs = (0..self.fresh).flat_map(|b| (0..b).map(move |a| (a, b)));
            let judged = pairs.map(|pair| (self.bound_joined(total.clone(), pair), pair));
            let best = judged.max_by(|a, b| a.0.total_cmp(&b.0));
            let Some((_, pair)) = best.filter(|&(joined, _)| holds(joined, bound)) else { break };
            self.shares = self.joined(pair);
            self.fresh -= 1;
            self.refine(STEPS_AFTER_CHANGE)?;
        }
        Ok(())
    }

    /// The bound of all rows if two of the fresh components were one.
    fn bound_joined(&self, mut fresh: Vec<Moments>, (into, gone): (usize, usize)) -> f64 {
        let shares = self.shares.chunks_exact(self.fresh);
        let members: f64 = shares.map(|shares| entropy(shares[into] + shares[gone])).sum();
        // The first has the rows that are not divided, too. `into` is the lower of the two.
        let rest: f64 = self.rest.iter().map(|rest| rest.entropy).sum();
        let entropy = if into == 0 { members + rest } else { members };
        fresh[into] = fresh[into].joined(&fresh[gone], entropy);
        fresh.remove(gone);
        self.prior.bound(&self.expanded(fresh))
    }

    /// Shares after two fresh components have become one.
    fn joined(&self, (into, gone): (usize, usize)) -> Vec<f64> {
        let mut joined = Vec::with_capacity(self.members.len() * (self.fresh - 1));
        for shares in self.shares.chunks_exact(self.fresh) {
            let part = |j: usize| if j == into { shares[into] + shares[gone] } else { shares[j] };
            joined.extend((0..self.fresh).filter(|&j| j != gone).map(part));
        }
        joined
    }

    /// Statistics of all rows for all components, with these fresh ones in place of the target.
    fn expanded(&self, fresh: Vec<Moments>) -> Vec<Moments> {
        expanded(self.total, self.target, fresh)
    }

    fn fresh_total(&self) -> Vec<Moments> {
        let batches: Vec<_> = (0..self.batches.len()).map(|batch| self.moments(batch)).collect();
        sum(&batches)
    }

    /// Statistics of the fresh components in one batch, `[fresh]`.
    fn moments(&self, batch: usize) -> Vec<Moments> {
        let mut moments = Moments::zeros(self.fresh, self.rows.dim());
        for n in self.batches[batch].clone() {
            let row = self.rows.row(self.members[n].0);
            let shares = &self.shares[n * self.fresh..][..self.fresh];
            for (moments, &share) in moments.iter_mut().zip(shares).filter(|(_, s)| **s > 0.0) {
                moments.add_row(row, share, entropy(share));
            }
        }
        if let Some(first) = moments.first_mut() {
            *first += self.rest[batch];
        }
        moments
    }
}

fn squared_distance(a: &[f64], b: &[f64], precision: &[f64]) -> f64 {
    a.iter().zip(b).zip(precision).map(|((a, b), p)| p * (a - b) * (a - b)).sum()
}
