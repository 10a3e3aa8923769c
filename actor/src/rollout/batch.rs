//! The arrays that all slots share: one row per slot, one inference for all rows.

use crate::adaptive::AdaptiveAgent;
use types::EnvSpec;

/// Inputs and outputs of one inference, row-major, one row per slot. Rows of idle slots
/// between active ones are computed along.
#[derive(Debug)]
pub(crate) struct Batch {
    observation_dim: usize,
    given_dim: usize,
    action_dim: usize,
    observations: Vec<f32>,
    given: Vec<f32>,
    noise: Vec<f32>,
    actions: Vec<f32>,
}

/// The row of one slot.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    /// `[observation_dim]`: what the agent sees now.
    pub(crate) observation: &'a mut [f32],
    /// `[given_dim]`: what the policy is given of the inferred task.
    pub(crate) given: &'a mut [f32],
    /// `[action_dim]`: ε of this step; zero for the deterministic action.
    pub(crate) noise: &'a mut [f32],
    /// `[action_dim]`, each in [-1, 1].
    pub(crate) action: &'a mut [f32],
}

impl Batch {
    /// `given` is how many numbers the policy is given of the inferred task.
    pub(crate) fn new(spec: &EnvSpec, given: usize, slots: usize) -> Self {
        Self {
            observation_dim: spec.observation_dim,
            given_dim: given,
            action_dim: spec.action_dim,
            observations: vec![0.0; slots * spec.observation_dim],
            given: vec![0.0; slots * given],
            noise: vec![0.0; slots * spec.action_dim],
            actions: vec![0.0; slots * spec.action_dim],
        }
    }

    pub(crate) fn row(&mut self, slot: usize) -> Row<'_> {
        let of = |width: usize| slot * width..(slot + 1) * width;
        Row {
            observation: &mut self.observations[of(self.observation_dim)],
            given: &mut self.given[of(self.given_dim)],
            noise: &mut self.noise[of(self.action_dim)],
            action: &mut self.actions[of(self.action_dim)],
        }
    }

    /// Infers the task for the rows `asking`, in rising order, where that is due at each step, and
    /// fills in the policy's actions.
    pub(crate) fn act(
        &mut self,
        agent: &mut AdaptiveAgent,
        asking: impl Iterator<Item = usize> + Clone,
    ) -> Result<(), nets::Error> {
        agent.infer(asking.clone(), &mut self.given)?;
        let rows = asking.last().map_or(0, |last| last + 1);
        agent.act(
            &self.observations[..rows * self.observation_dim],
            &self.given[..rows * self.given_dim],
            &self.noise[..rows * self.action_dim],
            &mut self.actions[..rows * self.action_dim],
        )
    }
}
