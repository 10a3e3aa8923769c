//! What the encoder is trained on: losses as functions of encoder, decoders, contexts and targets.
//!
//! Every loss is the mean over contexts. Where a reference sums over its batch, only the size of the
//! gradient differs, which Adam does not see; the weights of the terms are relative within a context
//! and stay as published.

pub mod class_conditional;
pub mod clustering;
pub mod elbo;
pub mod importance_weighted;
pub mod neural_process;

use crate::error::{Error, Result};
use crate::inference::decoder::{self, DecoderSpec, Reconstruction, Targets};
use crate::inference::encoder::{self, Windows};
use crate::inference::gaussians::Gaussians;
use crate::inference::posterior::{Belief, noise_width};
use crate::inference::prior::Prior;
use crate::networks::parameters::NamedLayers;
use nets::EncoderSpec;
use tch::{Kind, Reduction, Tensor};
use types::experiment::{Objective, Posterior};

/// Labels below 0 are none (see [`cross_entropy`]).
const UNLABELLED: i64 = -1;

/// Weights of the errors of reconstruction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorWeights {
    /// w_r, of rewards.
    pub reward: f64,
    /// w_s, of next observations.
    pub next_observation: f64,
}

/// What a loss is computed from.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The encoder.
    pub encoder: &'a EncoderSpec,
    /// The decoders.
    pub decoder: &'a DecoderSpec,
    /// Layers of both.
    pub layers: &'a NamedLayers,
    /// What the posterior is held close to.
    pub prior: &'a Prior,
    /// `b` contexts.
    pub windows: &'a Windows,
    /// What is reconstructed for each of them.
    pub targets: &'a Targets,
    /// Standard normal numbers, of [`noise_shape`].
    pub noise: &'a Tensor,
    /// Weights of the errors of reconstruction.
    pub weights: ErrorWeights,
    /// Factor on the objective's KL weight, where that is annealed; else 1.
    pub kl_factor: f64,
    /// `[b]`: the true base task of each context, counted from 0, or -1 where it is not known. Only
    /// looked at where the objective has a weight for it.
    pub labels: Option<&'a Tensor>,
}

/// A loss and what it is made of. But for `total` and `per_context` all is without gradient; what an
/// objective does not have is 0. Terms are means over contexts, before their weights.
#[derive(Debug)]
pub struct Terms {
    /// The loss, `[]`: the mean of `per_context`.
    pub total: Tensor,
    /// The loss of each context, `[b]`.
    pub per_context: Tensor,
    /// Error of rewards in the objective's unit: mean of squares for clustering, else their sum; `[]`.
    pub reconstruction_reward: Tensor,
    /// Error of next observations, alike; `[]`.
    pub reconstruction_observation: Tensor,
    /// KL of z, or what takes its place; `[]`.
    pub kl: Tensor,
    /// KL of the classes to uniform, `[]`.
    pub class_kl: Tensor,
    /// ‖z‖₁, `[]`.
    pub sparsity: Tensor,
    /// Variances over distances, `[]`.
    pub separation: Tensor,
    /// Cross-entropy to the true base task, `[]`.
    pub cross_entropy: Tensor,
    /// The posterior of the contexts.
    pub belief: Belief,
}

/// The shape of the noise that a loss takes for `contexts` contexts: `[samples, b, noise_width]`;
/// `[b, noise_width]` for clustering, `[b, components, latent]` for class-conditional.
#[must_use]
pub fn noise_shape(objective: &Objective, spec: &EncoderSpec, contexts: usize) -> Vec<i64> {
    let shape = match *objective {
        Objective::Elbo { samples, .. }
        | Objective::ImportanceWeighted { samples, .. }
        | Objective::NeuralProcess { samples, .. }
        | Objective::ImportanceWeightedNeuralProcess { samples, .. } => {
            vec![samples, contexts, noise_width(spec)]
        }
        Objective::ClassConditional { .. } => {
            let components = match spec.posterior {
                Posterior::Mixture { components, .. } => components,
                _ => 1,
            };
            vec![contexts, components, spec.latent]
        }
        Objective::Bellman { .. } | Objective::Clustering { .. } => {
            vec![contexts, noise_width(spec)]
        }
    };
    shape.into_iter().map(|n| n as i64).collect()
}

