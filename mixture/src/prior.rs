//! The prior, what statistics make of it, and the evidence lower bound.
//!
//! Given responsibilities, the best q(sticks) and q(components) are the conjugate posteriors of their
//! statistics. At these the expected log-likelihood of the rows less the divergence of q from the prior
//! is a difference of log-normalisers, so that the bound needs the statistics alone:
//!
//! ```text
//! ELBO = Σ_k [ln Z(ν_k, κ_k, β_k) − ln Z(ν, κ, β) − N_k D/2 ln 2π]     rows and components
//!      + Σ_k [ln B(1 + N_k, γ0 + N_>k) − ln B(1, γ0)]                  labels and sticks
//!      − Σ_k Σ_n r_nk ln r_nk                                          entropy of labels
//! ```
//!
//! with Z of Normal-Gamma: ln Z = Σ_d [ln Γ(ν/2) − ν/2 ln(β_d/2) − ½ ln κ + ½ ln 2π]. (Hughes and
//! Sudderth 2013, section 2; Bishop, "Pattern Recognition and Machine Learning" (2006), section 10.2.)
//! Sticks beyond the last component keep their prior and add nothing.

use std::f64::consts::PI;

use special::Gamma;

use crate::mixture::{Component, Mixture, Stick};
use crate::statistics::Moments;
use crate::{Error, Settings};

/// The prior of a fit over rows of `dim` numbers.
#[derive(Debug, Clone)]
pub(crate) struct Prior {
    concentration: f64,
    /// ν = dim + 2, so that E[Σ] = β / (ν − 2) exists.
    nu: f64,
    kappa: f64,
    /// `[dim]`
    mean: Vec<f64>,
    /// β = sF (ν − 2), the same in each dimension.
    beta: f64,
}

impl Prior {
    /// The prior that `settings` describe, with means around `mean`, `[dim]`.
    pub(crate) fn new(settings: &Settings, mean: Vec<f64>) -> Self {
        let nu = mean.len() as f64 + 2.0;
        let beta = settings.scale * (nu - 2.0);
        Self { concentration: settings.concentration, nu, kappa: settings.kappa, mean, beta }
    }

    /// The posterior of all components and sticks.
    pub(crate) fn posterior(&self, moments: &[Moments]) -> Result<Mixture, Error> {
        let components = moments.iter().map(|m| self.component(m)).collect();
        Mixture::new(components, self.sticks(&counts(moments)))
    }

    /// The posterior of one component: ν + N, κ + N, (κ m + Σx) / (κ + N), and
    /// β + Σx² − (Σx)² / N + (x̄ − m)² κ N / (κ + N).
    pub(crate) fn component(&self, moments: &Moments) -> Component {
        let kappa = self.kappa + moments.count;
        let shifted = self.mean.iter().zip(&moments.sum).map(|(m, s)| (self.kappa * m + s) / kappa);
        let mean = shifted.collect();
        let beta = (0..self.mean.len()).map(|d| self.beta(moments, d)).collect();
        Component { nu: self.nu + moments.count, kappa, mean, beta }
    }

    /// Posterior of the stick of each component: Beta(1 + N_k, γ0 + N_>k).
    fn sticks(&self, counts: &[f64]) -> Vec<Stick> {
        let mut rest = 0.0;
        let mut sticks: Vec<Stick> = Vec::with_capacity(counts.len());
        for count in counts.iter().rev() {
            sticks.push(Stick { taken: 1.0 + count, left: self.concentration + rest });
            rest += count;
        }
        sticks.reverse();
        sticks
    }

    /// The evidence lower bound in nats, of responsibilities with these statistics under their best
    /// q(sticks) and q(components).
    pub(crate) fn bound(&self, moments: &[Moments]) -> f64 {
        let rows: f64 = moments.iter().map(|m| self.evidence(m) + m.entropy).sum();
        rows + self.stick_bound(&counts(moments))
    }

    /// ln of the weighted likelihood of the rows of one component, its parameters integrated out.
    pub(crate) fn evidence(&self, moments: &Moments) -> f64 {
        let dim = self.mean.len() as f64;
        let nu = self.nu + moments.count;
        let kappa = self.kappa + moments.count;
        let spread: f64 = (0..self.mean.len())
            .map(|d| {
                0.5 * self.nu * (self.beta / 2.0).ln()
                    - 0.5 * nu * (self.beta(moments, d) / 2.0).ln()
            })
            .sum();
        let per_dimension = ln_gamma(nu / 2.0) - ln_gamma(self.nu / 2.0)
            + 0.5 * (self.kappa / kappa).ln()
            - 0.5 * moments.count * (2.0 * PI).ln();
        dim * per_dimension + spread
    }

