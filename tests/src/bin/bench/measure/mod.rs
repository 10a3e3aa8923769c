//! What is measured, and how figures are told.

pub(crate) mod figure;
pub(crate) mod statistics;
mod cheetah;
mod tigr;
mod rollouts;
mod actor;
mod encoders;
mod ingest;
mod weights;
mod learner;
mod footprint;
mod load;
mod checkpoint;
mod soak;
mod run;
mod simulated;
mod world;
mod process;
mod two_actors;

use clap::ValueEnum;

/// The benches.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Name {
    /// Rollouts beside raw physics, in one thread; two actor processes
    Actor,
    /// Rollouts in which the task is inferred at every step
    Encoders,
    /// Chunks taken in by the learner's service beside chunks that are only received
    Ingest,
    /// From the publication of weights to their arrival, whole and checked, at all followers
    Weights,
    /// Updates beside the matrix products in them
    Learner,
    /// Memory of an actor, and how soon it is of use
    Footprint,
    /// 256 simulated actors and 64 real ones at one learner: memory, status, fairness
    Load,
    /// How long training waits for a checkpoint with a million transitions in the replay
    Checkpoint,
    /// Resident memory of each process over time
    Soak,
}

/// What benches may be told.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Settings {
    /// Where the learner computes: cpu, cuda, cuda:N, or auto for the CPU and a GPU if there is one
    #[arg(long, default_value = "auto")]
    device: String,
    /// How long `soak` looks on after it has warmed up
    #[arg(long, value_name = "M", default_value_t = 30.0)]
    minutes: f64,
}

impl Name {
    /// Measures and prints.
    pub(crate) fn measure(self, settings: &Settings) -> anyhow::Result<()> {
        match self {
            Self::Actor => actor::measure(),
            Self::Encoders => encoders::measure(),
            Self::Ingest => ingest::measure(),
            Self::Weights => weights::measure(),
            Self::Learner => learner::measure(&settings.device),
            Self::Footprint => footprint::measure(),
            Self::Load => load::measure(),
            Self::Checkpoint => checkpoint::measure(),
            Self::Soak => soak::measure(settings.minutes),
        }
    }
}
