//! The finite group that a declared symmetry generates.

use crate::Error;
use types::experiment::{SignedPermutation, Symmetry};

/// Most elements of a group: hidden layers have a number per element.
const MOST: usize = 64;

/// A signed permutation: number i of the result is ± number `from` of what it acts on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Action(pub(super) Vec<Place>);

/// Where one number comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    pub(super) from: usize,
    pub(super) negated: bool,
}

impl Action {
    pub(super) fn identity(dim: usize) -> Self {
        Self((0..dim).map(|from| Place { from, negated: false }).collect())
    }

    /// From what is written in an experiment: ±j, counted from 1.
    fn of(images: &SignedPermutation) -> Self {
        let place = |&image: &i32| Place {
            from: (image.unsigned_abs() as usize).saturating_sub(1),
            negated: image < 0,
        };
        Self(images.iter().map(place).collect())
    }

    /// First `before`, then this.
    fn after(&self, before: &Self) -> Self {
        let place = |place: &Place| {
            let Place { from, negated } = before.0[place.from];
            Place { from, negated: negated != place.negated }
        };
        Self(self.0.iter().map(place).collect())
    }

    /// Both side by side.
    pub(super) fn beside(mut self, other: &Self) -> Self {
        let dim = self.0.len();
        self.0.extend(other.0.iter().map(|place| Place { from: place.from + dim, ..*place }));
        self
    }

    /// The numbers from `start` on, `dim` of them, which the action keeps together.
    fn part(&self, start: usize, dim: usize) -> Self {
        let places = self.0[start..start + dim].iter();
        Self(places.map(|place| Place { from: place.from - start, ..*place }).collect())
    }
}

/// All transformations that the generators make together, each with what it does to observations,
/// actions and latents side by side; the first is the identity.
#[derive(Debug)]
pub(super) struct Group {
    elements: Vec<Action>,
    dims: [usize; 3],
}

impl Group {
    /// # Errors
    /// [`Error::Spec`] if the generators act on different numbers of numbers, are no signed
    /// permutations, or generate more than 64 elements.
    pub(super) fn of(symmetry: &Symmetry) -> Result<Self, Error> {
        let parts = symmetry.generators.iter().map(|g| [&g.observation, &g.action, &g.latent]);
        let dims: Vec<[usize; 3]> = parts.clone().map(|part| part.map(Vec::len)).collect();
        let first = dims.first().copied().unwrap_or_default();
        if let Some(other) = dims.iter().find(|dims| **dims != first) {
            let expected = format!("{first:?} numbers of observation, action and latent in all");
            return refuse("generators", expected, format!("{other:?}"));
        }
        if let Some(images) = parts.clone().flatten().find(|images| !is_signed_permutation(images))
        {
            let expected = "each of 1, 2, … once, with either sign".to_owned();
            return refuse("generators", expected, format!("{images:?}"));
        }
        let actions = parts.map(|[observation, action, latent]| {
            Action::of(observation).beside(&Action::of(action)).beside(&Action::of(latent))
        });
        let elements = closure(&actions.collect::<Vec<_>>(), first.iter().sum())?;
        Ok(Self { elements, dims: first })
    }

    /// Elements.
    pub(super) fn order(&self) -> usize {
        self.elements.len()
    }

    /// Numbers of observation, action and latent.
    pub(super) fn dims(&self) -> [usize; 3] {
        self.dims
    }

    /// What each element does to observations (0), actions (1) or latents (2).
    pub(super) fn acting_on(&self, part: usize) -> Vec<Action> {
        let start = self.dims[..part].iter().sum();
        self.elements.iter().map(|element| element.part(start, self.dims[part])).collect()
    }

    /// What each element does to numbers that belong to the elements: g takes that of h to gh.
    pub(super) fn regular(&self) -> Vec<Action> {
        let position = |wanted: &Action| self.elements.iter().position(|e| e == wanted);
        let action = |g: &Action| {
            let mut places = Action::identity(self.order()).0;
            for (from, h) in self.elements.iter().enumerate() {
                if let Some(to) = position(&g.after(h)) {
                    places[to].from = from;
                }
            }
            Action(places)
        };
        self.elements.iter().map(action).collect()
    }
}

/// Everything that `generators` make. (Of finite order as they are, they need no inverses.)
fn closure(generators: &[Action], dim: usize) -> Result<Vec<Action>, Error> {
    let mut elements = vec![Action::identity(dim)];
    let mut next = 0;
    while next < elements.len() {
        for generator in generators {
            let product = generator.after(&elements[next]);
            if !elements.contains(&product) {
                elements.push(product);
            }
        }
        if elements.len() > MOST {
            let expected = format!("generators of at most {MOST} transformations");
            return refuse("generators", expected, "more".to_owned());
        }
        next += 1;
    }
    Ok(elements)
}

fn is_signed_permutation(images: &SignedPermutation) -> bool {
    let mut places: Vec<u32> = images.iter().map(|image| image.unsigned_abs()).collect();
    places.sort_unstable();
    places.iter().zip(1..).all(|(&place, expected)| place == expected)
}

pub(super) fn refuse<T>(field: &str, expected: String, got: String) -> Result<T, Error> {
    Err(Error::Spec { field: format!("symmetry.{field}"), expected, got })
}
