//! What a posterior expects of the log-probability of a row: the local step.

use std::f64::consts::PI;

use special::Gamma as _;

use crate::mixture::{Component, Stick};

/// Expected log-probabilities under q, worked out once per posterior.
///
/// ```text
/// E[ln w_k p(x | μ_k, λ_k)] = constant_k − ½ Σ_d precision_kd (x_d − mean_kd)²
/// constant_k  = E[ln w_k] + ½ Σ_d (E[ln λ_kd] − 1/κ_k − ln 2π)
/// precision_kd = ν_k / β_kd          E[ln λ_kd] = ψ(ν_k / 2) − ln(β_kd / 2)
/// ```
#[derive(Debug, Clone)]
pub(crate) struct Expectations {
    dim: usize,
    /// `[components]`
    constant: Vec<f64>,
    /// `[components, dim]`
    mean: Vec<f64>,
    /// `[components, dim]`
    precision: Vec<f64>,
}

impl Expectations {
    /// For components of `dim` numbers, as many as sticks.
    pub(crate) fn new(dim: usize, components: &[Component], sticks: &[Stick]) -> Self {
        let log_weights = log_weights(sticks);
        let constant =
            components.iter().zip(log_weights).map(|(c, log_weight)| log_weight + constant(c));
        let precision = components.iter().flat_map(|c| c.beta.iter().map(|beta| c.nu / beta));
        Self {
            dim,
            constant: constant.collect(),
            mean: components.iter().flat_map(|c| c.mean.iter().copied()).collect(),
            precision: precision.collect(),
        }
    }

    /// Only the components `keep`, in their order.
    pub(crate) fn only(&self, keep: &[usize]) -> Self {
        let rows = |from: &[f64]| {
            keep.iter().flat_map(|k| from[k * self.dim..][..self.dim].to_vec()).collect()
        };
        Self {
            dim: self.dim,
            constant: keep.iter().map(|&k| self.constant[k]).collect(),
            mean: rows(&self.mean),
            precision: rows(&self.precision),
        }
    }

    pub(crate) fn components(&self) -> usize {
        self.constant.len()
    }

    /// E[ln w_k p(x | k)] of the row, `[components]`.
    pub(crate) fn log_joint(&self, row: &[f64], out: &mut [f64]) {
        let parameters =
            self.mean.chunks_exact(self.dim).zip(self.precision.chunks_exact(self.dim));
        for ((out, constant), (mean, precision)) in
            out.iter_mut().zip(&self.constant).zip(parameters)
        {
            let distance: f64 =
                row.iter().zip(mean).zip(precision).map(|((x, m), p)| p * (x - m) * (x - m)).sum();
            *out = constant - 0.5 * distance;
        }
    }

    /// Responsibilities of the components for the row into `shares`, their logarithms into
    /// `log_shares`; both `[components]`.
    pub(crate) fn shares(&self, row: &[f64], shares: &mut [f64], log_shares: &mut [f64]) {
        self.log_joint(row, log_shares);
        let most = log_shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut total = 0.0;
        for (share, log_share) in shares.iter_mut().zip(log_shares.iter()) {
            *share = (log_share - most).exp();
            total += *share;
        }
        let log_total = most + total.ln();
        for (share, log_share) in shares.iter_mut().zip(log_shares.iter_mut()) {
            *share /= total;
            *log_share -= log_total;
        }
    }
}

/// E[ln w_k] = E[ln u_k] + Σ_{l<k} E[ln(1 − u_l)]
fn log_weights(sticks: &[Stick]) -> Vec<f64> {
    let mut passed = 0.0;
    let mut log_weights = Vec::with_capacity(sticks.len());
    for stick in sticks {
        let both = (stick.taken + stick.left).digamma();
        log_weights.push(passed + stick.taken.digamma() - both);
        passed += stick.left.digamma() - both;
    }
    log_weights
}

fn constant(component: &Component) -> f64 {
    let half = (component.nu / 2.0).digamma();
    let per_dimension =
        |beta: &f64| half - (beta / 2.0).ln() - 1.0 / component.kappa - (2.0 * PI).ln();
    0.5 * component.beta.iter().map(per_dimension).sum::<f64>()
}