    /// The part of the bound that comes from labels and sticks, given the atoms of each component.
    pub(crate) fn stick_bound(&self, counts: &[f64]) -> f64 {
        let prior = ln_beta(1.0, self.concentration);
        self.sticks(counts).iter().map(|stick| ln_beta(stick.taken, stick.left) - prior).sum()
    }

    fn beta(&self, moments: &Moments, d: usize) -> f64 {
        // Without rows there is no mean of rows, and the posterior is the prior.
        if moments.count <= f64::MIN_POSITIVE {
            return self.beta;
        }
        let row_mean = moments.sum[d] / moments.count;
        // Not negative but for rounding.
        let scatter = (moments.square[d] - moments.sum[d] * row_mean).max(0.0);
        let pull = self.kappa * moments.count / (self.kappa + moments.count);
        self.beta + scatter + pull * (row_mean - self.mean[d]).powi(2)
    }
}

/// Atoms of each component.
pub(crate) fn counts(moments: &[Moments]) -> Vec<f64> {
    moments.iter().map(|m| m.count).collect()
}

fn ln_gamma(x: f64) -> f64 {
    Gamma::ln_gamma(x).0
}

fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use special::Gamma as _;

    use super::*;
    use crate::statistics::entropy;

    const DIM: usize = 2;
    const COMPONENTS: usize = 3;

    /// E_q[ln p(rows, labels, sticks, components) − ln q], term by term from the definition.
    fn bound_by_definition(prior: &Prior, q: &Mixture, rows: &[(Vec<f64>, Vec<f64>)]) -> f64 {
        let mut bound = 0.0;
        let mut log_joint = [0.0; COMPONENTS];
        for (row, shares) in rows {
            q.expectations().log_joint(row, &mut log_joint);
            for (share, log_joint) in shares.iter().zip(log_joint) {
                bound += share * log_joint + entropy(*share);
            }
        }
        for (component, stick) in q.parameters().iter().zip(q.sticks()) {
            bound -= beta_divergence(stick, prior.concentration);
            for d in 0..DIM {
                bound -= normal_gamma_divergence(prior, component, d);
            }
        }
        bound
    }

    /// KL(Beta(taken, left) ‖ Beta(1, γ0))
    fn beta_divergence(q: &Stick, concentration: f64) -> f64 {
        ln_beta(1.0, concentration) - ln_beta(q.taken, q.left)
            + (q.taken - 1.0) * q.taken.digamma()
            + (q.left - concentration) * q.left.digamma()
            + (1.0 + concentration - q.taken - q.left) * (q.taken + q.left).digamma()
    }

    /// KL of the precision, Gamma with shape ν/2 and rate β/2, and the expected KL of the mean given it.
    fn normal_gamma_divergence(prior: &Prior, q: &Component, d: usize) -> f64 {
        let (shape, rate) = (q.nu / 2.0, q.beta[d] / 2.0);
        let (prior_shape, prior_rate) = (prior.nu / 2.0, prior.beta / 2.0);
        let precision = shape / rate;
        let of_precision = (shape - prior_shape) * shape.digamma() - ln_gamma(shape)
            + ln_gamma(prior_shape)
            + prior_shape * (rate / prior_rate).ln()
            + precision * (prior_rate - rate);
        let ratio = prior.kappa / q.kappa;
        let away = (q.mean[d] - prior.mean[d]).powi(2);
        let of_mean = 0.5 * (ratio - 1.0 - ratio.ln() + prior.kappa * precision * away);
        of_precision + of_mean
    }

    proptest! {
        #[test]
        fn bound_from_statistics_is_the_definition(
            rows in prop::collection::vec(
                (
                    prop::collection::vec(-3.0..3.0_f64, DIM),
                    prop::collection::vec(1e-6..1.0_f64, COMPONENTS),
                ),
                1..40,
            ),
            mean in prop::collection::vec(-2.0..2.0_f64, DIM),
            scale in 0.01..2.0_f64,
            kappa in 1e-4..1.0_f64,
            concentration in 0.1..10.0_f64,
        ) {
            let settings = Settings { scale, kappa, concentration, ..Settings::melts() };
            let prior = Prior::new(&settings, mean);
            let mut moments = Moments::zeros(COMPONENTS, DIM);
            let mut rows = rows;
            for (row, shares) in &mut rows {
                let total: f64 = shares.iter().sum();
                shares.iter_mut().for_each(|share| *share /= total);
                for (moments, &share) in moments.iter_mut().zip(shares.iter()) {
                    moments.add_row(row, share, entropy(share));
                }
            }
            let posterior = prior.posterior(&moments).unwrap();
            let expected = bound_by_definition(&prior, &posterior, &rows);
            let bound = prior.bound(&moments);
            prop_assert!((bound - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{bound} {expected}");
        }
    }
}
