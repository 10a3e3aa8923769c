//! The evidence lower bound (Kingma & Welling 2014, arXiv 1312.6114, eq. 3), with a weight on the KL
//! (Higgins et al. 2017): MDP-VAE and MELTS.

use super::{Parts, Terms, average};
use crate::error::Result;
use crate::inference::prior;
use tch::Kind;

/// Per context: mean over draws z ~ q(z|c) of −ln p(targets|z), and β·KL(q(z|c) ‖ prior).
///
/// The decoders are Gaussians of constant width: −ln p = Σ over targets and dimensions of
/// w·(error)² with w = 1/(2σ²), up to a constant, which is left out. (MELTS takes means of squares:
/// divide its weights by the number of targets, and that of next observations by their dimension.)
pub(super) fn loss(parts: &Parts<'_>, beta: f64) -> Result<Terms> {
    let belief = parts.infer()?;
    let z = belief.sample(parts.noise)?;
    let errors = parts.errors(&z)?.summed()?;
    let kl = prior::kl(&belief, parts.prior, &z)?;
    let expected = parts.weigh(&errors)?.f_mean_dim(0, false, Kind::Float)?;
    let mut terms = Terms::new(expected.f_add(&kl.f_mul_scalar(beta)?)?, &belief)?;
    terms.kl = average(&kl)?;
    terms.with_errors(&errors)
}
