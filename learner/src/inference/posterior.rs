//! q(z|c): what an encoder says of the latent task variable, for b contexts.

use crate::error::{Error, Result};
use crate::inference::gaussians::Gaussians;
use crate::inference::linear_map;
use nets::EncoderSpec;
use tch::{Kind, Tensor};
use types::experiment::{Choose, Encoder, Merge, Observe, Posterior, Variance};

/// Least variance of the softplus form.
const MIN_VARIANCE: f64 = 1e-7;
/// What is added to the variances of a mixture.
const MIXTURE_VARIANCE: f64 = 1e-8;

/// q(z|c) for b contexts.
#[derive(Debug)]
pub enum Belief {
    /// A point.
    Deterministic {
        /// z, `[b, latent]`.
        value: Tensor,
    },
    /// A Gaussian, `[b, latent]`.
    Gaussian(Gaussians),
    /// q(y|c) and q(z|c, y).
    Mixture {
        /// Means of the components, `[b, components, latent]`.
        mean: Tensor,
        /// Variances of the components, `[b, components, latent]`.
        variance: Tensor,
        /// q(y|c) before the softmax, `[b, components]`.
        logits: Tensor,
        /// What z is made of.
        choose: Choose,
    },
}

/// Numbers of noise that one draw of z takes: latent ones, or components · latent where z is made of
/// a draw from each component.
#[must_use]
pub fn noise_width(spec: &EncoderSpec) -> usize {
    match spec.posterior {
        Posterior::Mixture { components, choose: Choose::Weighted } => components * spec.latent,
        _ => spec.latent,
    }
}

/// Raw numbers to variances.
///
/// # Errors
/// If libtorch fails.
pub(super) fn variance(form: Variance, raw: &Tensor) -> Result<Tensor> {
    Ok(match form {
        Variance::Softplus => raw.f_softplus()?.f_clamp_min(MIN_VARIANCE)?,
        Variance::Exponential => raw.f_exp()?,
    })
}

impl Belief {
    /// Reads what [`describe`](super::encoder::describe) gave, `[b, described_by]`.
    ///
    /// # Errors
    /// [`Error::Shape`] for another width.
    pub fn read(spec: &EncoderSpec, described: &Tensor) -> Result<Self> {
        let (contexts, width) = described.size2()?;
        if width != spec.described_by() as i64 {
            return Err(Error::Shape {
                what: "description of a posterior",
                expected: format!("[b, {}]", spec.described_by()),
                got: format!("{:?}", described.size()),
            });
        }
        let is_product = matches!(spec.body, Encoder::Transitions { merge: Merge::Product, .. });
        Ok(match spec.posterior {
            Posterior::Deterministic => Self::Deterministic { value: described.shallow_clone() },
            Posterior::Gaussian { .. } if is_product => {
                let halves = described.f_chunk(2, 1)?;
                let [mean, variance] = [&halves[0], &halves[1]].map(Tensor::shallow_clone);
                Self::Gaussian(Gaussians { mean, variance })
            }
            Posterior::Gaussian { variance: form } => Self::Gaussian(gaussians(form, described)?),
            Posterior::Mixture { components, choose } => {
                let (k, d) = (components as i64, spec.latent as i64);
                let parts = described.f_split_with_sizes([k * d, k * d, k], 1)?;
                let mean = parts[0].f_view([contexts, k, d])?;
                let raw = parts[1].f_view([contexts, k, d])?;
                let variance = raw.f_softplus()?.f_add_scalar(MIXTURE_VARIANCE)?;
                Self::Mixture { mean, variance, logits: parts[2].shallow_clone(), choose }
            }
        })
    }

