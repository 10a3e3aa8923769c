//! What can go wrong in the learner.

use std::path::PathBuf;

/// An error of the learner.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// libtorch refused an operation.
    #[error("run a tensor operation: {0}")]
    Torch(#[from] tch::TchError),
    /// Parameters do not fit the networks.
    #[error(transparent)]
    Networks(#[from] nets::Error),
    /// A value of the experiment cannot work with this task family.
    #[error("{key}: expected {expected}, got {got}")]
    Setting {
        /// Dotted path of the key.
        key: &'static str,
        /// What would work.
        expected: String,
        /// What was there.
        got: String,
    },
    /// Tensors do not fit each other or what they are for.
    #[error("{what}: expected {expected}, got {got}")]
    Shape {
        /// Which tensors.
        what: &'static str,
        /// What would fit.
        expected: String,
        /// What was there.
        got: String,
    },
    /// The device asked for cannot be had.
    #[error("learner.device: expected a usable {wanted}, but {why}")]
    Device {
        /// What was asked for.
        wanted: String,
        /// Why it cannot be used, and what to do.
        why: String,
    },
    /// There is nothing to train the encoder on.
    #[error(transparent)]
    Contexts(#[from] crate::replay::NothingToDraw),
    /// Collection cannot go on.
    #[error(transparent)]
    Collection(#[from] crate::collect::KeepsFailing),
    /// A file could not be written or read.
    #[error("{action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The experience log cannot be used.
    #[error(transparent)]
    Experience(#[from] crate::experience::Error),
    /// A checkpoint is damaged.
    #[error("checkpoint {}: {why}", path.display())]
    Checkpoint {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Too many updates in a row had a loss or a gradient that is not finite.
    #[error(
        "expected finite gradients, got {skipped} updates in a row without; the checkpoint holds \
         what was learned before. Lower learner.learning_rate or agent.reward_scale"
    )]
    NotFinite {
        /// Updates skipped since the last good one.
        skipped: u64,
    },
    /// The coordinator is gone or refuses us.
    #[error("{action}: {status}")]
    Coordinator {
        /// What was asked of it.
        action: &'static str,
        /// Its answer.
        status: Box<proto::tonic::Status>,
    },
    /// Nobody answers at the coordinator's address.
    #[error(
        "connect to the coordinator at {address}: {why}; is `coordinator serve` running there?"
    )]
    Unreachable {
        /// host:port.
        address: String,
        /// How long it was tried.
        timeout: std::time::Duration,
        /// What the transport says.
        why: String,
    },
    /// The address to listen on cannot be had.
    #[error("network.learner: {0}")]
    Listen(#[from] proto::connect::ListenError),
    /// The server failed.
    #[error("serve actors: {0}")]
    Serve(#[from] proto::tonic::transport::Error),
    /// A thread or task ended by a panic.
    #[error("a part of the learner crashed: {0}")]
    Crashed(String),
    /// The tasks that talk to the coordinator have ended.
    #[error("expected a link to the coordinator, but it has closed")]
    Disconnected,
    /// Something that was sent or collected is not what it should be.
    #[error("{what}: {why}")]
    Message {
        /// Which part.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
}

impl Error {
    /// Whether the coordinator is away, rather than of another opinion.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Coordinator { status, .. } if proto::error::is_transient(status))
    }

    /// Whether there is no space on a disk: it may come back.
    #[must_use]
    pub fn is_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match self {
            Self::File { source, .. } => matches!(source.kind(), StorageFull | QuotaExceeded),
            Self::Experience(error) => error.is_full(),
            _ => false,
        }
    }
}

/// Result of the learner's functions.
pub type Result<T> = std::result::Result<T, Error>;
