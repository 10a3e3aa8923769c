//! An actor steps environments, infers which task it is in, acts, and streams what happened to the
//! learner. It links physics and small CPU networks, and no tensor library.
//!
//! One thread does all the work on numbers ([`rollout`]); the tasks of one other thread only move
//! messages ([`run`]). Every queue between them is bounded: when the learner does not keep up, the
//! [`upload`] spool fills, and stepping waits.

pub mod agent;
pub mod board;
pub mod look;
pub mod rollout;
pub mod upload;

mod adaptive;
mod control;
mod error;
mod evaluate;
mod families;
mod follow;
mod inbox;
mod life;
mod retry;
mod stats;

pub use agent::Agent;
pub use board::Board;
pub use control::Options;
pub use error::{Error, STEP_TIMEOUT, chain};
pub use evaluate::{EpisodeBeliefs, Evaluation, Splits, TaskReturns, evaluate};
pub use families::{FamilySummary, SuiteSummary, suites};
pub use life::{Build, run, run_with};
pub use retry::Peer;
pub use stats::{Stats, Wait};