    /// What policy and critics are given, `[b, given]`, with `noise` `[b, noise_width]` where that is
    /// a draw.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn observed(&self, spec: &EncoderSpec, noise: &Tensor) -> Result<Tensor> {
        let observed = match spec.observe {
            Observe::Sample => self.sample(noise)?,
            Observe::Mean => self.mean()?,
            Observe::MeanVariance => Tensor::f_cat(&[self.mean()?, self.variance()?], 1)?,
        };
        match &spec.outputs {
            Some(map) => linear_map::apply(map, &observed),
            None => Ok(observed),
        }
    }

    /// The mean of z, `[b, latent]`: for a mixture that of the likeliest component, or Σ q(y) μ_y.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn mean(&self) -> Result<Tensor> {
        Ok(match self {
            Self::Deterministic { value } => value.shallow_clone(),
            Self::Gaussian(gaussians) => gaussians.mean.shallow_clone(),
            Self::Mixture { mean, logits, choose, .. } => merge(*choose, logits, mean)?,
        })
    }

    /// The variance of z, `[b, latent]`: for a mixture that of the likeliest component, or
    /// Σ q(y)² σ²_y, that of a weighted sum of independent draws. A point has none.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn variance(&self) -> Result<Tensor> {
        Ok(match self {
            Self::Deterministic { value } => value.f_zeros_like()?,
            Self::Gaussian(gaussians) => gaussians.variance.shallow_clone(),
            Self::Mixture { variance, logits, choose: Choose::Likeliest, .. } => {
                merge(Choose::Likeliest, logits, variance)?
            }
            Self::Mixture { variance, logits, choose: Choose::Weighted, .. } => {
                let squared = logits.f_softmax(1, Kind::Float)?.f_square()?.f_unsqueeze(2)?;
                let terms = variance.f_mul(&squared)?;
                terms.f_sum_dim_intlist(1, false, Kind::Float)?
            }
        })
    }

    /// The likeliest component, `[b]`, whole numbers; 0 where there are none.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn component(&self) -> Result<Tensor> {
        let contexts = |t: &Tensor| -> Result<Tensor> {
            Ok(Tensor::f_zeros([t.size()[0]], (Kind::Int64, t.device()))?)
        };
        match self {
            Self::Deterministic { value } => contexts(value),
            Self::Gaussian(gaussians) => contexts(&gaussians.mean),
            Self::Mixture { logits, .. } => Ok(logits.f_argmax(1, false)?),
        }
    }

    /// z, `[.., b, latent]`, for standard normal `noise` `[.., b, noise_width]`: dimensions in front
    /// give several draws. Gradients flow through; which component is likeliest has none.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor> {
        match self {
            Self::Deterministic { value } => Ok(value.f_expand_as(noise)?),
            Self::Gaussian(gaussians) => gaussians.sample(noise),
            Self::Mixture { choose: Choose::Likeliest, .. } => {
                Gaussians { mean: self.mean()?, variance: self.variance()? }.sample(noise)
            }
            Self::Mixture { mean, variance, logits, choose: Choose::Weighted } => {
                let mut shape = noise.size();
                shape.pop();
                shape.extend_from_slice(&mean.size()[1..]);
                let noise = noise.f_reshape(&shape[..])?;
                let draws = mean.f_add(&variance.f_sqrt()?.f_mul(&noise)?)?;
                merge(Choose::Weighted, logits, &draws)
            }
        }
    }

    /// The same without gradient.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn detach(&self) -> Result<Self> {
        Ok(match self {
            Self::Deterministic { value } => Self::Deterministic { value: value.f_detach()? },
            Self::Gaussian(gaussians) => Self::Gaussian(gaussians.detach()?),
            Self::Mixture { mean, variance, logits, choose } => Self::Mixture {
                mean: mean.f_detach()?,
                variance: variance.f_detach()?,
                logits: logits.f_detach()?,
                choose: *choose,
            },
        })
    }
}

/// Numbers of the components `[.., b, components, latent]` to `[.., b, latent]`: weighted by q(y|c),
/// or those of the likeliest.
fn merge(choose: Choose, logits: &Tensor, numbers: &Tensor) -> Result<Tensor> {
    let weights = match choose {
        Choose::Weighted => logits.f_softmax(1, Kind::Float)?,
        Choose::Likeliest => {
            let components = logits.size()[1];
            logits.f_argmax(1, false)?.f_one_hot(components)?.f_to_kind(Kind::Float)?
        }
    };
    let weighted = numbers.f_mul(&weights.f_unsqueeze(2)?)?;
    Ok(weighted.f_sum_dim_intlist(-2, false, Kind::Float)?)
}

/// Mean and raw variance side by side, `[.., 2 · latent]`.
///
/// # Errors
/// If libtorch fails.
pub(super) fn gaussians(form: Variance, described: &Tensor) -> Result<Gaussians> {
    let halves = described.f_chunk(2, -1)?;
    Ok(Gaussians { mean: halves[0].shallow_clone(), variance: variance(form, &halves[1])? })
}
