//! Windows: the transitions right before one, as an encoder of the last transitions sees them.

use crate::experience::ChunkLayout;
use crate::replay::ring::Ring;
use crate::replay::row::RowLayout;
use types::experiment::{Context, Encoder, Inference, Memory, Within};

/// Which transitions a window holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowShape {
    /// Rows.
    pub size: usize,
    /// Every so-manieth transition is taken, the newest first.
    pub stride: usize,
    /// How far back it reaches.
    pub within: Within,
    /// The fewest rows that a window is cut to where staggered states will run over it; `size`
    /// where it is never cut.
    pub least: usize,
}

impl WindowShape {
    /// The windows of an experiment; `None` where the context is a set.
    #[must_use]
    pub fn of(inference: &Inference) -> Option<Self> {
        let Context::Window { size, stride, within } = inference.context else {
            return None;
        };
        let least = match &inference.encoder {
            Encoder::Gru { memory: Memory::Staggered { states }, .. } => size - size / states + 1,
            _ => size,
        };
        Some(Self { size, stride, within, least })
    }
}

impl WindowShape {
    /// Rows that the window before transition `number` is cut to: as on an actor with staggered
    /// states, where the oldest state grows by a row at each step and then gives way to the next.
    #[must_use]
    pub fn limit(&self, number: u64) -> usize {
        let lengths = (self.size - self.least + 1) as u64;
        self.least + usize::try_from(number % lengths).unwrap_or(0)
    }
}

/// Windows on the host, reused from update to update.
#[derive(Debug, Default)]
pub struct HostWindows {
    /// `[contexts, size, width]`: oldest first, absent rows in front and zero.
    pub rows: Vec<f32>,
    /// `[contexts]`: rows that are present.
    pub lengths: Vec<i64>,
}

impl HostWindows {
    /// Empties it and keeps the memory.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.lengths.clear();
    }

    /// Adds the window that ends right before transition `end`, whose episode or trial has `reach`
    /// transitions before it; at most `limit` rows.
    pub fn push(
        &mut self,
        ring: &Ring,
        (chunks, layout): (ChunkLayout, &RowLayout),
        shape: WindowShape,
        (end, reach): (u64, u64),
        limit: usize,
    ) {
        let stride = shape.stride as u64;
        let there = usize::try_from(reach.div_ceil(stride)).unwrap_or(usize::MAX);
        let present = there.min(shape.size).min(limit);
        let width = layout.context_width();
        let start = self.rows.len();
        self.rows.resize(start + (shape.size - present) * width, 0.0);
        for back in (0..present as u64).rev() {
            ring.one(end - 1 - back * stride, chunks, |transitions, i| {
                layout.push_context(&transitions, i, &mut self.rows);
            });
        }
        self.lengths.push(present as i64);
    }
}
