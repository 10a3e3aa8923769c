//! TIGR's loss (Bing et al. 2021, arXiv 2108.03718), as its code computes it.

use super::{Parts, Terms, average, mixture};
use crate::error::Result;
use crate::inference::gaussians::Gaussians;
use crate::inference::prior;
use tch::{Kind, Tensor};

/// Keeps a distance between components above 0.
const DISTANCE_EPSILON: f64 = 1e-8;

/// Weights of the terms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// α.
    pub kl: f64,
    /// γ.
    pub sparsity: f64,
    /// β.
    pub separation: f64,
    /// λ.
    pub supervision: f64,
}

/// Per context, with draws z of the whole mixture:
///
/// w_s·mean (ŝ' − s')² + w_r·mean (r̂ − r)² + α Σ_k KL(N(μ_k, σ²_k) ‖ p(z|k)) + γ‖z‖₁ + β·E +
/// λ·CE(q(y|c), true base task)
///
/// with E of [`separation`]. The KL counts every component in full, whatever q(y|c).
pub(super) fn loss(parts: &Parts<'_>, weights: Weights) -> Result<Terms> {
    let belief = parts.infer()?;
    let (components, logits) = mixture(&belief, "clustering")?;
    let z = belief.sample(parts.noise)?;
    let errors = parts.errors(&z)?;
    let kl = prior::component_kl(parts.prior, &components)?;
    let kl = kl.f_sum_dim_intlist(1, false, Kind::Float)?;
    let sparsity = z.f_abs()?.f_sum_dim_intlist(1, false, Kind::Float)?;
    let separation = separation(&components)?;
    let mut per_context = parts
        .weigh(&errors)?
        .f_add(&kl.f_mul_scalar(weights.kl)?)?
        .f_add(&sparsity.f_mul_scalar(weights.sparsity)?)?
        .f_add(&separation.f_mul_scalar(weights.separation)?)?;
    let supervision = parts.supervision(weights.supervision, logits)?;
    if let Some(entropy) = &supervision {
        per_context = per_context.f_add(&entropy.f_mul_scalar(weights.supervision)?)?;
    }
    let mut terms = Terms::new(per_context, &belief)?.with_errors(&errors)?;
    terms.kl = average(&kl)?;
    terms.sparsity = average(&sparsity)?;
    terms.separation = average(&separation)?;
    if let Some(entropy) = supervision {
        terms.cross_entropy = average(&entropy)?;
    }
    Ok(terms)
}

/// E = ½ Σ_k Σ_d σ²_{k,d} / (Σ_{k'} (μ_{k,d} − μ_{k',d})² + 1e-8), `[b]`, for components
/// `[b, k, latent]`: the distances to all other components are summed before the division. A
/// component alone has nothing to keep away from: 0 (TIGR divides by 1e-8 there, which would put
/// everything into making the variance vanish).
///
/// # Errors
/// If libtorch fails.
pub fn separation(components: &Gaussians) -> Result<Tensor> {
    let (contexts, count, _) = components.mean.size3()?;
    if count == 1 {
        let options = (Kind::Float, components.mean.device());
        return Ok(Tensor::f_zeros([contexts], options)?);
    }
    let apart = components.mean.f_unsqueeze(2)?.f_sub(&components.mean.f_unsqueeze(1)?)?;
    let distance = apart.f_square()?.f_sum_dim_intlist(2, false, Kind::Float)?;
    let terms = components.variance.f_div(&distance.f_add_scalar(DISTANCE_EPSILON)?)?;
    Ok(terms.f_sum_dim_intlist([1i64, 2].as_slice(), false, Kind::Float)?.f_mul_scalar(0.5)?)
}
