//! The experience of one task: a ring of rows, and a smaller ring of context rows.

use rand::{Rng, RngExt as _};

/// A ring of rows of equal width that grows up to its capacity.
#[derive(Debug)]
pub struct Ring {
    width: usize,
    capacity: usize,
    rows: Vec<f32>,
    next: usize,
    inserted: u64,
}

impl Ring {
    /// An empty ring for `capacity` rows of `width` numbers.
    #[must_use]
    pub fn new(width: usize, capacity: usize) -> Self {
        Self { width, capacity, rows: Vec::new(), next: 0, inserted: 0 }
    }

    /// Rows held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len() / self.width
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows ever inserted.
    #[must_use]
    pub fn inserted(&self) -> u64 {
        self.inserted
    }

    /// The place of the next row; the oldest row gives way once the ring is full.
    pub fn slot(&mut self) -> &mut [f32] {
        let start = self.next * self.width;
        if start == self.rows.len() {
            self.rows.resize(start + self.width, 0.0);
        }
        self.next = (self.next + 1) % self.capacity;
        self.inserted += 1;
        &mut self.rows[start..start + self.width]
    }

    /// Appends `count` rows, drawn uniformly with replacement, to `out`.
    ///
    /// Draws nothing from an empty ring.
    pub fn sample<R: Rng>(&self, count: usize, rng: &mut R, out: &mut Vec<f32>) {
        if self.is_empty() {
            return;
        }
        let rows = self.len();
        for _ in 0..count {
            let start = rng.random_range(0..rows) * self.width;
            out.extend_from_slice(&self.rows[start..start + self.width]);
        }
    }
}

/// The experience of one task.
#[derive(Debug)]
pub struct TaskReplay {
    /// Whole rows, for the agent.
    pub transitions: Ring,
    /// Context rows, for the encoder. Holds as much as one trial collects for context, so that
    /// a new trial replaces the context of the one before, as PEARL clears its encoder buffer.
    pub context: Ring,
}
