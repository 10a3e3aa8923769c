//! The data of a fit, checked, moved and split into batches.

use std::ops::Range;

use rand::Rng;
use rand::seq::SliceRandom as _;

use crate::Error;
use crate::mixture::check_rows;

/// Rows in f64 around their mean, in random order, so that each batch is a fair part of them.
///
/// Moving the rows and the mean of the prior alike changes nothing in the model, and keeps Σx² − (Σx)²/N
/// exact for data far from zero.
#[derive(Debug)]
pub(super) struct Rows {
    dim: usize,
    /// `[rows, dim]`
    values: Vec<f64>,
    /// What was taken away from each row, `[dim]`.
    centre: Vec<f64>,
    batches: Vec<Range<usize>>,
}

impl Rows {
    pub(super) fn new(
        data: &[f32],
        dim: usize,
        batches: usize,
        rng: &mut impl Rng,
    ) -> Result<Self, Error> {
        check_rows(data, dim)?;
        if data.len() / dim < batches {
            return Err(Error::TooFewRows { expected: batches, got: data.len() / dim });
        }
        let centre = centre(data, dim);
        let rows = data.len() / dim;
        let mut order: Vec<usize> = (0..rows).collect();
        order.shuffle(rng);
        let moved = |row: &usize| {
            let row = &data[row * dim..][..dim];
            row.iter().zip(&centre).map(|(&x, c)| f64::from(x) - c).collect::<Vec<_>>()
        };
        let values = order.iter().flat_map(moved).collect();
        let batches = (0..batches).map(|b| b * rows / batches..(b + 1) * rows / batches).collect();
        Ok(Self { dim, values, centre, batches })
    }

    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    pub(super) fn centre(&self) -> &[f64] {
        &self.centre
    }

    /// Which rows each batch has; one after the other, none empty.
    pub(super) fn batches(&self) -> &[Range<usize>] {
        &self.batches
    }

    pub(super) fn row(&self, index: usize) -> &[f64] {
        &self.values[index * self.dim..][..self.dim]
    }
}

fn centre(data: &[f32], dim: usize) -> Vec<f64> {
    let rows = (data.len() / dim) as f64;
    let mut sum = vec![0.0; dim];
    for row in data.chunks_exact(dim) {
        for (sum, &x) in sum.iter_mut().zip(row) {
            *sum += f64::from(x);
        }
    }
    sum.iter().map(|sum| sum / rows).collect()
}
