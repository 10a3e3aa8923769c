//! Neural processes (Garnelo et al. 2018, arXiv 1807.01622): z is inferred from context and
//! targets, and held close to what the context alone says.

use super::{Parts, Terms, average, gaussian, importance_weighted};
use crate::error::Result;
use crate::inference::encoder;
use crate::inference::posterior::Belief;
use tch::Kind;

const NAME: &str = "a neural process";

/// Per context: mean over draws z ~ q(z|c ∪ targets) of −ln p(targets|z), and
/// β·KL(q(z|c ∪ targets) ‖ q(z|c)); ln p as in [`super::elbo`]. The targets stand behind the rows of
/// the context, also where a transition is in both.
pub(super) fn loss(parts: &Parts<'_>, beta: f64) -> Result<Terms> {
    let [belief, informed] = beliefs(parts)?;
    let (p, q) = (gaussian(&belief, NAME)?, gaussian(&informed, NAME)?);
    let errors = parts.errors(&q.sample(parts.noise)?)?.summed()?;
    let kl = q.kl(p)?;
    let expected = parts.weigh(&errors)?.f_mean_dim(0, false, Kind::Float)?;
    let mut terms = Terms::new(expected.f_add(&kl.f_mul_scalar(beta)?)?, &belief)?;
    terms.kl = average(&kl)?;
    terms.with_errors(&errors)
}

/// The same as an importance-weighted bound: −ln mean over draws z ~ q(z|c ∪ targets) of
/// exp(ln p(targets|z) − β(ln q(z|c ∪ targets) − ln q(z|c))).
pub(super) fn importance_weighted_loss(parts: &Parts<'_>, beta: f64) -> Result<Terms> {
    let [belief, informed] = beliefs(parts)?;
    let gaussians = [gaussian(&informed, NAME)?, gaussian(&belief, NAME)?];
    importance_weighted::bound(parts, beta, gaussians, &belief)
}

/// q(z|c) and q(z|c ∪ targets).
fn beliefs(parts: &Parts<'_>) -> Result<[Belief; 2]> {
    let rows = parts.targets.rows(parts.encoder)?;
    let windows = parts.windows.extended(&rows, &parts.targets.present)?;
    Ok([parts.infer()?, encoder::infer(parts.encoder, parts.layers, &windows)?])
}
