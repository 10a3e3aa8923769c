//! What an agent has seen of the task of a trial, and what it concludes.

use crate::agent::Agent;
use nets::{EncoderSpec, Posterior};
use types::Version;

/// The context of a trial and q(z|context), kept up to date transition by transition.
///
/// The posterior is a running product of Gaussians: an episode costs one pass of the encoder over
/// its own transitions, not over all of the context. Factors of different encoders do not belong in
/// one product, so when the weights have changed all transitions are encoded again; that is what
/// they are kept for. Memory is bounded by the length of a trial.
#[derive(Debug)]
pub(crate) struct Context {
    width: usize,
    next_observation: bool,
    /// `[n, width]`: observation, action, reward and, if the encoder wants it, next observation.
    rows: Vec<f32>,
    /// Numbers of `rows` that are in the posterior.
    encoded: usize,
    /// The encoder that they went through.
    version: Option<Version>,
    posterior: Posterior,
}

impl Context {
    pub(crate) fn new(spec: &EncoderSpec) -> Self {
        Self {
            width: spec.width(),
            next_observation: spec.next_observation,
            rows: Vec::new(),
            encoded: 0,
            version: None,
            posterior: Posterior::new(spec.latent),
        }
    }

    /// Forgets everything, for the next trial.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.forget();
    }

    /// Makes room for `transitions` more, so that the steps to come allocate nothing.
    pub(crate) fn reserve(&mut self, transitions: usize) {
        self.rows.reserve(transitions * self.width);
    }

    /// The first half of a transition; [`Context::receive`] must follow.
    pub(crate) fn see(&mut self, observation: &[f32], action: &[f32]) {
        self.rows.extend_from_slice(observation);
        self.rows.extend_from_slice(action);
    }

    /// The second half of a transition.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the encoder sees rewards as f32, as it does in training"
    )]
    pub(crate) fn receive(&mut self, reward: f64, next_observation: &[f32]) {
        self.rows.push(reward as f32);
        if self.next_observation {
            self.rows.extend_from_slice(next_observation);
        }
    }

    /// Turns ε ~ N(0, I) in `latent` into z = μ + σ ε of q(z|context), with the encoder of `agent`.
    /// While there is no context that is the prior, and leaves it as it is.
    pub(crate) fn shift(
        &mut self,
        agent: &mut Agent,
        latent: &mut [f32],
    ) -> Result<(), nets::Error> {
        if self.version != Some(agent.version()) {
            self.forget();
            self.version = Some(agent.version());
        }
        agent.infer(&self.rows[self.encoded..], &mut self.posterior)?;
        self.encoded = self.rows.len();
        self.posterior.shift(latent)
    }

    fn forget(&mut self) {
        self.encoded = 0;
        self.version = None;
        self.posterior.reset();
    }
}
