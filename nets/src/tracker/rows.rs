//! The rows of one context.

use crate::EncoderSpec;
use types::experiment::{Context, Encoder, Memory};

/// Rows that are kept of what a state was carried through, to go through them again with other
/// weights.
const CARRIED: usize = 2048;

/// Rows of a context as they come, the last of them kept.
#[derive(Debug)]
pub(crate) struct Rows {
    width: usize,
    /// Rows that are kept; none for all.
    limit: Option<usize>,
    /// Rows that a description takes at most, and every so-manieth of which.
    size: usize,
    stride: usize,
    /// Row i is at place i, or at i modulo `limit`.
    numbers: Vec<f32>,
    /// Rows since the start.
    count: usize,
}

impl Rows {
    pub(crate) fn of(spec: &EncoderSpec) -> Self {
        let width = spec.width();
        let (limit, size, stride) = match spec.context {
            Context::Set { .. } => (None, usize::MAX, 1),
            Context::Window { size, stride: 1, .. } if is_carried(spec) => {
                (Some(size.max(CARRIED)), size, 1)
            }
            Context::Window { size, stride, .. } => (Some(size * stride), size, stride),
        };
        let numbers = Vec::with_capacity(limit.unwrap_or(0) * width);
        Self { width, limit, size, stride, numbers, count: 0 }
    }

    pub(crate) fn clear(&mut self) {
        self.numbers.clear();
        self.count = 0;
    }

    pub(crate) fn reserve(&mut self, rows: usize) {
        if self.limit.is_none() {
            self.numbers.reserve(rows * self.width);
        }
    }

    pub(crate) fn push(&mut self, row: &[f32]) {
        match self.limit {
            Some(limit) if self.count >= limit => {
                let start = self.count % limit * self.width;
                self.numbers[start..][..self.width].copy_from_slice(row);
            }
            _ => self.numbers.extend_from_slice(row),
        }
        self.count += 1;
    }

    /// Rows since the start.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The first row that is still there.
    pub(crate) fn first(&self) -> usize {
        self.limit.map_or(0, |limit| self.count.saturating_sub(limit))
    }

    /// Row `index`, counted from the start.
    pub(crate) fn row(&self, index: usize) -> &[f32] {
        let place = self.limit.map_or(index, |limit| index % limit);
        &self.numbers[place * self.width..][..self.width]
    }

    /// Rows that a description takes, oldest first.
    pub(crate) fn taken(&self) -> impl Iterator<Item = &[f32]> {
        let there = self.count - self.first();
        let taken = there.div_ceil(self.stride).min(self.size);
        (0..taken).rev().map(|back| self.row(self.count - 1 - back * self.stride))
    }
}

fn is_carried(spec: &EncoderSpec) -> bool {
    matches!(spec.body, Encoder::Gru { memory: Memory::Carried, .. })
}
