//! What a process tells a monitoring system: `/metrics` in the OpenMetrics text format, which
//! Prometheus reads, `/healthz` (whether it can do its work, which may depend on others) and `/livez`
//! (whether it answers at all, which depends on nobody).
//!
//! Numbers are read where they are kept at the moment they are asked for; there is no second copy
//! of them. The endpoint only tells: nothing can be changed through it, and it has no secrets.

mod page;
mod server;

pub use page::{Histogram, Page};
pub use server::Endpoint;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// What a process has to tell. Asked from within a tokio runtime, so it must not block.
pub trait Source: fmt::Debug + Send + Sync + 'static {
    /// Puts all numbers on a page.
    ///
    /// # Errors
    /// As the methods of [`Page`].
    fn metrics(&self, page: &mut Page<'_>) -> fmt::Result;

    /// Whether the process can do its work.
    fn health(&self) -> Health;
}

/// Whether a process can do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It can.
    Good,
    /// It cannot, for this reason: one line.
    Bad(String),
}

/// Where to listen: `9100` (this machine alone) or `0.0.0.0:9100`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen(pub SocketAddr);

/// An address that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a port such as 9100, or an address such as 0.0.0.0:9100, got {0:?}")]
pub struct InvalidListen(String);

impl FromStr for Listen {
    type Err = InvalidListen;

    fn from_str(text: &str) -> Result<Self, InvalidListen> {
        if let Ok(port) = text.parse::<u16>() {
            return Ok(Self((Ipv4Addr::LOCALHOST, port).into()));
        }
        text.parse().map(Self).map_err(|_not_an_address| InvalidListen(text.to_owned()))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_stays_on_this_machine() {
        let parsed = ["9100", "0.0.0.0:9100", "[::1]:0"].map(|text| {
            let Listen(address) = text.parse().unwrap();
            (address.ip().is_loopback(), address.port())
        });
        assert_eq!(parsed, [(true, 9100), (false, 9100), (true, 0)]);
        for nonsense in ["", "70000", "localhost:9100", "127.0.0.1"] {
            let said = nonsense.parse::<Listen>().unwrap_err().to_string();
            assert!(said.contains(nonsense), "{said}");
        }
    }
}
