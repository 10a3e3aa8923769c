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

/// Where the latent task variable of an episode comes from. Where the encoder looks at a set of
/// transitions, it is drawn once at the start of the episode and held for all of it; where it looks
/// at a window, at each step.
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
    /// learner, for training the encoder. (A window reaches into every episode, whatever this
    /// says.)
    pub context: bool,
    /// Who acts.
    #[serde(default)]
    pub behaviour: Behaviour,
}

/// Who acts in an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Behaviour {
    /// The policy.
    #[default]
    Policy,
    /// Actions uniform in [-1, 1], a new one at each step.
    Random,
    /// Actions from a Gaussian whose mean, uniform in [-1, 1], and standard deviation, uniform in
    /// [0, 1], are drawn anew every so many steps (SMRL's RandomMemory).
    RandomMemory {
        /// Steps.
        every: u32,
    },
}

impl Behaviour {
    /// Whether it is what there is where nothing is said.
    #[must_use]
    pub fn is_policy(&self) -> bool {
        *self == Self::Policy
    }
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
    /// Moments per episode at which the agent's belief is reported, evenly spaced, the last at the
    /// end; 0 for none. No more than an episode has steps, and no more than fit into a report.
    #[serde(default)]
    pub beliefs: u32,
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

/// What an agent believed about the task at one moment of an episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Belief {
    /// Steps of the episode before it.
    pub step: u32,
    /// The task in force, by its position in the list of the split.
    pub task: u32,
    /// Mean of q(z|context), `[latent]`.
    pub mean: Vec<f32>,
    /// Variance of q(z|context), `[latent]`.
    pub variance: Vec<f32>,
    /// The likeliest component, where the posterior is a mixture; else 0.
    pub component: u32,
}

/// What happened in one episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpisodeOutcome {
    /// Sum of the task's own rewards.
    pub task_return: f64,
    /// Number of transitions.
    pub length: u32,
    /// Why it ended.
    pub end: End,
    /// Weights that acted at its end.
    pub version: Version,
    /// What the agent believed, now and then; empty where the trial does not ask for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beliefs: Vec<Belief>,
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
