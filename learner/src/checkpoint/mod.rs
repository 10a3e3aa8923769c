//! Checkpoints: written beside and renamed, checked when they are read.
//!
//! `checkpoints/<updates>/` holds `weights.safetensors` (what actors need), `learner.safetensors`
//! (every parameter, targets, Adam's moments), `replay.json` (places in the experience log),
//! `state.json` (schedules and counters) and, written last, `manifest.json` with the length and
//! SHA-256 of each. `checkpoints/latest` names the newest folder; `checkpoints/best` holds the
//! weights that did best in evaluation. Writing has a thread of its own: training waits only while
//! the parts are gathered.

mod files;
mod writer;

pub use files::{Checkpoints, Loaded};
pub use writer::Writer;

use crate::method::FittedPrior;
use crate::replay::Snapshot;
use crate::trainer::Turns;
use crate::{collect, evaluate};
use serde::{Deserialize, Serialize};
use types::{Trial, TrialId};

/// Format of the folders.
pub const FORMAT: u32 = 4;

/// Where training stood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Format of the folder.
    pub format: u32,
    /// Updates done.
    pub updates: u64,
    /// Transitions in the replay.
    pub env_steps: u64,
    /// Transitions sampled.
    pub sampled: u64,
    /// The version that the next publication will have.
    pub next_version: u64,
    /// Whether anything was learned since the last publication.
    pub unpublished: bool,
    /// Transitions in the replay when learning began; absent before.
    pub initial: Option<u64>,
    /// Seconds of training so far, over all processes.
    pub wall_s: f64,
    /// The collection schedule.
    pub collector: collect::Progress,
    /// The evaluation schedule.
    pub evaluator: evaluate::Progress,
    /// Trials that were asked for and have no outcome yet.
    pub outstanding: Vec<Trial>,
    /// In lockstep, trials of the iteration that are to be inserted together.
    pub round: Vec<TrialId>,
    /// Outcomes taken from the coordinator's list.
    pub outcomes: u64,
    /// SHA-256 over all rows of the replay, where it was asked for.
    pub replay_digest: Option<String>,
    /// Whose turn it is.
    pub turns: Turns,
    /// The prior that is fitted now and then.
    pub prior: Option<FittedPrior>,
}

/// The parts of a checkpoint.
#[derive(Debug)]
pub struct Parts {
    /// safetensors of the acting networks.
    pub weights: Vec<u8>,
    /// safetensors of everything.
    pub learner: Vec<u8>,
    /// Places in the experience log.
    pub replay: Snapshot,
    /// Schedules and counters.
    pub state: State,
}
