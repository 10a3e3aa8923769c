//! Contexts whose rows are added up.

use super::rows::Rows;
use super::sliding::Sliding;
use crate::EncoderSpec;
use crate::encoder::{Element, Inputs, Transitions, add};
use types::experiment::{Context, Encoder, Merge};

/// Per slot the sum of what the encoder says of its rows.
#[derive(Debug)]
pub(super) struct Sums {
    sums: Vec<Sliding>,
    /// Rows beside each other that make one item.
    together: usize,
    /// Numbers in an item.
    item: usize,
    /// `[slots asked for, item]`.
    totals: Vec<f64>,
    /// Slot and number of each item that is still to be added.
    pending: Vec<(usize, usize)>,
}

impl Sums {
    pub(super) fn new(spec: &EncoderSpec, merge: Merge, slots: usize) -> Self {
        let together = if merge == Merge::Pairs { 2 } else { 1 };
        let item = if merge == Merge::Product { 2 * spec.latent } else { spec.features() };
        let window = match spec.context {
            Context::Set { .. } => None,
            Context::Window { size, .. } => Some(size + 1 - together),
        };
        let sums = (0..slots).map(|_| Sliding::new(item, window)).collect();
        Self { sums, together, item, totals: Vec::new(), pending: Vec::new() }
    }

    pub(super) fn start(&mut self, slot: usize) {
        self.sums[slot].restart(0);
    }

    /// Brings the sums of the slots `asked` up to date and reads them into `out`.
    pub(super) fn read<'a>(
        &mut self,
        slots: &[Rows],
        asked: &[usize],
        (transitions, inputs): (&mut Transitions, &Inputs),
        out: impl Iterator<Item = &'a mut [f32]>,
    ) {
        self.catch_up(slots, asked, transitions, inputs);
        self.totals.resize(asked.len() * self.item, 0.);
        for (total, &slot) in self.totals.chunks_exact_mut(self.item).zip(asked) {
            self.sums[slot].total(total);
        }
        if self.together == 2 {
            self.close(slots, asked, transitions, inputs);
        }
        let totals = self.totals.chunks_exact(self.item).zip(asked);
        for (out, (total, &slot)) in out.zip(totals) {
            transitions.read(total, slots[slot].taken().count(), out);
        }
    }

    /// Runs the rows that came since the last time. What has left a window meanwhile is passed by.
    fn catch_up(
        &mut self,
        slots: &[Rows],
        asked: &[usize],
        transitions: &mut Transitions,
        inputs: &Inputs,
    ) {
        for &slot in asked {
            let first = slots[slot].first();
            if self.sums[slot].count() < first {
                self.sums[slot].restart(first);
            }
        }
        let pending = asked.iter().flat_map(|&slot| {
            let items = (slots[slot].count() + 1).saturating_sub(self.together);
            (self.sums[slot].count()..items).map(move |index| (slot, index))
        });
        self.pending.clear();
        self.pending.extend(pending);
        let elements = self.pending.iter().map(|&(owner, index)| {
            let rows = &slots[owner];
            Element { owner, row: rows.row(index), next: rows.row(index + self.together - 1) }
        });
        transitions.run(inputs, elements, |slot, item| self.sums[slot].push(item));
    }

    /// Adds what the last row and the first make together, which no two windows share.
    fn close(
        &mut self,
        slots: &[Rows],
        asked: &[usize],
        transitions: &mut Transitions,
        inputs: &Inputs,
    ) {
        let whole = asked.iter().enumerate().filter_map(|(owner, &slot)| {
            let next = slots[slot].taken().next()?;
            let row = slots[slot].row(slots[slot].count() - 1);
            Some(Element { owner, row, next })
        });
        let (totals, item) = (&mut self.totals, self.item);
        transitions.run(inputs, whole, |owner, numbers| {
            add(&mut totals[owner * item..][..item], numbers);
        });
    }

    /// Which encoders these are for.
    pub(super) fn merge_of(spec: &EncoderSpec) -> Option<Merge> {
        match spec.body {
            Encoder::Transitions { merge, .. } => Some(merge),
            _ => None,
        }
    }
}
