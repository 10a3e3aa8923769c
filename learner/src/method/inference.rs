//! Updates of the encoder apart from the agent, and what the encoder says.

use super::Method;
use super::batch::Contexts;
use super::prior::FittedPrior;
use super::trainable::gradients;
use crate::error::{Error, Result};
use crate::inference::objectives::{self, ErrorWeights, Parts, Terms};
use crate::inference::{self, Belief, Targets, Windows, conflicts, decoder};
use crate::networks::parameters::{network, to_host};
use crate::networks::{NamedLayers, adam};
use nets::{INPUTS, Params};
use rand::seq::SliceRandom as _;
use tch::{Kind, Tensor};
use types::experiment::{Conflicts, Posterior, Prior};

/// What an update of the encoder depends on besides the contexts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factors {
    /// Weights of the errors of reward and next observation.
    pub weights: [f64; 2],
    /// Factor on the KL weight.
    pub annealing: f64,
    /// Seed of the order in which conflicts of gradients are settled.
    pub order: u64,
}

/// Losses of one update of the encoder, as scalars on the device.
#[derive(Debug)]
pub struct InferenceLosses {
    /// Its terms.
    pub terms: Terms,
    /// 1 if the update was applied, 0 if it was skipped for not being finite.
    pub usable: Tensor,
}

/// Mean squared errors of reconstruction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reconstructed {
    /// Of rewards.
    pub reward: f64,
    /// Of next observations.
    pub next_observation: f64,
}

/// What the encoder says of contexts, on the host.
#[derive(Debug)]
pub struct Said {
    /// `[contexts, latent]`.
    pub mean: Vec<f32>,
    /// `[contexts, latent]`.
    pub variance: Vec<f32>,
}

impl Method {
    /// One gradient step on encoder, decoder and learned prior.
    ///
    /// # Errors
    /// If shapes do not fit or libtorch fails.
    pub fn update_inference(
        &mut self,
        contexts: &Contexts,
        factors: Factors,
    ) -> Result<InferenceLosses> {
        let terms = self.inference_terms(contexts, factors, true)?;
        let gradient = self.inference_gradient(&terms, factors)?;
        let usable = adam::usable(&[&terms.total], &[&gradient])?;
        self.inference.step(&gradient, &usable)?;
        Ok(InferenceLosses { terms, usable })
    }

    /// The losses of an update that is not made.
    ///
    /// # Errors
    /// If shapes do not fit or libtorch fails.
    pub fn judge_inference(&self, contexts: &Contexts, factors: Factors) -> Result<Terms> {
        tch::no_grad(|| self.inference_terms(contexts, factors, false))
    }

    fn inference_terms(
        &self,
        contexts: &Contexts,
        factors: Factors,
        trained: bool,
    ) -> Result<Terms> {
        let group = &self.inference.group;
        let layers = if trained { group.named_layers()? } else { group.named_constants()? };
        let decoder = self.spec.decoder.as_ref().ok_or_else(|| Error::Message {
            what: "train the encoder apart",
            why: "expected a decoder, got none".to_owned(),
        })?;
        let prior = self.prior_tensors(&layers)?;
        let targets = self.scaled(&contexts.targets, &layers)?;
        let targets = targets.as_ref().unwrap_or(&contexts.targets);
        objectives::loss(
            &self.settings.objective,
            &Parts {
                encoder: &self.spec.agent.encoder,
                decoder,
                layers: &layers,
                prior: &prior,
                windows: &contexts.windows,
                targets,
                noise: &contexts.noise,
                weights: ErrorWeights {
                    reward: factors.weights[0],
                    next_observation: factors.weights[1],
                },
                kl_factor: factors.annealing,
                labels: Some(&contexts.labels),
            },
        )
    }

    /// Targets as the decoder sees them; `None` if it sees them as they are.
    fn scaled(&self, targets: &Targets, layers: &NamedLayers) -> Result<Option<Targets>> {
        let spec = &self.spec.agent.encoder;
        if !spec.normalise {
            return Ok(None);
        }
        Ok(Some(targets.scaled(spec, &network(layers, INPUTS)?[0])?))
    }

    fn prior_tensors(&self, layers: &NamedLayers) -> Result<inference::Prior> {
        let fitted = self.fitted.as_ref().map(|fitted| fitted.components(self.device));
        inference::Prior::of(&self.spec.prior, layers, fitted.transpose()?.flatten())
    }

    fn inference_gradient(&self, terms: &Terms, factors: Factors) -> Result<Tensor> {
        let settings = self.settings.training.as_ref();
        let group = &self.inference.group;
        let projects = settings.is_some_and(|t| t.conflicts == Conflicts::Project);
        let gradient = match projects {
            true => self.projected(terms, factors.order)?,
            false => gradients(&terms.total, &[group])?.remove(0),
        };
        let Some(most) = settings.and_then(|t| t.clip) else {
            return Ok(gradient);
        };
        let norm = gradient.f_square()?.f_sum(Kind::Float)?.f_sqrt()?;
        let factor =
            norm.f_add_scalar(1e-12)?.f_reciprocal()?.f_mul_scalar(most)?.f_clamp_max(1.0)?;
        Ok(gradient.f_mul(&factor)?)
    }

