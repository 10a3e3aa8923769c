//! What the encoder said of the transitions of a task when it was run over all of them: CEMRL's
//! relabelling.

use crate::experience::ChunkLayout;
use crate::replay::ring::Ring;
use crate::replay::row::RowLayout;
use crate::replay::window::{HostWindows, WindowShape};
use std::ops::Range;

/// The label before and the label after each transition of a run of them.
#[derive(Debug, Default)]
pub struct Labels {
    /// Numbers in a label.
    width: usize,
    /// Number of the first transition that has labels.
    first: u64,
    /// `[transitions, 2, width]`.
    numbers: Vec<f32>,
}

impl Labels {
    /// Transitions that have labels.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        let count = self.numbers.len().checked_div(2 * self.width).unwrap_or(0);
        self.first..self.first + count as u64
    }

    /// Labels before and after transition `number`, side by side.
    #[must_use]
    pub fn of(&self, number: u64) -> Option<(&[f32], &[f32])> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let both = self.numbers.get(place * 2 * self.width..(place + 1) * 2 * self.width)?;
        Some(both.split_at(self.width))
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.numbers.clear();
    }

    /// Adds labels `[transitions, 2, width]` of the transitions from `first` on: behind those that
    /// there are, or in place of them if they do not fit there.
    pub fn extend(&mut self, first: u64, width: usize, numbers: &[f32]) {
        if self.width != width || self.range().end != first || self.numbers.is_empty() {
            self.numbers.clear();
            (self.width, self.first) = (width, first);
        }
        self.numbers.extend_from_slice(numbers);
    }

    /// Drops the labels of transitions before `number`.
    pub fn drop_before(&mut self, number: u64) {
        let old = number.saturating_sub(self.first).min(self.range().end - self.first);
        // Moved rarely: only when a quarter of what is kept is old.
        let total = self.range().end - self.first;
        if old * 4 > total {
            let numbers = usize::try_from(old).unwrap_or(0) * 2 * self.width;
            self.numbers.drain(..numbers);
            self.first += old;
        }
    }
}

/// Windows that have to be encoded for the labels of a run of transitions.
#[derive(Debug, Default)]
pub struct Unlabelled {
    /// The windows.
    pub windows: HostWindows,
    /// For each transition: which window is the one before it, and which the one after it.
    pub places: Vec<[usize; 2]>,
}

impl Unlabelled {
    /// The windows of transitions `numbers`. The one after a transition is the one before the next,
    /// but at the end of an episode or of the run.
    pub fn gather(
        &mut self,
        ring: &Ring,
        layouts: (ChunkLayout, &RowLayout),
        shape: WindowShape,
        numbers: Range<u64>,
    ) {
        self.windows.clear();
        self.places.clear();
        let mut shared = None;
        for number in numbers.clone() {
            let reach = ring.reach(number, shape.within);
            let before = shared.take().unwrap_or_else(|| {
                self.windows.push(ring, layouts, shape, (number, reach), shape.limit(number));
                self.windows.lengths.len() - 1
            });
            let after = number + 1;
            self.windows.push(ring, layouts, shape, (after, reach + 1), shape.limit(after));
            let after = self.windows.lengths.len() - 1;
            self.places.push([before, after]);
            shared = (!ring.ends_episode(number)).then_some(after);
        }
    }
}
