//! q(z|context) as it grows, one transition at a time.

use crate::Error;
use crate::error::length;
use crate::gaussian::narrow;

/// A running product of Gaussian factors; N(0, I) while there are none.
///
/// It keeps Σ 1/σ_i² and Σ μ_i/σ_i² in `f64`, so that a factor costs one addition each and the
/// order of the factors hardly matters. The prior is not one of the factors, as in PEARL.
#[derive(Debug, Clone, PartialEq)]
pub struct Posterior {
    precision: Vec<f64>,
    weighted_mean: Vec<f64>,
    factors: usize,
}

impl Posterior {
    /// N(0, I) over `latent` numbers.
    #[must_use]
    pub fn new(latent: usize) -> Self {
        Self { precision: vec![0.; latent], weighted_mean: vec![0.; latent], factors: 0 }
    }

    /// Numbers in z.
    #[must_use]
    pub fn latent(&self) -> usize {
        self.precision.len()
    }

    /// Factors multiplied so far.
    #[must_use]
    pub fn factors(&self) -> usize {
        self.factors
    }

    /// Back to N(0, I).
    pub fn reset(&mut self) {
        self.precision.fill(0.);
        self.weighted_mean.fill(0.);
        self.factors = 0;
    }

    /// Multiplies the factor N(mean, variance) in; both `[latent]`.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn add(&mut self, mean: &[f32], variance: &[f32]) -> Result<(), Error> {
        length("mean of a factor", self.latent(), mean.len())?;
        length("variance of a factor", self.latent(), variance.len())?;
        let factor = mean.iter().zip(variance);
        let sums = self.precision.iter_mut().zip(&mut self.weighted_mean);
        for ((precision, weighted_mean), (&mean, &variance)) in sums.zip(factor) {
            *precision += 1. / f64::from(variance);
            *weighted_mean += f64::from(mean) / f64::from(variance);
        }
        self.factors += 1;
        Ok(())
    }

    /// Multiplies a factor in that is written as 1/σ² and μ/σ² `[2, latent]`.
    pub(crate) fn multiply(&mut self, factor: &[f64]) {
        let (precision, weighted_mean) = factor.split_at(self.latent());
        crate::encoder::add(&mut self.precision, precision);
        crate::encoder::add(&mut self.weighted_mean, weighted_mean);
        self.factors += 1;
    }

    /// μ `[latent]`.
    #[must_use]
    pub fn mean(&self) -> Vec<f32> {
        self.moments().map(|(mean, _)| narrow(mean)).collect()
    }

    /// σ² `[latent]`.
    #[must_use]
    pub fn variance(&self) -> Vec<f32> {
        let variances = self.moments();
        variances.map(|(_, variance)| narrow(variance)).collect()
    }

    /// Turns ε ~ N(0, I) in `z` `[latent]` into z = μ + σ ε; with no factors that leaves it as it
    /// is, a draw from the prior.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn shift(&self, z: &mut [f32]) -> Result<(), Error> {
        length("z", self.latent(), z.len())?;
        for (z, (mean, variance)) in z.iter_mut().zip(self.moments()) {
            *z = narrow(mean + variance.sqrt() * f64::from(*z));
        }
        Ok(())
    }

    /// (μ, σ²) per component.
    fn moments(&self) -> impl Iterator<Item = (f64, f64)> {
        let sums = self.precision.iter().zip(&self.weighted_mean);
        sums.map(|(&precision, &weighted_mean)| {
            if self.factors == 0 { (0., 1.) } else { (weighted_mean / precision, 1. / precision) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gaussian;
    use types::{Role, stream};

    #[test]
    fn one_by_one_is_the_product_of_all() {
        const LATENT: usize = 5;
        let mut rng = stream(1, Role::Latent, 0, 0);
        let mut numbers = vec![0.; 2 * 1000 * LATENT];
        gaussian::fill_standard_normal(&mut rng, &mut numbers);
        let (means, spreads) = numbers.split_at(1000 * LATENT);
        let variances: Vec<f32> = spreads.iter().map(|s| (3. * s).exp().max(1e-7)).collect();
        let mut running = Posterior::new(LATENT);
        for (mean, variance) in means.chunks(LATENT).zip(variances.chunks(LATENT)) {
            running.add(mean, variance).unwrap();
        }
        let (mean, variance) = gaussian::product(LATENT, means, &variances);
        for d in 0..LATENT {
            let relative = f64::from(running.variance()[d]) / variance[d] - 1.;
            assert!(relative.abs() < 1e-6, "variance: {relative}");
            let difference = f64::from(running.mean()[d]) - mean[d];
            assert!(difference.abs() < 1e-6 * mean[d].abs().max(1.), "mean: {difference}");
        }
    }

    #[test]
    fn without_context_it_is_the_prior() {
        let mut posterior = Posterior::new(2);
        posterior.add(&[1., 2.], &[0.25, 4.]).unwrap();
        let mut z = [1., -1.];
        posterior.shift(&mut z).unwrap();
        assert_eq!(z, [1.5, 0.]);
        posterior.reset();
        posterior.shift(&mut z).unwrap();
        assert_eq!(z, [1.5, 0.]);
        assert_eq!((posterior.mean(), posterior.variance()), (vec![0.; 2], vec![1.; 2]));
    }

    #[test]
    fn a_factor_of_another_dimension_is_refused() {
        let refused = Posterior::new(2).add(&[1., 2.], &[1.]).unwrap_err();
        assert_eq!(refused.to_string(), "variance of a factor: expected 2 numbers, got 1");
    }
}
