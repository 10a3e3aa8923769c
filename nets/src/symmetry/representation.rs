//! What a group does to a row of numbers, and the layers that commute with it.

use super::group::{Action, Group};
use crate::Ties;

/// What each element of a group does to a row of numbers.
#[derive(Debug, Clone)]
pub(super) struct Representation {
    /// One per element, in the group's order.
    actions: Vec<Action>,
}

impl Representation {
    pub(super) fn new(actions: Vec<Action>) -> Self {
        Self { actions }
    }

    /// `numbers` that no element changes.
    pub(super) fn trivial(group: &Group, numbers: usize) -> Self {
        Self::new(vec![Action::identity(numbers); group.order()])
    }

    /// Numbers in a row.
    pub(super) fn dim(&self) -> usize {
        self.actions.first().map_or(0, |identity| identity.0.len())
    }

    /// Rows of the one kind and rows of the other side by side.
    pub(super) fn beside(self, other: &Self) -> Self {
        let pairs = self.actions.into_iter().zip(&other.actions);
        Self::new(pairs.map(|(one, other)| one.beside(other)).collect())
    }

    /// `times` rows side by side.
    pub(super) fn repeated(&self, times: usize) -> Self {
        let none = Self::new(vec![Action::identity(0); self.actions.len()]);
        (0..times).fold(none, |all, _| all.beside(self))
    }

    /// The same without signs: how spreads change when the numbers themselves change so.
    pub(super) fn unsigned(&self) -> Self {
        let mut unsigned = self.clone();
        let places = unsigned.actions.iter_mut().flat_map(|action| &mut action.0);
        places.for_each(|place| place.negated = false);
        unsigned
    }
}

/// The matrices W `[output, input]` with ρ_out(g) W = W ρ_in(g) for all g.
///
/// Signed permutations take entries to entries, so an orbit of entries is one free number up to
/// signs; it has to vanish if it comes back to an entry with the other sign. (Such matrices are all
/// there are: the sum over the group of ρ_out(g) W ρ_in(g)⁻¹, which is what symmetrizing a matrix
/// means, does just this to each basis matrix.)
pub(super) fn commuting(output: &Representation, input: &Representation) -> Ties {
    let (rows, columns) = (output.dim(), input.dim());
    let mut orbits = Orbits { index: vec![None; rows * columns], sign: vec![0.; rows * columns] };
    let mut free = 0;
    for entry in 0..rows * columns {
        if orbits.index[entry].is_none() {
            let images = orbit(output, input, entry / columns, entry % columns);
            free += orbits.take(free, images);
        }
    }
    let index = orbits.index.into_iter().map(|index| index.unwrap_or(0)).collect();
    // Where nothing is free there is still one number, so that no tensor is empty.
    Ties { free: free.max(1) as usize, index, sign: orbits.sign }
}

/// Entries that are equal to entry (`row`, `column`), with their sign.
fn orbit(
    output: &Representation,
    input: &Representation,
    row: usize,
    column: usize,
) -> impl Iterator<Item = (usize, f32)> {
    let columns = input.dim();
    output.actions.iter().zip(&input.actions).map(move |(output, input)| {
        let (row, column) = (output.0[row], input.0[column]);
        let sign = if row.negated == column.negated { 1. } else { -1. };
        (row.from * columns + column.from, sign)
    })
}

/// Which free number each entry is, as far as that is known.
struct Orbits {
    index: Vec<Option<u32>>,
    sign: Vec<f32>,
}

impl Orbits {
    /// Makes `images` the free number `index`; gives the number of free numbers that makes, 0 or 1.
    fn take(&mut self, index: u32, images: impl Iterator<Item = (usize, f32)>) -> u32 {
        let images: Vec<(usize, f32)> = images.collect();
        let mut vanishes = false;
        for &(entry, sign) in &images {
            vanishes |= self.index[entry].is_some() && self.sign[entry] != sign;
            self.index[entry] = Some(index);
            self.sign[entry] = sign;
        }
        if vanishes {
            for (entry, _) in images {
                self.index[entry] = Some(0);
                self.sign[entry] = 0.;
            }
        }
        u32::from(!vanishes)
    }
}