/// The loss of an objective that has decoders.
///
/// # Errors
/// [`Error::Setting`] for an objective without decoders, a posterior that it does not go with, or
/// labels that are not there; [`Error::Shape`] for noise of another shape; whatever libtorch refuses.
pub fn loss(objective: &Objective, parts: &Parts<'_>) -> Result<Terms> {
    parts.check_noise(objective)?;
    let beta = |kl_weight: f64| kl_weight * parts.kl_factor;
    match *objective {
        Objective::Bellman { .. } => Err(Error::Setting {
            key: "inference.objective.kind",
            expected: "one with decoders".to_owned(),
            got: "bellman, whose loss is the critics'".to_owned(),
        }),
        Objective::Elbo { kl_weight, .. } => elbo::loss(parts, beta(kl_weight)),
        Objective::ImportanceWeighted { kl_weight, .. } => {
            importance_weighted::loss(parts, beta(kl_weight))
        }
        Objective::NeuralProcess { kl_weight, .. } => neural_process::loss(parts, beta(kl_weight)),
        Objective::ImportanceWeightedNeuralProcess { kl_weight, .. } => {
            neural_process::importance_weighted_loss(parts, beta(kl_weight))
        }
        Objective::Clustering { kl_weight, sparsity, separation, supervision } => {
            let kl = beta(kl_weight);
            clustering::loss(parts, clustering::Weights { kl, sparsity, separation, supervision })
        }
        Objective::ClassConditional { kl_weight, class_weight, supervision } => {
            let (kl, class) = (beta(kl_weight), class_weight);
            class_conditional::loss(parts, class_conditional::Weights { kl, class, supervision })
        }
    }
}

impl Parts<'_> {
    fn check_noise(&self, objective: &Objective) -> Result<()> {
        let contexts = self.windows.rows.size().first().copied().unwrap_or(0);
        let contexts = usize::try_from(contexts).unwrap_or(0);
        let expected = noise_shape(objective, self.encoder, contexts);
        if self.noise.size() == expected {
            return Ok(());
        }
        Err(Error::Shape {
            what: "noise of the objective",
            expected: format!("{expected:?}"),
            got: format!("{:?}", self.noise.size()),
        })
    }

    /// q(z|c).
    fn infer(&self) -> Result<Belief> {
        encoder::infer(self.encoder, self.layers, self.windows)
    }

    fn errors(&self, z: &Tensor) -> Result<Reconstruction> {
        decoder::errors(self.decoder, self.layers, z, self.targets)
    }

    /// w_r·e_r + w_s·e_s, `[.., b]`.
    fn weigh(&self, errors: &Reconstruction) -> Result<Tensor> {
        let reward = errors.reward.f_mul_scalar(self.weights.reward)?;
        let weight = self.weights.next_observation;
        Ok(reward.f_add(&errors.next_observation.f_mul_scalar(weight)?)?)
    }

    /// Cross-entropy to the true base task, `[b]`; `None` where its weight is 0.
    fn supervision(&self, weight: f64, logits: &Tensor) -> Result<Option<Tensor>> {
        match self.labels {
            _ if weight == 0.0 => Ok(None),
            Some(labels) => Ok(Some(cross_entropy(logits, labels)?)),
            None => Err(Error::Setting {
                key: "inference.objective.supervision",
                expected: "0 where base tasks are not known".to_owned(),
                got: weight.to_string(),
            }),
        }
    }
}

impl Terms {
    /// From the loss of each context; the terms are to be filled in.
    fn new(per_context: Tensor, belief: &Belief) -> Result<Self> {
        let zero = Tensor::f_zeros([], (Kind::Float, per_context.device()))?;
        let none = || zero.shallow_clone();
        Ok(Self {
            total: per_context.f_mean(Kind::Float)?,
            per_context,
            reconstruction_reward: none(),
            reconstruction_observation: none(),
            kl: none(),
            class_kl: none(),
            sparsity: none(),
            separation: none(),
            cross_entropy: none(),
            belief: belief.detach()?,
        })
    }

    fn with_errors(mut self, errors: &Reconstruction) -> Result<Self> {
        self.reconstruction_reward = average(&errors.reward)?;
        self.reconstruction_observation = average(&errors.next_observation)?;
        Ok(self)
    }
}

/// The mean of all numbers, without gradient.
fn average(numbers: &Tensor) -> Result<Tensor> {
    Ok(numbers.f_detach()?.f_mean(Kind::Float)?)
}

/// −ln q(label) of each context with q = softmax(logits), `[b]`, for `logits` `[b, classes]`; 0 where
/// the label is -1.
///
/// # Errors
/// If a label is no class, or shapes do not fit.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    let none = None::<&Tensor>;
    Ok(logits.f_cross_entropy_loss(labels, none, Reduction::None, UNLABELLED, 0.0)?)
}

/// Gaussians and logits of a mixture, which `objective` needs.
fn mixture<'a>(belief: &'a Belief, objective: &str) -> Result<(Gaussians, &'a Tensor)> {
    match belief {
        Belief::Mixture { mean, variance, logits, .. } => {
            let (mean, variance) = (mean.shallow_clone(), variance.shallow_clone());
            Ok((Gaussians { mean, variance }, logits))
        }
        _ => Err(needs("a mixture", objective)),
    }
}

/// The Gaussian that `objective` needs.
fn gaussian<'a>(belief: &'a Belief, objective: &str) -> Result<&'a Gaussians> {
    match belief {
        Belief::Gaussian(gaussians) => Ok(gaussians),
        _ => Err(needs("a gaussian", objective)),
    }
}

fn needs(posterior: &str, objective: &str) -> Error {
    Error::Setting {
        key: "inference.posterior.kind",
        expected: format!("{posterior} for {objective}"),
        got: "another form".to_owned(),
    }
}
