//! The statistics of each batch: all that a fit remembers between looks at the rows.

use crate::statistics::Moments;

/// `[batches][components]`.
#[derive(Debug, Clone)]
pub(super) struct Memo {
    batches: Vec<Vec<Moments>>,
}

impl Memo {
    /// One entry per batch, all with the same components.
    pub(super) fn new(batches: Vec<Vec<Moments>>) -> Self {
        Self { batches }
    }

    /// The statistics of all rows, `[components]`. Summed anew each time, so that rounding does not add
    /// up over laps.
    pub(super) fn total(&self) -> Vec<Moments> {
        sum(&self.batches)
    }

    pub(super) fn components(&self) -> usize {
        self.batches.first().map_or(0, Vec::len)
    }

    pub(super) fn replace(&mut self, batch: usize, moments: Vec<Moments>) {
        self.batches[batch] = moments;
    }

    /// Makes `gone` part of `into`, `entropies` being those of the two together in each batch.
    pub(super) fn join(&mut self, into: usize, gone: usize, entropies: impl Iterator<Item = f64>) {
        for (batch, entropy) in self.batches.iter_mut().zip(entropies) {
            batch[into] = batch[into].joined(&batch[gone], entropy);
            batch.remove(gone);
        }
    }

    /// Puts `fresh`, `[batches][fresh components]`, in the place of `target`: the first where it was,
    /// the others behind all.
    pub(super) fn split(&mut self, target: usize, fresh: Vec<Vec<Moments>>) {
        for (batch, fresh) in self.batches.iter_mut().zip(fresh) {
            *batch = expanded(batch, target, fresh);
        }
    }

    /// Component `order[k]` becomes component k.
    pub(super) fn reorder(&mut self, order: &[usize]) {
        for batch in &mut self.batches {
            *batch = order.iter().map(|&k| batch[k].clone()).collect();
        }
    }
}

/// `moments` with `fresh` in the place of `target`, as [`Memo::split`] puts them.
pub(super) fn expanded(moments: &[Moments], target: usize, fresh: Vec<Moments>) -> Vec<Moments> {
    let mut expanded = moments.to_vec();
    let mut fresh = fresh.into_iter();
    if let Some(first) = fresh.next() {
        expanded[target] = first;
    }
    expanded.extend(fresh);
    expanded
}

/// Component by component over batches, of which there is at least one.
pub(super) fn sum(batches: &[Vec<Moments>]) -> Vec<Moments> {
    let mut total = batches.first().cloned().unwrap_or_default();
    for batch in batches.iter().skip(1) {
        for (total, moments) in total.iter_mut().zip(batch) {
            *total += moments;
        }
    }
    total
}