    /// The gradients of the likeliest components' contexts, projected where they contradict each
    /// other.
    fn projected(&self, terms: &Terms, seed: u64) -> Result<Tensor> {
        let classes = match self.spec.agent.encoder.posterior {
            Posterior::Mixture { components, .. } => components,
            _ => 1,
        };
        let flat = self.inference.group.flat();
        let component = terms.belief.component()?;
        let losses = conflicts::by_class(&terms.per_context, &component, classes as i64)?;
        let mut order: Vec<usize> = (0..classes).collect();
        order.shuffle(&mut types::stream(seed, types::Role::Contexts, 0, 5));
        conflicts::project(&conflicts::gradients(&losses, flat)?, &order)
    }

    /// Has the encoder see rows less `mean` and over `deviation`, both of a context row.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn normalise_inputs(&mut self, mean: &[f64], deviation: &[f64]) -> Result<()> {
        let scale: Vec<f32> = deviation.iter().map(|d| narrow(1.0 / d)).collect();
        let shift: Vec<f32> = mean.iter().zip(deviation).map(|(m, d)| narrow(-m / d)).collect();
        let replaced = |tensor: &nets::Tensor| {
            let data = match tensor.name().strip_prefix(INPUTS) {
                Some(".0.weight") => scale.clone(),
                Some(".0.bias") => shift.clone(),
                _ => tensor.data().to_vec(),
            };
            nets::Tensor::new(tensor.name().to_owned(), tensor.shape().to_vec(), data)
        };
        let params = self.inference.group.export()?;
        let tensors = params.tensors().iter().map(replaced);
        let tensors = tensors.collect::<std::result::Result<Vec<_>, _>>()?;
        self.inference.group.assign(&Params::new(tensors)?)
    }

    /// Mean squared errors of the decoder at the posterior mean, in units of the replay's variance
    /// where the encoder's inputs are normalised.
    ///
    /// # Errors
    /// If shapes do not fit or libtorch fails.
    pub fn reconstruct(&self, contexts: &Contexts) -> Result<Option<Reconstructed>> {
        let Some(spec) = &self.spec.decoder else { return Ok(None) };
        tch::no_grad(|| {
            let layers = self.inference.group.named_constants()?;
            let z =
                inference::encoder::infer(&self.spec.agent.encoder, &layers, &contexts.windows)?
                    .mean()?;
            let scaled = self.scaled(&contexts.targets, &layers)?;
            let targets = scaled.as_ref().unwrap_or(&contexts.targets);
            let errors = decoder::errors(spec, &layers, &z, targets)?;
            let mean = |tensor: &Tensor| -> Result<f64> {
                Ok(f64::from(to_host(&tensor.f_mean(Kind::Float)?)?[0]))
            };
            let reward = mean(&errors.reward)?;
            Ok(Some(Reconstructed { reward, next_observation: mean(&errors.next_observation)? }))
        })
    }

    /// What the encoder says of each context.
    ///
    /// # Errors
    /// If shapes do not fit or libtorch fails.
    pub fn infer(&self, windows: &Windows) -> Result<Belief> {
        tch::no_grad(|| {
            let layers = self.inference.group.named_constants()?;
            inference::encoder::infer(&self.spec.agent.encoder, &layers, windows)
        })
    }

    /// The same on the host.
    ///
    /// # Errors
    /// As [`Method::infer`].
    pub fn say(&self, windows: &Windows) -> Result<Said> {
        let belief = self.infer(windows)?;
        Ok(Said { mean: to_host(&belief.mean()?)?, variance: to_host(&belief.variance()?)? })
    }

    /// The prior that is fitted, if there is one.
    #[must_use]
    pub fn fitted(&self) -> Option<&FittedPrior> {
        self.fitted.as_ref()
    }

    /// The same, to be fitted or taken back.
    pub fn fitted_mut(&mut self) -> &mut Option<FittedPrior> {
        &mut self.fitted
    }

    /// Whether the prior has parameters that are learned along.
    #[must_use]
    pub fn learns_prior(&self) -> bool {
        self.spec.prior == Prior::Learned
    }

    /// The parameters of encoder, decoder and learned prior, to be taken back later.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn keep_inference(&self) -> Result<Params> {
        self.inference.group.export()
    }

    /// Takes back what [`Method::keep_inference`] gave; Adam's moments stay.
    ///
    /// # Errors
    /// If a parameter is missing or misshapen.
    pub fn take_back_inference(&mut self, params: &Params) -> Result<()> {
        self.inference.group.assign(params)
    }
}

#[allow(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
pub(crate) fn narrow(number: f64) -> f32 {
    number as f32
}

/// Targets on the device: rows `[b·m, row]` of transitions, present `[b, m]`.
///
/// # Errors
/// If libtorch fails.
pub fn targets(
    rows: &Tensor,
    present: Tensor,
    columns: [(i64, i64); 5],
    reward: (i64, i64),
) -> Result<Targets> {
    let (b, m) = (present.size()[0], present.size()[1]);
    let rows = rows.f_view([b, m, -1])?;
    let column = |(start, length): (i64, i64)| rows.f_narrow(2, start, length);
    let [observation, action, next_observation, _, _] = columns;
    Ok(Targets {
        observation: column(observation)?,
        action: column(action)?,
        reward: column(reward)?,
        next_observation: column(next_observation)?,
        present,
    })
}
