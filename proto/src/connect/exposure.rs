//! The one rule about listening: beyond this machine only for those who prove who they are.

use crate::credentials::Credentials;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Who may be able to reach a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// This machine, and others only through mutual TLS and with the join token.
    Guarded,
    /// Whoever is in the network; the user has said so.
    Insecure,
}

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// It is taken, or not one of this machine.
    #[error("expected an address to listen on, got {address}: {source}")]
    Bind {
        /// As given.
        address: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Others could reach it, and nobody would have to prove anything.
    #[error(
        "expected an address of this machine alone such as 127.0.0.1:0, got {address}, which other \
         machines can reach, and {missing}. Make certificates and a token with `coordinator certs` \
         and pass --tls DIR and --token-file FILE; or pass --insecure if everybody in that network \
         is trusted"
    )]
    Exposed {
        /// Where it would listen.
        address: SocketAddr,
        /// Of the two.
        missing: &'static str,
    },
}

/// Listens on `address` (`host:port`), if that is safe.
///
/// # Errors
/// [`ListenError`].
pub async fn listen(
    address: &str,
    credentials: &Credentials,
    exposure: Exposure,
) -> Result<TcpListener, ListenError> {
    let failed = |source| ListenError::Bind { address: address.to_owned(), source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    // Names have been resolved by now. Nothing is accepted before this has been looked at.
    let bound = listener.local_addr().map_err(failed)?;
    let missing = match (credentials.has_tls(), credentials.has_token()) {
        (true, true) => return Ok(listener),
        (true, false) => "there is no join token",
        (false, true) => "nothing is encrypted",
        (false, false) => "nothing is encrypted and there is no join token",
    };
    if bound.ip().is_loopback() || exposure == Exposure::Insecure {
        return Ok(listener);
    }
    Err(ListenError::Exposed { address: bound, missing })
}
