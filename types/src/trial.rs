//! Trials: the unit of leased collection work, and what comes back from one.

use crate::id::{TrialId, Version};
use crate::segment::End;
use crate::task::TaskRef;
use serde::{Deserialize, Serialize};

/// What a trial is collected for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Stochastic actions; transitions are streamed to the learner and stored.
    Train,
    /// Deterministic actions; only outcomes are reported.
    Evaluate,
}

/// Where the latent task variable of an episode comes from. It is drawn once at the start of the
/// episode and held for all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LatentSource {
    /// z ~ N(0, I), blind to any context.
    Prior,
    /// z ~ q(z | context of this trial so far).
    Posterior,
}

/// A number of episodes of a trial that are collected in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Phase {
    /// Where each episode's latent comes from.
    pub latent: LatentSource,
    /// How many episodes.
    pub episodes: u32,
    /// Whether these episodes become context: for later episodes of this trial and, in the
    /// learner, for training the encoder.
    pub context: bool,
}

/// Collect some episodes of one task, in order, carrying context from one to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Unique within the run.
    pub id: TrialId,
    /// Which task.
    pub task: TaskRef,
    /// Train or evaluate.
    pub purpose: Purpose,
    /// What to collect, in this order.
    pub phases: Vec<Phase>,
    /// Seed of everything random in the trial: a trial's data depends on this and on the weights
    /// alone, whichever actor runs it.
    pub seed: u64,
    /// Weights older than this may not be used.
    pub min_version: Version,
}

impl Trial {
    /// Episodes over all phases.
    #[must_use]
    pub fn episodes(&self) -> u32 {
        self.phases.iter().map(|p| p.episodes).sum()
    }

    /// The phase that episode number `episode` (from 0) belongs to; `None` past the last.
    #[must_use]
    pub fn phase_of(&self, episode: u32) -> Option<Phase> {
        let mut first = 0;
        self.phases.iter().copied().find(|phase| {
            first += phase.episodes;
            episode < first
        })
    }
}

/// What happened in one episode.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpisodeOutcome {
    /// Sum of the task's own rewards.
    pub task_return: f64,
    /// Number of transitions.
    pub length: u32,
    /// Why it ended.
    pub end: End,
    /// Weights that acted at its end.
    pub version: Version,
}

/// What an actor says of a trial once all of its transitions are acknowledged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialOutcome {
    /// Which trial.
    pub trial: TrialId,
    /// Which task.
    pub task: TaskRef,
    /// Train or evaluate.
    pub purpose: Purpose,
    /// Finished episodes in order.
    pub episodes: Vec<EpisodeOutcome>,
    /// Why the trial was given up, if it was (a simulation that diverged, say).
    pub failure: Option<String>,
}
