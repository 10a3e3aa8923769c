//! The arrays that all slots share: one row per slot, one inference for all rows.

use crate::agent::Agent;
use types::EnvSpec;

/// Inputs and outputs of one inference, row-major, one row per slot. Rows of idle slots
/// between active ones are computed along.
#[derive(Debug)]
pub(crate) struct Batch {
    observation_dim: usize,
    latent_dim: usize,
    action_dim: usize,
    observations: Vec<f32>,
    latents: Vec<f32>,
    noise: Vec<f32>,
    actions: Vec<f32>,
}

/// The row of one slot.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    /// `[observation_dim]`: what the agent sees now.
    pub(crate) observation: &'a mut [f32],
    /// `[latent_dim]`: z of the episode.
    pub(crate) latent: &'a mut [f32],
    /// `[action_dim]`: ε of this step; zero for the deterministic action.
    pub(crate) noise: &'a mut [f32],
    /// `[action_dim]`, each in [-1, 1].
    pub(crate) action: &'a [f32],
}

impl Batch {
    pub(crate) fn new(spec: &EnvSpec, latent_dim: usize, slots: usize) -> Self {
        Self {
            observation_dim: spec.observation_dim,
            latent_dim,
            action_dim: spec.action_dim,
            observations: vec![0.0; slots * spec.observation_dim],
            latents: vec![0.0; slots * latent_dim],
            noise: vec![0.0; slots * spec.action_dim],
            actions: vec![0.0; slots * spec.action_dim],
        }
    }

    pub(crate) fn row(&mut self, slot: usize) -> Row<'_> {
        let of = |width: usize| slot * width..(slot + 1) * width;
        Row {
            observation: &mut self.observations[of(self.observation_dim)],
            latent: &mut self.latents[of(self.latent_dim)],
            noise: &mut self.noise[of(self.action_dim)],
            action: &self.actions[of(self.action_dim)],
        }
    }

    /// Fills in the actions of the first `rows` rows.
    pub(crate) fn act(&mut self, agent: &mut Agent, rows: usize) -> Result<(), nets::Error> {
        agent.act(
            &self.observations[..rows * self.observation_dim],
            &self.latents[..rows * self.latent_dim],
            &self.noise[..rows * self.action_dim],
            &mut self.actions[..rows * self.action_dim],
        )
    }
}
