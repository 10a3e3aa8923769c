//! Numbers in memory, as vector instructions like them.

/// Numbers that start at a cache line, so that no vector straddles two.
#[derive(Debug)]
pub(crate) struct Aligned {
    storage: Vec<f32>,
    start: usize,
}

impl Aligned {
    pub(crate) fn zeros(len: usize) -> Self {
        const LINE: usize = 64;
        let slack = LINE / size_of::<f32>();
        let storage = vec![0.; len + slack];
        let start = storage.as_ptr().align_offset(LINE).min(slack);
        let mut aligned = Self { storage, start };
        aligned.storage.truncate(start + len);
        aligned
    }

    pub(crate) fn get(&self) -> &[f32] {
        &self.storage[self.start..]
    }

    pub(crate) fn get_mut(&mut self) -> &mut [f32] {
        &mut self.storage[self.start..]
    }
}

/// Rows of numbers, each padded to whole vectors.
#[derive(Debug)]
pub(crate) struct Activations {
    pub(crate) width: usize,
    pub(crate) stride: usize,
    pub(crate) numbers: Aligned,
    rows: usize,
}

impl Activations {
    /// Of `width` numbers, for vectors of `lanes`.
    pub(crate) fn new(width: usize, lanes: usize) -> Self {
        Self { width, stride: width.next_multiple_of(lanes), rows: 0, numbers: Aligned::zeros(0) }
    }

    /// Room for so many rows; what was there is lost where there was less.
    pub(crate) fn reserve(&mut self, rows: usize) {
        if rows > self.rows {
            self.rows = rows;
            self.numbers = Aligned::zeros(rows * self.stride);
        }
    }

    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.numbers.get()[row * self.stride..][..self.width]
    }
}
