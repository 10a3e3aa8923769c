//! Gaussians with diagonal covariance.

use crate::error::Result;
use tch::{Kind, Tensor};

/// Diagonal Gaussians over the last dimension; dimensions before it count them.
#[derive(Debug)]
pub struct Gaussians {
    /// `[.., latent]`.
    pub mean: Tensor,
    /// `[.., latent]`, above 0.
    pub variance: Tensor,
}

impl Gaussians {
    /// N(0, I) over as many numbers as `other`; `[latent]`.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn standard_like(other: &Self) -> Result<Self> {
        let latent = other.mean.size().last().copied().unwrap_or(0);
        let options = (Kind::Float, other.mean.device());
        Ok(Self {
            mean: Tensor::f_zeros([latent], options)?,
            variance: Tensor::f_ones([latent], options)?,
        })
    }

    /// z = μ + σ ε with `noise` ε `[.., latent]`; gradients flow to μ and σ. Shapes are broadcast:
    /// with more dimensions in front, `noise` gives several draws of each.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor> {
        Ok(self.mean.f_add(&self.variance.f_sqrt()?.f_mul(noise)?)?)
    }

    /// KL(N(μ, σ²) ‖ N(m, s²)) = ½ Σ ((σ² + (μ − m)²)/s² − 1 − ln σ² + ln s²), summed over the last
    /// dimension; shapes are broadcast.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn kl(&self, other: &Self) -> Result<Tensor> {
        let apart = self.mean.f_sub(&other.mean)?.f_square()?;
        let ratio = self.variance.f_add(&apart)?.f_div(&other.variance)?;
        let logs = self.variance.f_log()?.f_sub(&other.variance.f_log()?)?;
        sum_last(&ratio.f_sub(&logs)?.f_sub_scalar(1.0)?)?.f_mul_scalar(0.5).map_err(Into::into)
    }

    /// ln N(z; μ, σ²) = −½ Σ ((z − μ)²/σ² + ln σ² + ln 2π), summed over the last dimension; shapes
    /// are broadcast.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn log_density(&self, z: &Tensor) -> Result<Tensor> {
        let apart = z.f_sub(&self.mean)?.f_square()?.f_div(&self.variance)?;
        let log_two_pi = (2.0 * std::f64::consts::PI).ln();
        let terms = apart.f_add(&self.variance.f_log()?)?.f_add_scalar(log_two_pi)?;
        Ok(sum_last(&terms)?.f_mul_scalar(-0.5)?)
    }

    /// Both tensors with a dimension of size 1 at `place`, which may count from the end.
    ///
    /// # Errors
    /// If there is no such place.
    pub fn unsqueeze(&self, place: i64) -> Result<Self> {
        let mean = self.mean.f_unsqueeze(place)?;
        Ok(Self { mean, variance: self.variance.f_unsqueeze(place)? })
    }

    /// The same numbers without gradient.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn detach(&self) -> Result<Self> {
        Ok(Self { mean: self.mean.f_detach()?, variance: self.variance.f_detach()? })
    }
}

/// Sum over the last dimension.
pub(super) fn sum_last(terms: &Tensor) -> Result<Tensor> {
    Ok(terms.f_sum_dim_intlist(-1, false, Kind::Float)?)
}
