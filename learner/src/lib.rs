//! The learner: stores experience, trains encoder and agent, publishes weights, checkpoints.

pub mod agents;
pub mod device;
pub mod error;
pub mod inference;
pub mod networks;
pub mod pearl;
pub mod publish;
pub mod replay;
pub mod service;

pub use error::{Error, Result};
