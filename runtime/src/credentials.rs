//! Where a process finds its credentials: options that every program has.

use clap::Args;
use std::path::PathBuf;

/// Files that let a process prove who it is, made by `coordinator certs`.
#[derive(Debug, Clone, Default, Args)]
pub struct CredentialFiles {
    /// Encrypt all connections, both ends with certificates: folder with ca.pem, cert.pem and
    /// key.pem of this process, or with one such folder for each role
    #[arg(long, value_name = "DIR", env = "PROTEUS_TLS_DIR")]
    pub tls: Option<PathBuf>,
    /// File with the join token that every call carries; of several lines the first is sent, and
    /// all are accepted
    #[arg(long, value_name = "FILE", env = "PROTEUS_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
}
