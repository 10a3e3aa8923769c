//! Makes what processes prove who they are with: an authority, certificates for each role, the join
//! token. What each side asks of the other is decided in `proto::credentials`.

mod authority;
mod files;
mod token;

pub use authority::{Authority, Leaf, Request, Validity};
pub use files::{CA_KEY_FILE, Written};
pub use token::{create as create_token, rotate as rotate_token};

use std::path::PathBuf;

/// Something cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is there, and others may rely on it.
    #[error("{}: expected no file yet, found one; {advice}", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
        /// What to do.
        advice: &'static str,
    },
    /// A file is not there, or cannot be read.
    #[error("{}: expected {expected}, got: {got}; `coordinator certs init` makes an authority", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What is wrong.
        got: String,
    },
    /// A file cannot be written.
    #[error("write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A value that no certificate can hold.
    #[error("{field}: expected {expected}, got {got}")]
    Value {
        /// Which one.
        field: &'static str,
        /// What would be right.
        expected: &'static str,
        /// What was there.
        got: String,
    },
    /// A certificate cannot be signed.
    #[error("make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
}
