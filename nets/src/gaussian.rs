//! Gaussians and their formulas, one number at a time: what the actors use, and what the tensor
//! code of the learner must agree with.
//!
//! Arithmetic is in `f64` and `exp`, `log` and `tanh` come from the `libm` crate, so that the
//! numbers do not depend on the machine's C library.

use rand::{Rng, RngExt as _};
use rand_distr::StandardNormal;
use std::f64::consts::{LN_2, PI};
use types::experiment::Variance;

/// The least and the greatest log σ of the policy.
pub const LOG_STD_RANGE: [f32; 2] = [-20., 2.];
/// The least variance of one factor of the posterior.
pub const MIN_VARIANCE: f64 = 1e-7;

/// log(1 + eˣ), without overflow: max(x, 0) + log(1 + e^(-|x|)).
#[must_use]
pub fn softplus(x: f64) -> f64 {
    x.max(0.) + libm::log1p(libm::exp(-x.abs()))
}

/// The variance that a head's number `raw` stands for: max(softplus(raw), 1e-7), or e^raw.
#[must_use]
pub fn variance(form: Variance, raw: f32) -> f64 {
    match form {
        Variance::Softplus => softplus(f64::from(raw)).max(MIN_VARIANCE),
        Variance::Exponential => libm::exp(f64::from(raw)),
    }
}

/// log π(a) of a = tanh(u), u = `mean` + σ `noise`, over all components (all slices have the same
/// length):
///
/// Σ [ -½ ε² - log σ - ½ log 2π - log(1 - tanh² u) ], with
/// log(1 - tanh² u) = 2 (log 2 - u - softplus(-2u)),
///
/// which stays exact where tanh² u rounds to 1 (Haarnoja et al. 2018, arXiv 1801.01290, appendix C,
/// for the density; the right-hand side follows from 1 - tanh² u = 4 e^(-2u) / (1 + e^(-2u))²).
#[must_use]
pub fn squashed_log_prob(mean: &[f32], log_std: &[f32], noise: &[f32]) -> f64 {
    let components = mean.iter().zip(log_std).zip(noise);
    components
        .map(|((&mean, &log_std), &noise)| {
            let (mean, log_std, noise) = (f64::from(mean), f64::from(log_std), f64::from(noise));
            let u = mean + libm::exp(log_std) * noise;
            let gaussian = -0.5 * (noise * noise + libm::log(2. * PI)) - log_std;
            gaussian - 2. * (LN_2 - u - softplus(-2. * u))
        })
        .sum()
}

/// KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ (σ² + μ² - 1 - log σ²), over all components.
#[must_use]
pub fn kl_to_standard(mean: &[f32], variance: &[f32]) -> f64 {
    let components = mean.iter().zip(variance);
    components
        .map(|(&mean, &variance)| {
            let (mean, variance) = (f64::from(mean), f64::from(variance));
            0.5 * (variance + mean * mean - 1. - libm::log(variance))
        })
        .sum()
}

/// Mean and variance `[dim]` of the normalised product of Gaussians with `means` and `variances`
/// `[n, dim]`: 1/σ² = Σ 1/σ_i², μ = σ² Σ μ_i/σ_i² (PEARL, arXiv 1903.08254, section 4.2).
#[must_use]
pub fn product(dim: usize, means: &[f32], variances: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let column = |values: &[f32], d: usize| -> Vec<f64> {
        let column = values.iter().skip(d).step_by(dim);
        column.map(|&v| f64::from(v)).collect()
    };
    let one = |d: usize| {
        let (means, variances) = (column(means, d), column(variances, d));
        let variance = 1. / variances.iter().map(|v| 1. / v).sum::<f64>();
        let weighted: f64 = means.iter().zip(&variances).map(|(m, v)| m / v).sum();
        (variance * weighted, variance)
    };
    (0..dim).map(one).unzip()
}

/// Fills `out` with independent draws from N(0, 1).
pub fn fill_standard_normal<R: Rng + ?Sized>(rng: &mut R, out: &mut [f32]) {
    out.fill_with(|| rng.sample(StandardNormal));
}

#[allow(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
pub(crate) fn narrow(value: f64) -> f32 {
    value as f32
}
