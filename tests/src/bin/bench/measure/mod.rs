//! What is measured, and how figures are told.

pub(crate) mod figure;
pub(crate) mod statistics;
mod cheetah;
mod actor;
mod ingest;
mod weights;
mod learner;
mod footprint;
mod world;
mod process;

use clap::ValueEnum;

/// The benches.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Name {
    /// Rollouts beside raw physics, in one thread; two actor processes
    Actor,
    /// Chunks taken in by the learner's service beside chunks that are only received
    Ingest,
    /// From the publication of weights to their arrival, whole and checked, at all followers
    Weights,
    /// Updates beside the matrix products in them
    Learner,
    /// Memory of an actor, and how soon it is of use
    Footprint,
}

impl Name {
    /// Measures and prints.
    pub(crate) fn measure(self, device: &str) -> anyhow::Result<()> {
        match self {
            Self::Actor => actor::measure(),
            Self::Ingest => ingest::measure(),
            Self::Weights => weights::measure(),
            Self::Learner => learner::measure(device),
            Self::Footprint => footprint::measure(),
        }
    }
}
