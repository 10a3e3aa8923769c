//! What a caller chooses about a fit.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Prior, effort and moves of a fit.
///
/// Numbers of atoms are sums of responsibilities over all rows of the data. (bnpy counts the atoms of
/// a target within one batch. Its third threshold, below which a refused proposal is not carried on to
/// the next batch, has no counterpart: a proposal here is judged on all batches at once.)
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// γ0: the larger, the more components are expected beforehand. Greater than 0.
    pub concentration: f64,
    /// sF: the variance expected beforehand in each dimension, E\[Σ\] = sF·I. Greater than 0.
    pub scale: f64,
    /// κ: how many rows the prior mean 0 counts for. Greater than 0.
    pub kappa: f64,
    /// Into how many parts the rows are split; their statistics are kept apart. At least 1.
    pub batches: usize,
    /// How often each batch is visited at most, after the first look at the data. At least 1.
    pub laps: usize,
    /// A fit ends early after three laps in a row that accept no move and raise the bound by less than
    /// this part of it. At least 0.
    pub tolerance: f64,
    /// Fresh components that a birth proposes in place of its target. At least 2.
    pub fresh: usize,
    /// A component with fewer atoms is not the target of a birth. At least 0.
    pub fewest_in_target: f64,
    /// A fresh component with fewer atoms is given up before the proposal is judged. At least 0.
    pub fewest_in_fresh: f64,
    /// Births stop at this many components. At least 1.
    pub most_components: usize,
    /// Which moves are tried.
    pub moves: Moves,
}

/// Which moves are tried at the end of each lap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moves {
    /// Split a component into fresh ones.
    pub birth: bool,
    /// Join two components.
    pub merge: bool,
    /// Give the rows of a small component to the others.
    pub delete: bool,
    /// Order components by size, which sticks favour.
    pub shuffle: bool,
}

impl Moves {
    /// No moves: coordinate ascent with the components of the start.
    pub const NONE: Self = Self { birth: false, merge: false, delete: false, shuffle: false };
    /// All moves.
    pub const ALL: Self = Self { birth: true, merge: true, delete: true, shuffle: true };
}

impl Settings {
    /// As MELTS fits the latents of its task encoder: refitted after each epoch from the fit before,
    /// so that two laps are enough.
    #[must_use]
    pub fn melts() -> Self {
        Self {
            concentration: 5.0,
            scale: 0.1,
            kappa: 1e-4,
            batches: 5,
            laps: 2,
            tolerance: 1e-7,
            fresh: 4,
            fewest_in_target: 16.0,
            fewest_in_fresh: 1.0,
            most_components: 100,
            moves: Moves { delete: false, shuffle: false, ..Moves::ALL },
        }
    }

    /// As GASP fits the latents of its skill encoder, of which an epoch has many thousand.
    #[must_use]
    pub fn gasp() -> Self {
        Self {
            fresh: 5,
            fewest_in_target: 960.0,
            fewest_in_fresh: 800.0,
            moves: Moves::ALL,
            ..Self::melts()
        }
    }

    /// Every field is in its range.
    ///
    /// # Errors
    /// [`Error::Setting`] for the first that is not.
    pub fn check(&self) -> Result<(), Error> {
        positive("concentration", self.concentration)?;
        positive("scale", self.scale)?;
        positive("kappa", self.kappa)?;
        at_least("batches", self.batches, 1, "at least 1")?;
        at_least("laps", self.laps, 1, "at least 1")?;
        not_negative("tolerance", self.tolerance)?;
        at_least("fresh", self.fresh, 2, "at least 2")?;
        not_negative("fewest_in_target", self.fewest_in_target)?;
        not_negative("fewest_in_fresh", self.fewest_in_fresh)?;
        at_least("most_components", self.most_components, 1, "at least 1")
    }
}

fn positive(name: &'static str, got: f64) -> Result<(), Error> {
    let fits = got.is_finite() && got > 0.0;
    check(name, fits, "finite and greater than 0", got)
}

fn not_negative(name: &'static str, got: f64) -> Result<(), Error> {
    let fits = got.is_finite() && got >= 0.0;
    check(name, fits, "finite and at least 0", got)
}

fn at_least(
    name: &'static str,
    got: usize,
    least: usize,
    range: &'static str,
) -> Result<(), Error> {
    check(name, got >= least, range, got)
}

fn check(
    name: &'static str,
    fits: bool,
    expected: &'static str,
    got: impl ToString,
) -> Result<(), Error> {
    if fits { Ok(()) } else { Err(Error::Setting { name, expected, got: got.to_string() }) }
}
