//! Why the coordinator says no, and the gRPC code that says so.

use crate::learner::NotSeated;
use crate::outcomes::NoSuchPosition;
use crate::registry::LifeKey;
use crate::trials::InvalidOutcome;
use proto::WireError;
use proto::tonic::{Code, Status};

/// A request that is not granted.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Actors can do nothing yet.
    #[error("the learner has not registered yet; try again")]
    NoLearner,
    /// The run ends.
    #[error("the run is stopping; it takes no new members")]
    Stopping,
    /// What was decided cannot be written down at the moment.
    #[error("the run directory cannot be written ({why}); nothing is lost; try again")]
    Unwritten {
        /// What the system says.
        why: String,
    },
    /// A life that is over, or never was.
    #[error("{0}: expected a life that is not over; register again")]
    UnknownLife(LifeKey),
    /// A second learner.
    #[error(
        "expected one learner, got a second one (process {pid} on {host}) while the first (at \
         {first}) still answers; stop one of them"
    )]
    SecondLearner {
        /// Where the second one runs.
        host: String,
        /// Its process.
        pid: u32,
        /// `host:port` of the first.
        first: String,
    },
    /// A report of somebody who is not the learner.
    #[error(transparent)]
    NotSeated(#[from] NotSeated),
    /// Too much open work.
    #[error("trials: expected at most {limit} open or unread, got {got}; read outcomes first")]
    TooManyTrials {
        /// The bound.
        limit: usize,
        /// What there would be.
        got: usize,
    },
    /// A position that is gone, or does not exist.
    #[error(transparent)]
    Position(#[from] NoSuchPosition),
    /// An outcome that does not fit its trial.
    #[error(transparent)]
    Outcome(#[from] InvalidOutcome),
    /// A message that cannot be read.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A value that cannot be.
    #[error("{field}: expected {expected}, got {got}")]
    Value {
        /// Which field.
        field: &'static str,
        /// What would be right.
        expected: String,
        /// What was there.
        got: String,
    },
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::Wire(error @ WireError::Protocol { .. }) => return error.into(),
            Refusal::NoLearner
            | Refusal::Unwritten { .. }
            | Refusal::NotSeated(NotSeated::Nobody) => Code::Unavailable,
            Refusal::Stopping | Refusal::NotSeated(_) => Code::FailedPrecondition,
            Refusal::UnknownLife(_) => Code::NotFound,
            Refusal::SecondLearner { .. } => Code::AlreadyExists,
            Refusal::TooManyTrials { .. } => Code::ResourceExhausted,
            Refusal::Position(_) => Code::OutOfRange,
            Refusal::Outcome(_) | Refusal::Wire(_) | Refusal::Value { .. } => Code::InvalidArgument,
        };
        Status::new(code, refusal.to_string())
    }
}
