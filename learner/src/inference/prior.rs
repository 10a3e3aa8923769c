//! What the posterior is held close to.

use crate::error::{Error, Result};
use crate::inference::gaussians::Gaussians;
use crate::inference::posterior::{self, Belief};
use crate::networks::parameters::{NamedLayers, network};
use nets::{Block, EncoderSpec, Network};
use tch::{Device, Kind, Tensor};
use types::experiment::{self, Divergence, Posterior, Variance};

/// Name of the table that a learned prior is read from.
const TABLE: &str = "prior";
/// Rows of the table start in U(± this), so that components differ.
const TABLE_BOUND: f32 = 0.1;

/// A mixture of diagonal Gaussians, as fitted.
#[derive(Debug)]
pub struct Components {
    /// `[k]`, positive, with sum 1.
    pub weight: Tensor,
    /// `[k, latent]`.
    pub mean: Tensor,
    /// `[k, latent]`, above 0.
    pub variance: Tensor,
}

/// What the posterior is held close to, with its numbers.
#[derive(Debug)]
pub enum Prior {
    /// N(0, I).
    Standard,
    /// N(k, σ²) in every dimension for component k = 0, 1, 2, … (CEMRL).
    Class {
        /// σ.
        sigma: f64,
    },
    /// A Gaussian per component, `[components, latent]`; `[1, latent]` where the posterior is no
    /// mixture.
    Learned(Gaussians),
    /// A mixture of Gaussians.
    Mixture {
        /// Its components.
        components: Components,
        /// How the KL to it is taken.
        divergence: Divergence,
    },
}

/// The network of a learned prior, and none for others: a table `prior` with a row `[mean, raw
/// variance]` for each component of the posterior; variances are max(log(1 + eˣ), 1e-7).
#[must_use]
pub fn table(prior: &experiment::Prior, spec: &EncoderSpec) -> Option<Network> {
    let rows = match spec.posterior {
        Posterior::Mixture { components, .. } => components,
        _ => 1,
    };
    let block = Block::Table { rows, width: 2 * spec.latent };
    let learned = matches!(prior, experiment::Prior::Learned);
    learned.then(|| Network::of(TABLE, block, TABLE_BOUND))
}

impl Prior {
    /// The prior of an experiment. `layers` hold the [`table`] of a learned one; `fitted` is the
    /// mixture of the last fit of a Dirichlet-process mixture, and N(0, I) is taken before the first.
    ///
    /// # Errors
    /// If the table is missing.
    pub fn of(
        prior: &experiment::Prior,
        layers: &NamedLayers,
        fitted: Option<Components>,
    ) -> Result<Self> {
        Ok(match prior {
            experiment::Prior::Standard => Self::Standard,
            experiment::Prior::Class { sigma } => Self::Class { sigma: *sigma },
            experiment::Prior::Learned => {
                let table = &network(layers, TABLE)?[0];
                let rows = table.weight.f_add(&table.bias)?;
                Self::Learned(posterior::gaussians(Variance::Softplus, &rows)?)
            }
            experiment::Prior::DirichletProcess(process) => match fitted {
                Some(components) => Self::Mixture { components, divergence: process.divergence },
                None => Self::Standard,
            },
        })
    }

    /// The Gaussians that `posteriors` `[.., latent]` are held close to, component by component.
    fn gaussians(&self, posteriors: &Gaussians) -> Result<Gaussians> {
        match self {
            Self::Standard => Gaussians::standard_like(posteriors),
            Self::Class { sigma } => {
                let components = posteriors.mean.size()[1];
                let options = (Kind::Float, posteriors.mean.device());
                let mean = Tensor::f_arange(components, options)?.f_unsqueeze(1)?;
                let variance = Tensor::f_full([1, 1], sigma.powi(2), options)?;
                Ok(Gaussians { mean, variance })
            }
            Self::Learned(Gaussians { mean, variance }) => {
                Ok(Gaussians { mean: mean.shallow_clone(), variance: variance.shallow_clone() })
            }
            Self::Mixture { .. } => Err(Error::Setting {
                key: "inference.prior.kind",
                expected: "a Gaussian for each component of the posterior".to_owned(),
                got: "dirichlet-process".to_owned(),
            }),
        }
    }
}

/// KL(q(z|c, y) ‖ p(z|y)) of every component of a mixture, `[b, components]`, for its means and
/// variances `[b, components, latent]`.
///
/// # Errors
/// [`Error::Setting`] if the prior is itself a mixture; if shapes do not fit.
pub fn component_kl(prior: &Prior, posteriors: &Gaussians) -> Result<Tensor> {
    posteriors.kl(&prior.gaussians(posteriors)?)
}

