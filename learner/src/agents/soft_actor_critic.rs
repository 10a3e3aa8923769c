//! Losses of soft actor–critic with entropy weight α;
//! pure functions of what the networks computed. Every `[n, 1]` column is over transitions.
//!
//! Haarnoja et al. 2018, arXiv 1801.01290 (V form); arXiv 1812.05905 (twin-Q form); Rakelly et al.
//! 2019, arXiv 1903.08254, algorithm 1.

use crate::agents::squashed_gaussian::Draw;
use crate::error::Result;
use tch::{Kind, Tensor};

/// r·scale + γ·(not terminated)·V(s'): the Bellman target, `[n, 1]`. Only here is decided what is
/// bootstrapped: a truncated episode goes on in the value, a terminated one does not.
///
/// # Errors
/// If libtorch fails.
pub fn bellman_target(
    reward: &Tensor,
    not_terminated: &Tensor,
    next_value: &Tensor,
    reward_scale: f64,
    discount: f64,
) -> Result<Tensor> {
    let bootstrap = not_terminated.f_mul(next_value)?.f_mul_scalar(discount)?;
    Ok(reward.f_mul_scalar(reward_scale)?.f_add(&bootstrap)?.f_detach()?)
}

/// min over members − α log π: the soft value of a drawn action, `[n, 1]`. `q` is `[members, n, 1]`,
/// α is `[]`.
///
/// # Errors
/// If libtorch fails.
pub fn soft_value(q: &Tensor, log_probability: &Tensor, alpha: &Tensor) -> Result<Tensor> {
    Ok(q.f_amin([0i64], false)?.f_sub(&log_probability.f_mul(alpha)?)?)
}

/// Σ over members of mean (Q − y)², `[]`. `q` is `[members, n, 1]`, `target` y `[n, 1]`.
///
/// # Errors
/// If libtorch fails.
pub fn q_loss(q: &Tensor, target: &Tensor) -> Result<Tensor> {
    let n = target.size()[0] as f64;
    Ok(q.f_sub(target)?.f_square()?.f_sum(Kind::Float)?.f_div_scalar(n)?)
}

/// mean (V(s) − soft value)², `[]`, with the soft value held constant.
///
/// # Errors
/// If libtorch fails.
pub fn v_loss(v: &Tensor, soft_value: &Tensor) -> Result<Tensor> {
    Ok(v.f_sub(&soft_value.f_detach()?)?.f_square()?.f_mean(Kind::Float)?)
}

/// mean (α log π(ã|s) − min Q(s, ã)) + w_μ·mean μ² + w_σ·mean (log σ)², `[]`.
///
/// # Errors
/// If libtorch fails.
pub fn policy_loss(
    draw: &Draw,
    soft_value: &Tensor,
    mean_penalty: f64,
    log_std_penalty: f64,
) -> Result<Tensor> {
    let objective = soft_value.f_mean(Kind::Float)?.f_neg()?;
    let mean = draw.mean.f_square()?.f_mean(Kind::Float)?.f_mul_scalar(mean_penalty)?;
    let spread = draw.log_std.f_square()?.f_mean(Kind::Float)?.f_mul_scalar(log_std_penalty)?;
    Ok(objective.f_add(&mean)?.f_add(&spread)?)
}
