//! PEARL's posterior: the product of one Gaussian per context transition
//! (Rakelly et al. 2019, arXiv 1903.08254, section 4.2).

use crate::error::Result;
use crate::networks::Layer;
use crate::networks::forward::mlp;
use tch::{Kind, Tensor};

/// Smallest variance of a factor.
const MIN_VARIANCE: f64 = 1e-7;

/// Diagonal Gaussians, one per task.
#[derive(Debug)]
pub struct Gaussians {
    /// `[tasks, latent]`.
    pub mean: Tensor,
    /// `[tasks, latent]`.
    pub variance: Tensor,
}

impl Gaussians {
    /// z = μ + σ ε with `noise` ε `[tasks, latent]`; gradients flow to μ and σ.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor> {
        Ok(self.mean.f_add(&self.variance.f_sqrt()?.f_mul(noise)?)?)
    }

    /// Σ over tasks of KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ (σ² + μ² − 1 − ln σ²), `[]`.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn kl_to_standard(&self) -> Result<Tensor> {
        let terms = self
            .variance
            .f_add(&self.mean.f_square()?)?
            .f_sub(&self.variance.f_log()?)?
            .f_sub_scalar(1.0)?;
        Ok(terms.f_sum(Kind::Float)?.f_mul_scalar(0.5)?)
    }
}

/// q(z|c): 1/σ² = Σ 1/σ_i², μ = σ² Σ μ_i/σ_i² over the context of each task.
///
/// `context` is `[tasks · n, width]`, task by task; the encoder maps a row to μ_i and the
/// pre-softplus variance.
///
/// # Errors
/// If shapes do not fit.
pub fn posterior(encoder: &[Layer], context: &Tensor, tasks: i64) -> Result<Gaussians> {
    let factors = mlp(encoder, context)?;
    let width = factors.size()[1];
    let factors = factors.f_view([tasks, -1, width])?;
    let halves = factors.f_chunk(2, 2)?;
    let variance = halves[1].f_softplus()?.f_clamp_min(MIN_VARIANCE)?;
    let precision = variance.f_reciprocal()?;
    let total = precision.f_sum_dim_intlist(1, false, Kind::Float)?.f_reciprocal()?;
    let weighted = halves[0].f_mul(&precision)?.f_sum_dim_intlist(1, false, Kind::Float)?;
    Ok(Gaussians { mean: weighted.f_mul(&total)?, variance: total })
}
