//! The wire: services, messages and the only place that knows their encoding.
//!
//! Generated types live in [`v1`]; what leaves this crate towards the rest of the program has been
//! checked ([`chunk::CheckedChunk`], [`convert`], [`pieces::Assembler`]).

#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated from the .proto files, which carry the documentation"
)]
pub mod v1 {
    tonic::include_proto!("proteus.v1");
}

pub mod chunk;
pub mod connect;
pub mod convert;
pub mod credentials;
pub mod error;
pub mod pieces;
pub mod report;

pub use credentials::{Credentials, Role};
pub use error::WireError;
pub use tonic;

/// Version of the messages. Raised when an older peer would misread a newer one.
pub const PROTOCOL: u32 = 1;

/// Largest message that any service accepts, in bytes.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;
