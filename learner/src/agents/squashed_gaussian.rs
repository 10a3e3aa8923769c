//! The tanh-squashed Gaussian policy.

use crate::error::Result;
use crate::networks::Layer;
use crate::networks::forward::mlp;
use tch::{Kind, Tensor};

const LOG_STD_MIN: f64 = -20.0;
const LOG_STD_MAX: f64 = 2.0;

/// Actions drawn from the policy, with what the losses need.
#[derive(Debug)]
pub struct Draw {
    /// tanh(u), `[n, action]`.
    pub action: Tensor,
    /// log π(action), `[n, 1]`.
    pub log_probability: Tensor,
    /// Mean of the Gaussian before squashing, `[n, action]`.
    pub mean: Tensor,
    /// log σ, clamped to [-20, 2], `[n, action]`.
    pub log_std: Tensor,
}

/// Draws u = μ + σ ε and a = tanh(u) for `input` `[n, observation + latent]` and `noise` ε
/// `[n, action]`; gradients flow through.
///
/// log π(a) = Σ [−½ε² − log σ − ½ log 2π] − Σ log(1 − tanh²u), the last term in the form
/// 2(log 2 − u − softplus(−2u)) that neither overflows nor loses digits
/// (Haarnoja et al. 2018, arXiv 1801.01290, appendix C).
///
/// # Errors
/// If shapes do not fit.
pub fn draw(policy: &[Layer], input: &Tensor, noise: &Tensor) -> Result<Draw> {
    let halves = mlp(policy, input)?.f_chunk(2, 1)?;
    let mean = halves[0].shallow_clone();
    let log_std = halves[1].f_clamp(LOG_STD_MIN, LOG_STD_MAX)?;
    let u = mean.f_add(&log_std.f_exp()?.f_mul(noise)?)?;
    let half_log_two_pi = 0.5 * (2.0 * std::f64::consts::PI).ln();
    let gaussian = noise.f_square()?.f_mul_scalar(-0.5)?.f_sub(&log_std)?;
    let softplus = u.f_mul_scalar(-2.0)?.f_softplus()?;
    let squash = u.f_add(&softplus)?.f_mul_scalar(2.0)?;
    let constant = -half_log_two_pi - 2.0 * std::f64::consts::LN_2;
    let terms = gaussian.f_add(&squash)?.f_add_scalar(constant)?;
    let log_probability = terms.f_sum_dim_intlist(1, true, Kind::Float)?;
    Ok(Draw { action: u.f_tanh()?, log_probability, mean, log_std })
}
