//! What happens to the trainer, as it lies in the log between the chunks.

use crate::collect::Reason;
use crate::evaluate::Moment;
use serde::{Deserialize, Serialize};
use types::{Trial, TrialOutcome, Version};

/// Written before the rest of the world can know of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A training trial will be asked for.
    Issued {
        /// The trial.
        trial: Trial,
        /// Why.
        reason: Reason,
    },
    /// An evaluation will be asked for.
    Evaluating {
        /// Where training stands.
        moment: Moment,
        /// Its trials.
        trials: Vec<Trial>,
    },
    /// The outcome at `position` of the coordinator's list came in.
    Closed {
        /// From 0.
        position: u64,
        /// What became of the trial.
        outcome: TrialOutcome,
    },
    /// Weights are about to be published.
    Published {
        /// Their version.
        version: Version,
    },
}
