//! The learner: stores experience, trains encoder and agent, publishes weights, checkpoints.
//!
//! The trainer owns networks, optimisers and schedule on a thread of its own ([`trainer`]); tokio
//! tasks only move messages ([`service`], [`link`]); experience lies in between, in a log on disk
//! ([`experience`]) that the replay indexes ([`replay`]).

pub mod board;
pub mod error;
pub mod device;
pub mod networks;
pub mod inference;
pub mod accounts;
pub mod agents;
pub mod method;
pub mod experience;
pub mod replay;
pub mod collect;
pub mod evaluate;
pub mod publish;
pub mod checkpoint;
pub mod progress;
pub mod trainer;
pub mod service;
pub mod link;
pub mod run;

pub use board::Board;
pub use error::{Error, Result};
pub use run::{Options, Start, run};
