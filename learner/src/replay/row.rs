//! One transition as one row of numbers.
//!
//! Columns: observation | action | task reward | next observation | training reward |
//! not-terminated. What the encoder sees (observation, action, task reward and, if wanted, next
//! observation) is a prefix, so a context row is a shorter row.

use crate::experience::Transitions;
use types::EnvSpec;

/// Where the columns are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowLayout {
    observation: usize,
    action: usize,
    next_observation_in_context: bool,
}

impl RowLayout {
    /// The layout for an environment.
    #[must_use]
    pub fn new(spec: &EnvSpec, next_observation_in_context: bool) -> Self {
        Self {
            observation: spec.observation_dim,
            action: spec.action_dim,
            next_observation_in_context,
        }
    }

    /// Numbers in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        2 * self.observation + self.action + 3
    }

    /// Numbers in a context row, which is a prefix of a row.
    #[must_use]
    pub fn context_width(&self) -> usize {
        let next = if self.next_observation_in_context { self.observation } else { 0 };
        self.observation + self.action + 1 + next
    }

    /// Columns as (start, length): observation, action, next observation, training reward,
    /// not-terminated.
    #[must_use]
    pub fn columns(&self) -> [(i64, i64); 5] {
        let (observation, action) = (self.observation as i64, self.action as i64);
        let next = observation + action + 1;
        [
            (0, observation),
            (observation, action),
            (next, observation),
            (next + observation, 1),
            (next + observation + 1, 1),
        ]
    }

    /// The column of the task's own reward, as (start, length).
    #[must_use]
    pub fn task_reward(&self) -> (i64, i64) {
        ((self.observation + self.action) as i64, 1)
    }

    /// Appends transition `i` of a chunk to `rows`: [`RowLayout::width`] numbers.
    pub fn push_row(&self, transitions: &Transitions<'_>, i: usize, rows: &mut Vec<f32>) {
        rows.extend_from_slice(transitions.before(i));
        rows.extend_from_slice(transitions.next_observation(i));
        rows.extend([transitions.training_reward(i), transitions.not_terminated(i)]);
    }

    /// Appends transition `i` of a chunk to `rows`: [`RowLayout::context_width`] numbers.
    pub fn push_context(&self, transitions: &Transitions<'_>, i: usize, rows: &mut Vec<f32>) {
        rows.extend_from_slice(transitions.before(i));
        if self.next_observation_in_context {
            rows.extend_from_slice(transitions.next_observation(i));
        }
    }
}
