//! `[symmetry]`: transformations that a solution commutes with.

use super::{InvalidValue, check};
use serde::{Deserialize, Serialize};

/// What becomes of the numbers of a row: entry `±j` at place i says that number i of the result is
/// ± number j of the row, counted from 1. `[-1, -2]` is a negation, `[2, 1]` an exchange.
pub type SignedPermutation = Vec<i32>;

/// `[symmetry]`: a finite group that acts on observations, actions and latents. Encoder, policy and
/// critics are built so that they commute with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Symmetry {
    /// Transformations that generate the group.
    pub generators: Vec<Generator>,
}

/// One transformation. Rewards do not change under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generator {
    /// Of observations.
    pub observation: SignedPermutation,
    /// Of actions.
    pub action: SignedPermutation,
    /// Of z.
    pub latent: SignedPermutation,
}

impl Symmetry {
    pub(super) fn validate(&self) -> Result<(), InvalidValue> {
        let some = !self.generators.is_empty();
        check(some, "symmetry.generators", "at least one transformation", "none")?;
        self.generators.iter().try_for_each(|generator| {
            is_permutation("symmetry.generators.observation", &generator.observation)?;
            is_permutation("symmetry.generators.action", &generator.action)?;
            is_permutation("symmetry.generators.latent", &generator.latent)
        })
    }
}

fn is_permutation(key: &'static str, images: &[i32]) -> Result<(), InvalidValue> {
    let mut sorted: Vec<u32> = images.iter().map(|image| image.unsigned_abs()).collect();
    sorted.sort_unstable();
    let whole = sorted.iter().copied().eq(1..=u32::try_from(images.len()).unwrap_or(u32::MAX));
    check(whole, key, "each of 1, 2, … once, with either sign", format!("{images:?}"))
}
