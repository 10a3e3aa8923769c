//! The posterior: what a fit returns, a checkpoint keeps and the next fit starts from.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::expectations::Expectations;

/// Posterior of one component, Normal-Gamma in each dimension:
/// λ_d ~ Gamma(ν/2, β_d/2), μ_d ~ N(mean_d, 1 / (κ λ_d)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// ν, greater than 2.
    pub nu: f64,
    /// κ, greater than 0.
    pub kappa: f64,
    /// `[dim]`
    pub mean: Vec<f64>,
    /// β, `[dim]`, greater than 0.
    pub beta: Vec<f64>,
}

/// Posterior of one stick, Beta(taken, left): the part that this component takes of what those before
/// it left.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stick {
    /// η1, greater than 0.
    pub taken: f64,
    /// η0, greater than 0.
    pub left: f64,
}

/// A fitted Dirichlet-process mixture of diagonal Gaussians. A value of this type has been checked;
/// reading one from a file checks it too.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Parameters", into = "Parameters")]
pub struct Mixture {
    components: Vec<Component>,
    sticks: Vec<Stick>,
    /// Follows from the other two.
    expectations: Expectations,
}

/// What is written down of a mixture.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    components: Vec<Component>,
    sticks: Vec<Stick>,
}

impl Mixture {
    /// A mixture of at least one component, with a stick each.
    ///
    /// # Errors
    /// Components of different dimension, another number of sticks, parameters out of range.
    pub fn new(components: Vec<Component>, sticks: Vec<Stick>) -> Result<Self, Error> {
        let dim = components.first().map_or(0, |c| c.mean.len());
        if dim == 0 {
            return Err(Error::NoDimension);
        }
        size("the list of sticks", components.len(), sticks.len())?;
        for (k, (component, stick)) in components.iter().zip(&sticks).enumerate() {
            check_component(k, dim, component)?;
            greater(k, "taken", "finite and greater than 0", stick.taken, 0.0)?;
            greater(k, "left", "finite and greater than 0", stick.left, 0.0)?;
        }
        let expectations = Expectations::new(dim, &components, &sticks);
        Ok(Self { components, sticks, expectations })
    }

    /// The number of components, at least 1.
    #[must_use]
    pub fn components(&self) -> usize {
        self.components.len()
    }

    /// Numbers in a row, at least 1.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.components[0].mean.len()
    }

    /// Posterior parameters of the components, `[components]`.
    #[must_use]
    pub fn parameters(&self) -> &[Component] {
        &self.components
    }

    /// Posterior parameters of the sticks, `[components]`.
    #[must_use]
    pub fn sticks(&self) -> &[Stick] {
        &self.sticks
    }

    /// E\[w\], `[components]`. They sum to less than 1: the rest belongs to components that no data
    /// have asked for yet.
    #[must_use]
    pub fn weights(&self) -> Vec<f64> {
        let mut rest = 1.0;
        let mut weights = Vec::with_capacity(self.sticks.len());
        for stick in &self.sticks {
            let taken = stick.taken / (stick.taken + stick.left);
            weights.push(rest * taken);
            rest *= 1.0 - taken;
        }
        weights
    }

    /// E\[μ\], `[components, dim]` row by row.
    #[must_use]
    pub fn means(&self) -> Vec<f64> {
        self.components.iter().flat_map(|c| c.mean.iter().copied()).collect()
    }

    /// The diagonals of E\[Σ\] = β / (ν − 2), `[components, dim]` row by row.
    #[must_use]
    pub fn variances(&self) -> Vec<f64> {
        let of = |c: &Component| c.beta.iter().map(|beta| beta / (c.nu - 2.0)).collect::<Vec<_>>();
        self.components.iter().flat_map(of).collect()
    }

    /// Responsibilities of the components for the rows of `data`, `[rows, dim]`, into `out`,
    /// `[rows, components]`: r_k ∝ exp(E\[ln w_k\] + E\[ln N(x; μ_k, 1/λ_k)\]). Those of a row sum to 1.
    ///
    /// # Errors
    /// Rows that are not whole, another size of `out`, a number that is not finite.
    pub fn responsibilities(&self, data: &[f32], out: &mut [f64]) -> Result<(), Error> {
        check_rows(data, self.dimension())?;
        let rows = data.len() / self.dimension();
        size("responsibilities", rows * self.components(), out.len())?;
        let mut row = vec![0.0; self.dimension()];
        let mut log_shares = vec![0.0; self.components()];
        let shares = out.chunks_exact_mut(self.components());
        for (x, shares) in data.chunks_exact(self.dimension()).zip(shares) {
            widen(x, &mut row);
            self.expectations.shares(&row, shares, &mut log_shares);
        }
        Ok(())
    }

    /// The component that is most responsible for the row `x`, `[dim]`, counted from zero; the first
    /// of several.
    ///
    /// # Errors
    /// Another size of `x`, or a number in it that is not finite.
    pub fn assign(&self, x: &[f32]) -> Result<usize, Error> {
        size("a row", self.dimension(), x.len())?;
        Ok(self.labels(x)?[0])
    }

    /// What [`Self::assign`] says of each row of `data`, `[rows, dim]`.
    ///
    /// # Errors
    /// Rows that are not whole, or a number that is not finite.
    pub fn labels(&self, data: &[f32]) -> Result<Vec<usize>, Error> {
        check_rows(data, self.dimension())?;
        let mut row = vec![0.0; self.dimension()];
        let mut log_joint = vec![0.0; self.components()];
        let label = |x: &[f32]| {
            widen(x, &mut row);
            self.expectations.log_joint(&row, &mut log_joint);
            first_largest(&log_joint)
        };
        Ok(data.chunks_exact(self.dimension()).map(label).collect())
    }

    /// The same mixture with every mean moved by `offset`, `[dim]`.
    pub(crate) fn moved(mut self, offset: &[f64]) -> Result<Self, Error> {
        for component in &mut self.components {
            for (mean, by) in component.mean.iter_mut().zip(offset) {
                *mean += by;
            }
        }
        Self::new(self.components, self.sticks)
    }

    pub(crate) fn expectations(&self) -> &Expectations {
        &self.expectations
    }
}

