//! What every process does once: layered configuration, where credentials are, logging, metrics,
//! signals and the end of a process, retrying, and how much memory it uses.
//!
//! Knows nothing of learning or of the wire. Kept from becoming a drawer for this and that by the
//! list below.

pub mod config;
pub mod credentials;
pub mod memory;
pub mod metrics;
pub mod retry;
pub mod stop;
pub mod telemetry;

pub use credentials::CredentialFiles;
pub use retry::Backoff;
pub use stop::Stop;
