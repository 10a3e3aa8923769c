//! One transition as one row of numbers.
//!
//! Columns: observation | action | task reward | next observation | training reward |
//! not-terminated. What the encoder sees (observation, action, task reward and, if wanted, next
//! observation) is a prefix, so a context row is a shorter copy of a row; one row is one copy.

use proto::chunk::CheckedChunk;
use types::{End, EnvSpec};

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

    /// Writes transition `i` of a chunk into `row`, which holds [`RowLayout::width`] numbers.
    pub fn write(&self, chunk: &CheckedChunk, i: usize, row: &mut [f32]) {
        let action = self.observation;
        let reward = action + self.action;
        let next = reward + 1;
        let training = next + self.observation;
        copy(&mut row[..action], chunk.observation(i));
        copy(&mut row[action..reward], chunk.action(i));
        row[reward] = chunk.reward(i);
        copy(&mut row[next..training], chunk.observation(i + 1));
        row[training] = chunk.training_reward(i);
        let last = i + 1 == chunk.len();
        let terminated = last && chunk.end == Some(End::Terminated);
        row[training + 1] = if terminated { 0.0 } else { 1.0 };
    }
}

fn copy(row: &mut [f32], little_endian: &[u8]) {
    bytemuck::cast_slice_mut(row).copy_from_slice(little_endian);
}
