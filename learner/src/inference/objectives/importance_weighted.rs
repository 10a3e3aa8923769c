//! The importance-weighted bound (Burda et al. 2016, arXiv 1509.00519, eq. 8): MDP-IWAE.

use super::{Parts, Terms, average, gaussian};
use crate::error::Result;
use crate::inference::gaussians::Gaussians;
use crate::inference::posterior::Belief;
use tch::Tensor;

/// ln (1/S) Σ_s exp(w_s), `[b]`, for `log_weights` `[S, b]`, without overflow.
///
/// # Errors
/// If libtorch fails.
pub fn log_mean_exp(log_weights: &Tensor) -> Result<Tensor> {
    let draws = log_weights.size()[0] as f64;
    Ok(log_weights.f_logsumexp(0, false)?.f_sub_scalar(draws.ln())?)
}

/// Per context: −ln mean over draws z ~ q(z|c) of exp(ln p(targets|z) − β(ln q(z|c) − ln p(z))), with
/// p(z) = N(0, I) and ln p(targets|z) as in [`super::elbo`].
pub(super) fn loss(parts: &Parts<'_>, beta: f64) -> Result<Terms> {
    let belief = parts.infer()?;
    let posterior = gaussian(&belief, "the importance-weighted bound")?;
    let prior = Gaussians::standard_like(posterior)?;
    bound(parts, beta, [posterior, &prior], &belief)
}

/// The same for any two Gaussians, of which the first is drawn from and the second held close to.
pub(super) fn bound(
    parts: &Parts<'_>,
    beta: f64,
    [q, p]: [&Gaussians; 2],
    belief: &Belief,
) -> Result<Terms> {
    let z = q.sample(parts.noise)?;
    let ratio = q.log_density(&z)?.f_sub(&p.log_density(&z)?)?;
    let errors = parts.errors(&z)?.summed()?;
    let cost = parts.weigh(&errors)?.f_add(&ratio.f_mul_scalar(beta)?)?;
    let mut terms = Terms::new(log_mean_exp(&cost.f_neg()?)?.f_neg()?, belief)?;
    terms.kl = average(&ratio)?;
    terms.with_errors(&errors)
}
