//! Contexts, and what the networks see of their rows.

use crate::{EncoderSpec, Error, INPUTS, Params};
use types::experiment::LinearMap;

/// What the networks see of a context row.
#[derive(Debug)]
pub(crate) struct Inputs {
    /// Numbers in a row.
    pub(crate) width: usize,
    /// Numbers that the networks see of it.
    pub(crate) seen: usize,
    map: Option<LinearMap>,
    /// Scale and shift of each number, where rows are normalised.
    scales: Vec<(f32, f32)>,
}

impl Inputs {
    pub(crate) fn of(spec: &EncoderSpec, params: &Params) -> Result<Self, Error> {
        let networks = spec.networks();
        let scales = match networks.iter().find(|network| network.name == INPUTS) {
            None => Vec::new(),
            Some(network) => {
                let shapes = network.parameters();
                let (scale, shift) = (params.data(&shapes[0])?, params.data(&shapes[1])?);
                scale.iter().copied().zip(shift.iter().copied()).collect()
            }
        };
        Ok(Self { width: spec.width(), seen: spec.input(), map: spec.inputs.clone(), scales })
    }

    /// Fills `seen` `[seen]` with what is seen of `row` `[width]`.
    pub(crate) fn see(&self, row: &[f32], seen: &mut [f32]) {
        match &self.map {
            None => seen.copy_from_slice(row),
            Some(map) => apply(map, row, seen),
        }
        for (number, &(scale, shift)) in seen.iter_mut().zip(&self.scales) {
            *number = *number * scale + shift;
        }
    }
}

/// Weighted sums of columns, one per list of `map`.
pub(crate) fn apply(map: &LinearMap, columns: &[f32], sums: &mut [f32]) {
    for (sum, terms) in sums.iter_mut().zip(map) {
        *sum = terms.iter().map(|&(column, weight)| weight * columns[column]).sum();
    }
}

/// Rows of several contexts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contexts<'a> {
    /// The rows that are there, `[Σ lengths, width]`, context by context and oldest first.
    pub(crate) rows: &'a [f32],
    /// Rows of each.
    pub(crate) lengths: &'a [usize],
    pub(crate) inputs: &'a Inputs,
}

impl<'a> Contexts<'a> {
    pub(crate) fn len(&self) -> usize {
        self.lengths.len()
    }

    /// The rows of each context.
    pub(crate) fn iter(self) -> impl Iterator<Item = &'a [f32]> {
        let mut rest = self.rows;
        self.lengths.iter().map(move |length| {
            let (rows, others) = rest.split_at(length * self.inputs.width);
            rest = others;
            rows
        })
    }

    /// All rows, one after the other.
    pub(crate) fn all(self) -> impl Iterator<Item = &'a [f32]> {
        self.rows.chunks_exact(self.inputs.width)
    }
}
