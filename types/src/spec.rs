//! What a process needs to know about an environment without linking its physics.

use crate::task::Task;
use serde::{Deserialize, Serialize};

/// Shapes and horizon of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvSpec {
    /// Numbers in one observation.
    pub observation_dim: usize,
    /// Numbers in one action. Every action component lies in [-1, 1]; the environment rescales.
    pub action_dim: usize,
    /// Steps after which an episode is truncated.
    pub horizon: usize,
    /// Whether learning uses a shaped reward that differs from the task's own reward (the one an
    /// agent may observe and is evaluated on).
    pub shaped_reward: bool,
    /// Whether an action is a choice among `action_dim` alternatives: the largest of the numbers
    /// says which one. Otherwise every number is a control.
    pub choice: bool,
    /// Whether the task can change within an episode, so that each transition says which one was in
    /// force.
    pub task_changes: bool,
}

impl EnvSpec {
    /// Controls in [-1, 1], one reward, one task per episode; what differs is set by the caller.
    #[must_use]
    pub const fn new(observation_dim: usize, action_dim: usize, horizon: usize) -> Self {
        Self {
            observation_dim,
            action_dim,
            horizon,
            shaped_reward: false,
            choice: false,
            task_changes: false,
        }
    }
}

/// Average undiscounted returns of two yardstick policies, used to normalise scores:
/// `normalised = (return - random) / (oracle - random)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReferenceReturns {
    /// Uniformly random actions.
    pub random: f64,
    /// A closed-form policy that knows the task.
    pub oracle: f64,
}

impl ReferenceReturns {
    /// 0 at the random policy, 1 at the oracle.
    #[must_use]
    pub fn normalise(&self, task_return: f64) -> f64 {
        (task_return - self.random) / (self.oracle - self.random)
    }
}

/// A task family as the learner and the coordinator see it; produced by `actor describe`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FamilySpec {
    /// Registered name, for example `cheetah-vel`.
    pub name: String,
    /// One sentence for people.
    pub summary: String,
    /// Shapes and horizon.
    pub env: EnvSpec,
    /// Tasks to train on, index `i` at position `i`.
    pub train: Vec<Task>,
    /// Tasks held out for testing.
    pub test: Vec<Task>,
    /// Yardsticks averaged over the test tasks; `None` where no closed-form oracle exists.
    pub reference: Option<ReferenceReturns>,
}
