//! Contexts and what is to be reconstructed from them: what an update of the encoder draws.

use crate::experience::{ChunkLayout, ChunkMeta};
use crate::replay::ring::Ring;
use crate::replay::row::RowLayout;
use crate::replay::window::{HostWindows, WindowShape};
use rand::{Rng, RngExt as _};
use types::experiment::{Sampling, Within};

/// What an update of the encoder draws.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContextDraw {
    /// Windows.
    pub shape: WindowShape,
    /// Transitions to reconstruct per window.
    pub targets: usize,
    /// Windows per update.
    pub batch: usize,
    /// Which transitions.
    pub sampling: Sampling,
    /// Fraction of the trials that are held out; 0 for none.
    pub held_out: f64,
}

/// Which trials are drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Those that are not held out.
    Training,
    /// Those that are.
    Validation,
    /// All.
    Whole,
}

impl ContextDraw {
    /// Whether transitions of a chunk may be drawn. Whole episodes are held out, or whole trials
    /// where windows reach from one episode into the next.
    #[must_use]
    fn accepts(&self, part: Part, chunk: &ChunkMeta) -> bool {
        let number = match self.shape.within {
            Within::Episode => chunk.trial().0 + u64::from(chunk.episode()),
            Within::Trial => chunk.trial().0,
        };
        match part {
            Part::Whole => true,
            Part::Training => !is_held_out(number, self.held_out),
            Part::Validation => is_held_out(number, self.held_out),
        }
    }
}

/// A fraction of the numbers is held out, evenly spread and without a period that tasks could
/// share: multiples of the golden ratio, modulo 1, that lie below it.
#[must_use]
fn is_held_out(number: u64, fraction: f64) -> bool {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let place = number.wrapping_add(1).wrapping_mul(GOLDEN);
    (place as f64) < fraction * (u64::MAX as f64)
}

/// Contexts on the host, reused from update to update.
#[derive(Debug, Default)]
pub struct HostContexts {
    /// Right before the present transitions.
    pub windows: HostWindows,
    /// `[contexts, targets, row]`: the present transition last, zeros in front of the first of its
    /// episode.
    pub targets: Vec<f32>,
    /// `[contexts, targets]`: 1 for a transition that is there, else 0.
    pub present: Vec<f32>,
    /// `[contexts]`: the task in force, by its position in the list of training tasks.
    pub tasks: Vec<u32>,
}

impl HostContexts {
    /// Empties it and keeps the memory.
    pub fn clear(&mut self) {
        self.windows.clear();
        self.targets.clear();
        self.present.clear();
        self.tasks.clear();
    }

    /// Adds a context of a task, unless the transition that is drawn is of a trial that `part`
    /// leaves out.
    pub fn draw<R: Rng>(
        &mut self,
        (task, ring): (u32, &Ring),
        layouts: (ChunkLayout, &RowLayout),
        draw: &ContextDraw,
        part: Part,
        rng: &mut R,
    ) -> bool {
        if ring.is_empty() {
            return false;
        }
        let held = ring.numbers();
        let number = match draw.sampling {
            Sampling::Uniform => rng.random_range(held),
            // The larger of two uniform numbers has a density that rises linearly.
            Sampling::Linear => rng.random_range(held.clone()).max(rng.random_range(held)),
        };
        if !ring.meta(number).is_some_and(|chunk| draw.accepts(part, chunk)) {
            return false;
        }
        let shape = draw.shape;
        let limit = rng.random_range(shape.least..=shape.size);
        let reach = ring.reach(number, shape.within);
        self.windows.push(ring, layouts, shape, (number, reach), limit);
        self.push_targets(ring, layouts, number, draw.targets);
        self.push_task(ring, layouts.0, number, task);
        true
    }

    fn push_targets(
        &mut self,
        ring: &Ring,
        (chunks, layout): (ChunkLayout, &RowLayout),
        number: u64,
        targets: usize,
    ) {
        let before = usize::try_from(ring.reach(number, Within::Episode)).unwrap_or(usize::MAX);
        let present = targets.min(before.saturating_add(1));
        let absent = targets - present;
        self.targets.resize(self.targets.len() + absent * layout.width(), 0.0);
        self.present.extend(std::iter::repeat_n(0.0, absent));
        self.present.extend(std::iter::repeat_n(1.0, present));
        for back in (0..present as u64).rev() {
            ring.one(number - back, chunks, |transitions, i| {
                layout.push_row(&transitions, i, &mut self.targets);
            });
        }
    }

    fn push_task(&mut self, ring: &Ring, chunks: ChunkLayout, number: u64, task: u32) {
        let mut in_force = task;
        ring.one(number, chunks, |transitions, i| {
            in_force = transitions.task_in_force(i).unwrap_or(task);
        });
        self.tasks.push(in_force);
    }
}
