//! PEARL's posterior: the product of one Gaussian per context transition
//! (Rakelly et al. 2019, arXiv 1903.08254, section 4.2).

use crate::error::Result;
use crate::inference::gaussians::Gaussians;
use tch::{Kind, Tensor};

/// 1/σ² = Σ 1/σ_i², μ = σ² Σ μ_i/σ_i² over the rows of each context that are there.
///
/// `factors` are `[b, t, latent]`, `present` `[b, t, 1]` is 1 or 0, and `any` `[b, 1]` is 1 for
/// contexts with a row, else 0. Without a row the product is N(0, I).
///
/// # Errors
/// If shapes do not fit.
pub fn multiply(factors: &Gaussians, present: &Tensor, any: &Tensor) -> Result<Gaussians> {
    let precision = factors.variance.f_reciprocal()?.f_mul(present)?;
    let over_rows = |terms: &Tensor| terms.f_sum_dim_intlist(1, false, Kind::Float);
    let none = any.f_neg()?.f_add_scalar(1.0)?;
    let variance = over_rows(&precision)?.f_add(&none)?.f_reciprocal()?;
    let weighted = over_rows(&factors.mean.f_mul(&precision)?)?;
    Ok(Gaussians { mean: weighted.f_mul(&variance)?, variance })
}
