//! What can be wrong with a message, and the gRPC code that says so.

use tonic::{Code, Status};
use types::SegmentError;

/// A message that is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WireError {
    /// A field is absent.
    #[error("{0}: expected a value, got none")]
    Missing(&'static str),
    /// A number that stands for a choice stands for none.
    #[error("{field}: expected {expected}, got {got}")]
    Choice {
        /// Which field.
        field: &'static str,
        /// The legal values.
        expected: &'static str,
        /// What was there.
        got: u64,
    },
    /// Arrays do not fit, or hold a number that is not finite.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A byte field is not a whole number of f32.
    #[error("{field}: expected a multiple of 4 bytes, got {got} bytes")]
    Ragged {
        /// Which field.
        field: &'static str,
        /// Its length in bytes.
        got: usize,
    },
    /// Sender and receiver do not speak the same version.
    #[error("protocol: expected version {expected}, got {got}; use the same release on both sides")]
    Protocol {
        /// The receiver's.
        expected: u32,
        /// The sender's.
        got: u32,
    },
    /// The bytes changed on the way.
    #[error("checksum: expected {expected:#010x} over the received bytes, got {got:#010x}")]
    Checksum {
        /// Computed by the receiver.
        expected: u32,
        /// Sent along.
        got: u32,
    },
    /// A part of the chunk lies past the horizon of the episode.
    #[error("chunk: expected at most {horizon} steps in an episode, got steps {first} to {last}")]
    PastHorizon {
        /// Longest episode.
        horizon: usize,
        /// Position of the first transition.
        first: usize,
        /// Position after the last transition.
        last: usize,
    },
    /// A number that must lie in a range does not.
    #[error("{field}: expected {expected}, got {got}")]
    Range {
        /// Which field.
        field: &'static str,
        /// The legal range.
        expected: String,
        /// What was there.
        got: String,
    },
    /// Pieces of weights that do not fit together.
    #[error("weights: expected {expected}, got {got}")]
    Pieces {
        /// What should have come.
        expected: String,
        /// What came.
        got: String,
    },
}

impl From<WireError> for Status {
    fn from(error: WireError) -> Self {
        let code = match &error {
            WireError::Checksum { .. } | WireError::Pieces { .. } => Code::DataLoss,
            WireError::Protocol { .. } => Code::FailedPrecondition,
            WireError::PastHorizon { .. } | WireError::Range { .. } => Code::OutOfRange,
            WireError::Missing(_)
            | WireError::Choice { .. }
            | WireError::Segment(_)
            | WireError::Ragged { .. } => Code::InvalidArgument,
        };
        Status::new(code, error.to_string())
    }
}

/// Whether a call that failed with this status may succeed when tried again.
///
/// Decided by the code alone: a peer that is away or busy may come back, a refused message will be
/// refused again.
#[must_use]
pub fn is_transient(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable
            | Code::Cancelled
            | Code::Unknown
            | Code::Aborted
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Internal
    )
}
