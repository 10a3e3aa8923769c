//! Transitions as they travel: runs of consecutive steps of one episode, struct of arrays.

use crate::id::{ActorId, Incarnation, Sequence, TrialId, Version};
use crate::spec::EnvSpec;
use crate::task::TaskRef;
use serde::{Deserialize, Serialize};

/// Why an episode ended. Only [`End::Terminated`] means that no value follows the last state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The task itself ended (fell over, reached the goal): do not bootstrap.
    Terminated,
    /// The horizon cut it short: bootstrap from the last observation.
    Truncated,
}

/// A segment that cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SegmentError {
    /// An array does not fit the number of transitions.
    #[error("{field}: expected {expected} numbers ({why}), got {got}")]
    Length {
        /// Which array.
        field: &'static str,
        /// Numbers it should hold.
        expected: usize,
        /// Numbers it holds.
        got: usize,
        /// How the expectation comes about.
        why: String,
    },
    /// An array holds NaN or an infinity.
    #[error("{field}[{index}]: expected a finite number, got {value}")]
    NotFinite {
        /// Which array.
        field: &'static str,
        /// Position in it.
        index: usize,
        /// The offending value.
        value: f32,
    },
    /// No transition at all.
    #[error("expected at least one transition, got none")]
    Empty,
}

/// `len` consecutive transitions of one episode.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    len: usize,
    observations: Vec<f32>,
    actions: Vec<f32>,
    rewards: Vec<f32>,
    shaped_rewards: Vec<f32>,
    tasks: Vec<u32>,
    end: Option<End>,
}

impl Segment {
    /// Checks lengths against `spec` and that every number is finite.
    ///
    /// `observations` holds `len + 1` rows (the last one is the true observation after the last
    /// transition), `actions` `len` rows, `rewards` `len` numbers, `shaped_rewards` `len` numbers
    /// if the environment has them and none otherwise. `end` is set if the episode ended with the
    /// last transition.
    ///
    /// # Errors
    /// [`SegmentError`] names the array, what was expected of it and what it held.
    pub fn new(
        spec: &EnvSpec,
        observations: Vec<f32>,
        actions: Vec<f32>,
        rewards: Vec<f32>,
        shaped_rewards: Vec<f32>,
        end: Option<End>,
    ) -> Result<Self, SegmentError> {
        let len = rewards.len();
        if len == 0 {
            return Err(SegmentError::Empty);
        }
        let lengths = SegmentLengths::of(spec, len);
        lengths.check("observations", observations.len())?;
        lengths.check("actions", actions.len())?;
        lengths.check("shaped_rewards", shaped_rewards.len())?;
        finite("observations", &observations)?;
        finite("actions", &actions)?;
        finite("rewards", &rewards)?;
        finite("shaped_rewards", &shaped_rewards)?;
        Ok(Self { len, observations, actions, rewards, shaped_rewards, tasks: Vec::new(), end })
    }

    /// Adds the task that was in force in each transition, by its position in the list of the
    /// split: for environments with [`EnvSpec::task_changes`].
    ///
    /// # Errors
    /// [`SegmentError::Length`] if there is not one for each transition.
    pub fn with_tasks(mut self, tasks: Vec<u32>) -> Result<Self, SegmentError> {
        if tasks.len() != self.len {
            let why = "one for each transition".to_owned();
            let (expected, got) = (self.len, tasks.len());
            return Err(SegmentError::Length { field: "tasks", expected, got, why });
        }
        self.tasks = tasks;
        Ok(self)
    }

    /// Number of transitions, at least one.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a segment is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// `[len + 1, observation_dim]`, row-major.
    #[must_use]
    pub fn observations(&self) -> &[f32] {
        &self.observations
    }

    /// `[len, action_dim]`, row-major, each in [-1, 1] as sent to the environment.
    #[must_use]
    pub fn actions(&self) -> &[f32] {
        &self.actions
    }

    /// `[len]`: the task's own reward.
    #[must_use]
    pub fn rewards(&self) -> &[f32] {
        &self.rewards
    }

    /// `[len]`: the reward that learning uses, or empty if that is the task's own.
    #[must_use]
    pub fn shaped_rewards(&self) -> &[f32] {
        &self.shaped_rewards
    }

    /// `[len]`: the task in force, by its position in the list of the split; empty where the task
    /// of the trial stays in force.
    #[must_use]
    pub fn tasks(&self) -> &[u32] {
        &self.tasks
    }

    /// Why the episode ended, if it ended with the last transition.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.end
    }
}

/// How many numbers each array of a segment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentLengths {
    /// Transitions.
    pub len: usize,
    /// Numbers in `observations`.
    pub observations: usize,
    /// Numbers in `actions`.
    pub actions: usize,
    /// Numbers in `rewards`.
    pub rewards: usize,
    /// Numbers in `shaped_rewards`.
    pub shaped_rewards: usize,
    /// Numbers in `tasks`.
    pub tasks: usize,
}

impl SegmentLengths {
    /// The lengths for `len` transitions of an environment.
    #[must_use]
    pub fn of(spec: &EnvSpec, len: usize) -> Self {
        Self {
            len,
            observations: (len + 1) * spec.observation_dim,
            actions: len * spec.action_dim,
            rewards: len,
            shaped_rewards: if spec.shaped_reward { len } else { 0 },
            tasks: if spec.task_changes { len } else { 0 },
        }
    }

    /// Checks the length `got` of the array called `field`.
    ///
    /// # Errors
    /// [`SegmentError::Length`] if it differs from what it should be.
    pub fn check(&self, field: &'static str, got: usize) -> Result<(), SegmentError> {
        let expected = match field {
            "observations" => self.observations,
            "actions" => self.actions,
            "rewards" => self.rewards,
            "tasks" => self.tasks,
            _ => self.shaped_rewards,
        };
        if expected == got {
            return Ok(());
        }
        let why = format!("for {} transitions of this task family", self.len);
        Err(SegmentError::Length { field, expected, got, why })
    }
}

fn finite(field: &'static str, values: &[f32]) -> Result<(), SegmentError> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(index) => Err(SegmentError::NotFinite { field, index, value: values[index] }),
    }
}

/// Who sent a chunk, and which of its chunks it is: unique within a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The actor.
    pub actor: ActorId,
    /// Its life.
    pub incarnation: Incarnation,
    /// Number of the chunk in that life.
    pub sequence: Sequence,
}

/// A segment with all that the learner must know about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// Sender and sequence number.
    pub origin: Origin,
    /// The trial it belongs to.
    pub trial: TrialId,
    /// The task of the trial.
    pub task: TaskRef,
    /// Number of the episode in the trial, from 0.
    pub episode: u32,
    /// Position of the first transition in the episode.
    pub offset: u32,
    /// Whether the transitions may serve as context for the encoder.
    pub context: bool,
    /// Weights of the policy that acted, the same for all transitions.
    pub policy_version: Version,
    /// Weights of the encoder that inferred the latent.
    pub encoder_version: Version,
    /// The transitions.
    pub segment: Segment,
}
