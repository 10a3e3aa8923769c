//! The experience of one task: a ring of rows, and a smaller ring of context rows.

use rand::{Rng, RngExt as _};

/// Numbers in a block of a ring.
const BLOCK: usize = 256 * 1024;

/// A ring of rows of equal width that grows up to its capacity.
///
/// It grows block by block, so that what is stored never moves, and memory of a block that was not
/// yet written to is not yet taken from the system.
#[derive(Debug)]
pub struct Ring {
    width: usize,
    capacity: usize,
    /// Rows in every block but the last, which holds what is left of the capacity.
    block: usize,
    blocks: Vec<Vec<f32>>,
    len: usize,
    next: usize,
    inserted: u64,
}

impl Ring {
    /// An empty ring for `capacity` rows of `width` numbers.
    #[must_use]
    pub fn new(width: usize, capacity: usize) -> Self {
        Self::with_blocks(width, capacity, (BLOCK / width).max(1))
    }

    fn with_blocks(width: usize, capacity: usize, block: usize) -> Self {
        Self { width, capacity, block, blocks: Vec::new(), len: 0, next: 0, inserted: 0 }
    }

    /// Rows held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Rows ever inserted.
    #[must_use]
    pub fn inserted(&self) -> u64 {
        self.inserted
    }

    /// The place of the next row; the oldest row gives way once the ring is full.
    pub fn slot(&mut self) -> &mut [f32] {
        let position = self.next;
        if position == self.blocks.len() * self.block {
            let rows = self.block.min(self.capacity - position);
            self.blocks.push(vec![0.0; rows * self.width]);
        }
        self.len = self.len.max(position + 1);
        self.next = (position + 1) % self.capacity;
        self.inserted += 1;
        let start = position % self.block * self.width;
        &mut self.blocks[position / self.block][start..start + self.width]
    }

    /// Appends `count` rows, drawn uniformly with replacement, to `out`.
    ///
    /// Draws nothing from an empty ring.
    pub fn sample<R: Rng>(&self, count: usize, rng: &mut R, out: &mut Vec<f32>) {
        if self.is_empty() {
            return;
        }
        for _ in 0..count {
            let position = rng.random_range(0..self.len);
            let start = position % self.block * self.width;
            out.extend_from_slice(&self.blocks[position / self.block][start..start + self.width]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Role, stream};

    #[test]
    fn the_newest_rows_are_kept_whole_whatever_the_blocks() {
        const CAPACITY: usize = 7;
        for (block, rows) in
            [1, 2, 3, 6, 7, 100].into_iter().flat_map(|b| [1, 6, 7, 8, 17].map(|r| (b, r)))
        {
            let mut ring = Ring::with_blocks(3, CAPACITY, block);
            (0..rows).for_each(|row| ring.slot().fill(row as f32));
            assert_eq!((ring.len(), ring.inserted()), (rows.min(CAPACITY), rows as u64));
            let mut out = Vec::new();
            ring.sample(500, &mut stream(1, Role::Sample, 0, 0), &mut out);
            let (drawn, rest) = out.as_chunks::<3>();
            let mut drawn = drawn.to_vec();
            drawn.sort_by(|a, b| a[0].total_cmp(&b[0]));
            drawn.dedup();
            let kept = (rows.saturating_sub(CAPACITY)..rows).map(|row| [row as f32; 3]);
            assert_eq!((drawn, rest), (kept.collect(), &[][..]), "{rows} rows, blocks of {block}");
        }
    }

    #[test]
    fn nothing_is_drawn_from_an_empty_ring() {
        let mut out = Vec::new();
        Ring::new(3, 5).sample(4, &mut stream(1, Role::Sample, 0, 0), &mut out);
        assert!(out.is_empty());
    }
}
