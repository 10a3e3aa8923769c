//! What can go wrong with the log.

use std::io;
use std::path::PathBuf;

/// Why the log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system says no.
    #[error("{action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record does not fit into a segment.
    #[error(
        "replay.segment_mib: expected room for a record of {record} bytes, got segments of {segment}"
    )]
    TooLarge {
        /// Bytes of the record.
        record: usize,
        /// Bytes of a segment.
        segment: usize,
    },
    /// The files belong to another kind of experience.
    #[error("{}: expected {expected}, got {got}", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// What would be right.
        expected: String,
        /// What is there.
        got: String,
    },
}

impl Error {
    /// Whether there is no space: it may come back.
    #[must_use]
    pub fn is_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::File { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }
}