impl PartialEq for Mixture {
    fn eq(&self, other: &Self) -> bool {
        self.components == other.components && self.sticks == other.sticks
    }
}

impl TryFrom<Parameters> for Mixture {
    type Error = Error;

    fn try_from(parameters: Parameters) -> Result<Self, Error> {
        Self::new(parameters.components, parameters.sticks)
    }
}

impl From<Mixture> for Parameters {
    fn from(mixture: Mixture) -> Self {
        Self { components: mixture.components, sticks: mixture.sticks }
    }
}

/// `data` are whole rows of `dim` finite numbers.
pub(crate) fn check_rows(data: &[f32], dim: usize) -> Result<(), Error> {
    if dim == 0 {
        return Err(Error::NoDimension);
    }
    if !data.len().is_multiple_of(dim) {
        return Err(Error::NotWholeRows { dim, len: data.len() });
    }
    match data.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Error::NotFinite { row: at / dim, column: at % dim, value: data[at] }),
        None => Ok(()),
    }
}

fn widen(x: &[f32], row: &mut [f64]) {
    for (wide, &x) in row.iter_mut().zip(x) {
        *wide = f64::from(x);
    }
}

/// Where the largest number is; the first of several.
fn first_largest(numbers: &[f64]) -> usize {
    let mut best = 0;
    for (k, &number) in numbers.iter().enumerate() {
        if number > numbers[best] {
            best = k;
        }
    }
    best
}

fn check_component(k: usize, dim: usize, component: &Component) -> Result<(), Error> {
    size("a mean", dim, component.mean.len())?;
    size("a list of β", dim, component.beta.len())?;
    greater(k, "nu", "finite and greater than 2", component.nu, 2.0)?;
    greater(k, "kappa", "finite and greater than 0", component.kappa, 0.0)?;
    for &beta in &component.beta {
        greater(k, "beta", "finite and greater than 0", beta, 0.0)?;
    }
    for &mean in &component.mean {
        greater(k, "mean", "finite", mean, f64::NEG_INFINITY)?;
    }
    Ok(())
}

fn size(what: &'static str, expected: usize, got: usize) -> Result<(), Error> {
    if expected == got { Ok(()) } else { Err(Error::Size { what, expected, got }) }
}

/// `got` is finite and greater than `above`.
fn greater(
    component: usize,
    name: &'static str,
    expected: &'static str,
    got: f64,
    above: f64,
) -> Result<(), Error> {
    if got.is_finite() && got > above {
        Ok(())
    } else {
        Err(Error::Parameter { name, component, expected, got })
    }
}
