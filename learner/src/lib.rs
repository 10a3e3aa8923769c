//! The learner: stores experience, trains encoder and agent, publishes weights, checkpoints.

pub mod agents;
pub mod error;
pub mod inference;
pub mod networks;
pub mod pearl;

pub use error::{Error, Result};
