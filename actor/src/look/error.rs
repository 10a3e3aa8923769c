//! What can go wrong in looking at tasks.

use std::path::PathBuf;
use types::TaskRef;

/// Why a task cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The family does not have this task.
    #[error(
        "expected a task of {family}, from {}-0 to {}-{last}; got {task}",
        task.split, task.split
    )]
    NoSuchTask {
        /// The family.
        family: String,
        /// What was asked for.
        task: TaskRef,
        /// Number of the last task of that split.
        last: usize,
    },
    /// Nobody has written down the best policy of the family.
    #[error(
        "expected a family with an oracle, got {family}, which has none; play it with random \
         actions, zeros, or the weights of a run"
    )]
    NoOracle {
        /// The family.
        family: String,
    },
    /// The experiment is one on another family.
    #[error("expected the family of the experiment, {expected}; got {family}")]
    OtherFamily {
        /// What was asked for.
        family: String,
        /// That of the experiment.
        expected: String,
    },
    /// Pictures are to be kept in a format that is not written.
    #[error(
        "{}: expected a name that ends in .gif, or a folder for PNG pictures, got a .{extension}; \
         a tool such as ffmpeg makes other films of PNG pictures",
        path.display()
    )]
    Format {
        /// Where they were to go.
        path: PathBuf,
        /// How its name ends.
        extension: String,
    },
    /// Something cannot be written.
    #[error("write {}: {got}", path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// What the system says.
        got: String,
    },
    /// Standard output is gone.
    #[error("write to standard output: {0}")]
    Report(std::io::Error),
    /// An environment cannot be had, or does not go on.
    #[error(transparent)]
    Environment(#[from] envs::Error),
    /// Weights that cannot be used.
    #[error(transparent)]
    Weights(#[from] crate::Error),
    /// Networks that cannot be evaluated.
    #[error(transparent)]
    Networks(#[from] nets::Error),
}

/// Exit code of a command that asks for something that cannot be.
const USAGE: u8 = 64;

impl Error {
    /// The exit code of a command that ends with this.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoSuchTask { .. }
            | Self::NoOracle { .. }
            | Self::OtherFamily { .. }
            | Self::Format { .. }
            | Self::Environment(envs::Error::UnknownFamily { .. }) => USAGE,
            _ => 1,
        }
    }
}
