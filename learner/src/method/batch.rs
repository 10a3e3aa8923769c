//! What updates learn from.

use crate::error::Result;
use crate::inference::{Belief, Targets, Windows};
use tch::Tensor;

/// What an update of the agent learns from: `n` transitions, `n / tasks` of each task in turn.
#[derive(Debug)]
pub struct Batch {
    /// `[n, observation]`.
    pub observation: Tensor,
    /// `[n, action]`.
    pub action: Tensor,
    /// `[n, 1]`, the reward that learning uses.
    pub reward: Tensor,
    /// `[n, observation]`.
    pub next_observation: Tensor,
    /// `[n, 1]`: 0 after a terminating transition, else 1.
    pub not_terminated: Tensor,
    /// What the task is inferred from.
    pub source: Source,
    /// Standard normal numbers.
    pub noise: Noise,
}

/// What the task is inferred from.
#[derive(Debug)]
pub enum Source {
    /// A set of context transitions per task: one z for all its transitions.
    Sets(Windows),
    /// The windows before the transitions, and those after them where z is inferred anew for the
    /// next state.
    Windows {
        /// Before each transition.
        now: Windows,
        /// After each transition.
        next: Option<Windows>,
    },
    /// What the encoder said before and after each transition.
    Labels {
        /// Before.
        now: Belief,
        /// After.
        next: Belief,
    },
}

impl Source {
    /// Contexts, each with a z of its own.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn contexts(&self) -> Result<i64> {
        Ok(match self {
            Self::Sets(windows) | Self::Windows { now: windows, .. } => windows.rows.size()[0],
            Self::Labels { now, .. } => now.mean()?.size()[0],
        })
    }
}

/// Reparameterisation noise of one update of the agent.
#[derive(Debug)]
pub struct Noise {
    /// For z, `[contexts, noise width]`.
    pub latent: Tensor,
    /// For the z of the next state, where that is inferred anew, `[contexts, noise width]`.
    pub next_latent: Tensor,
    /// For the action at the next state (twin-Q form), `[n, action]`.
    pub next_action: Tensor,
    /// For the action at the state, `[n, action]`.
    pub action: Tensor,
}

/// What an update of the encoder learns from: `b` contexts.
#[derive(Debug)]
pub struct Contexts {
    /// Right before the present transitions.
    pub windows: Windows,
    /// What is reconstructed.
    pub targets: Targets,
    /// Base task of each context, `[b]`, counted from 0.
    pub labels: Tensor,
    /// Standard normal numbers, `[samples, b, noise width]`.
    pub noise: Tensor,
}