/// KL(q(y|c) ‖ uniform) = Σ q(y) ln(K q(y)), `[b]`, for `logits` `[b, K]`.
///
/// # Errors
/// If libtorch fails.
pub fn kl_to_uniform(logits: &Tensor) -> Result<Tensor> {
    let log = logits.f_log_softmax(1, Kind::Float)?;
    let components = logits.size()[1] as f64;
    let terms = log.f_exp()?.f_mul(&log.f_add_scalar(components.ln())?)?;
    Ok(terms.f_sum_dim_intlist(1, false, Kind::Float)?)
}

/// KL of the posterior to the prior, `[b]`.
///
/// - A mixture, as the posterior of (y, z) with a uniform prior of y: KL(q(y) ‖ uniform) +
///   Σ q(y) KL(q(z|y) ‖ p(z|y)), by the chain rule.
/// - A Gaussian and a mixture as prior: Σ_k r_k(z) KL(q ‖ N(μ_k, Σ_k)), with the responsibilities
///   r_k at z, or 1 for the likeliest k; constants in either case, and their mean where there are
///   several draws. So DIVA (arXiv 2305.14067), MELTS and GASP replace the KL to a mixture, which has
///   no closed form.
/// - A point has no density; its KL is taken as 0.
///
/// `z` are draws `[.., b, latent]` of the posterior; they matter to a mixture as prior alone.
///
/// # Errors
/// If prior and posterior do not go together, or shapes do not fit.
pub fn kl(belief: &Belief, prior: &Prior, z: &Tensor) -> Result<Tensor> {
    match (belief, prior) {
        (Belief::Deterministic { value }, _) => {
            let options = (Kind::Float, value.device());
            Ok(Tensor::f_zeros([value.size()[0]], options)?)
        }
        (Belief::Mixture { mean, variance, logits, .. }, _) => {
            let components =
                Gaussians { mean: mean.shallow_clone(), variance: variance.shallow_clone() };
            let each = component_kl(prior, &components)?;
            let expected = each.f_mul(&logits.f_softmax(1, Kind::Float)?)?;
            let expected = expected.f_sum_dim_intlist(1, false, Kind::Float)?;
            Ok(expected.f_add(&kl_to_uniform(logits)?)?)
        }
        (Belief::Gaussian(q), Prior::Mixture { components, divergence }) => {
            let weights = components.responsibilities(*divergence, z)?;
            let each = q.unsqueeze(1)?.kl(&components.gaussians())?;
            Ok(each.f_mul(&weights)?.f_sum_dim_intlist(1, false, Kind::Float)?)
        }
        (Belief::Gaussian(q), _) => q.kl(&prior.gaussians(q)?),
    }
}

impl Components {
    /// Copies fitted numbers to a device: `weight` `[k]`, `mean` and `variance` `[k, latent]`
    /// row-major.
    ///
    /// # Errors
    /// If lengths do not fit.
    pub fn new(weight: &[f32], mean: &[f32], variance: &[f32], device: Device) -> Result<Self> {
        let rows = |numbers: &[f32]| -> Result<Tensor> {
            let rows = Tensor::f_from_slice(numbers)?.f_view([weight.len() as i64, -1])?;
            Ok(rows.f_to_device(device)?)
        };
        let weights = Tensor::f_from_slice(weight)?.f_to_device(device)?;
        Ok(Self { weight: weights, mean: rows(mean)?, variance: rows(variance)? })
    }

    fn gaussians(&self) -> Gaussians {
        Gaussians { mean: self.mean.shallow_clone(), variance: self.variance.shallow_clone() }
    }

    /// p(k|z) ∝ w_k N(z; μ_k, Σ_k), or 1 for the likeliest k, without gradient; `[b, k]`, the mean
    /// over draws of `z` `[.., b, latent]`.
    fn responsibilities(&self, divergence: Divergence, z: &Tensor) -> Result<Tensor> {
        let z = z.f_detach()?.f_unsqueeze(-2)?;
        let scores = self.gaussians().log_density(&z)?.f_add(&self.weight.f_log()?)?;
        let each = match divergence {
            Divergence::Soft => scores.f_softmax(-1, Kind::Float)?,
            Divergence::Hard => {
                let components = self.weight.size()[0];
                scores.f_argmax(-1, false)?.f_one_hot(components)?.f_to_kind(Kind::Float)?
            }
        };
        let (contexts, components) = (each.size()[each.dim() - 2], self.weight.size()[0]);
        let draws = each.f_reshape([-1, contexts, components])?;
        Ok(draws.f_mean_dim(0, false, Kind::Float)?)
    }
}
