//! CEMRL's loss (Bing et al. 2022, "Meta-reinforcement learning in non-stationary and dynamic
//! environments"), the evidence lower bound of a mixture with the class summed out.

use super::{Parts, Terms, average, mixture};
use crate::error::Result;
use crate::inference::decoder::Reconstruction;
use crate::inference::prior;
use tch::{Kind, Tensor};

/// Weights of the terms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// α.
    pub kl: f64,
    /// β.
    pub class: f64,
    /// Of the cross-entropy.
    pub supervision: f64,
}

/// Per context, with one draw z_k of every class:
///
/// Σ_k q(k) [w_s·Σ (ŝ' − s')² + w_r·Σ (r̂ − r)² + α·KL(q(z|k) ‖ p(z|k))] + β·KL(q(y) ‖ uniform) +
/// λ·CE(q(y), true base task)
///
/// with errors summed over targets and dimensions.
pub(super) fn loss(parts: &Parts<'_>, weights: Weights) -> Result<Terms> {
    let belief = parts.infer()?;
    let (components, logits) = mixture(&belief, "class-conditional")?;
    let z = components.sample(parts.noise)?.f_transpose(0, 1)?;
    let class = logits.f_softmax(1, Kind::Float)?.f_transpose(0, 1)?;
    let errors = expected(parts.errors(&z)?.summed()?, &class)?;
    let kl = prior::component_kl(parts.prior, &components)?.f_transpose(0, 1)?;
    let kl = over_classes(&kl, &class)?;
    let class_kl = prior::kl_to_uniform(logits)?;
    let mut per_context = parts
        .weigh(&errors)?
        .f_add(&kl.f_mul_scalar(weights.kl)?)?
        .f_add(&class_kl.f_mul_scalar(weights.class)?)?;
    let supervision = parts.supervision(weights.supervision, logits)?;
    if let Some(entropy) = &supervision {
        per_context = per_context.f_add(&entropy.f_mul_scalar(weights.supervision)?)?;
    }
    let mut terms = Terms::new(per_context, &belief)?.with_errors(&errors)?;
    terms.kl = average(&kl)?;
    terms.class_kl = average(&class_kl)?;
    if let Some(entropy) = supervision {
        terms.cross_entropy = average(&entropy)?;
    }
    Ok(terms)
}

/// Σ_k q(k)·numbers_k, `[b]`, for both `[components, b]`.
fn over_classes(numbers: &Tensor, class: &Tensor) -> Result<Tensor> {
    Ok(numbers.f_mul(class)?.f_sum_dim_intlist(0, false, Kind::Float)?)
}

/// Errors of every class, weighed by its probability.
fn expected(mut errors: Reconstruction, class: &Tensor) -> Result<Reconstruction> {
    errors.reward = over_classes(&errors.reward, class)?;
    errors.next_observation = over_classes(&errors.next_observation, class)?;
    Ok(errors)
}
