//! The beliefs of one evaluation, one after another.

use super::clusters::Clusters;
use types::TaskRef;

/// What the agent believed during one evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Latents {
    /// Which evaluation, of what.
    pub about: About,
    /// At least one, ordered by task, episode and step.
    pub moments: Vec<Moment>,
    /// What the moments were divided into.
    pub clusters: Clusters,
}

/// Which evaluation, of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Number of the evaluation within its run.
    pub number: u64,
    /// Training transitions so far.
    pub env_steps: u64,
    /// Gradient steps so far.
    pub updates: u64,
    /// Version of the weights.
    pub version: u64,
    /// Name of the task family.
    pub family: String,
    /// Names of the parameters of its tasks.
    pub parameters: Vec<String>,
    /// Dimension of the latent.
    pub latent: usize,
}

/// One belief.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// The task of the trial.
    pub task: TaskRef,
    /// The task in force, of the same split; another one where tasks change within an episode.
    pub in_force: TaskRef,
    /// Parameters of the task in force, `[parameters]`.
    pub parameters: Vec<f64>,
    /// Its base task, where the family has several.
    pub base_task: Option<u32>,
    /// Adaptation episode, from 0.
    pub episode: u32,
    /// Steps of the episode before it.
    pub step: u32,
    /// After the first quarter of the last adaptation episode: what scores and pictures look at.
    pub scored: bool,
    /// Mean of q(z|context), `[latent]`.
    pub mean: Vec<f32>,
    /// Variance of q(z|context), `[latent]`.
    pub variance: Vec<f32>,
    /// The likeliest component, where the posterior is a mixture; else 0.
    pub component: u32,
    /// The cluster it is in, see [`Clusters`].
    pub cluster: u32,
}

impl Latents {
    /// The moments that scores and pictures look at; at least one.
    pub fn scored(&self) -> impl Iterator<Item = &Moment> {
        self.moments.iter().filter(|moment| moment.scored)
    }

    /// The tasks of the evaluation, each once.
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskRef> {
        let mut tasks: Vec<TaskRef> = self.moments.iter().map(|moment| moment.task).collect();
        tasks.sort_unstable();
        tasks.dedup();
        tasks
    }
}
