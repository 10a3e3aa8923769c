//! The other end of an accepted connection.

use super::refusals::{Reason, Refusals};
use super::rules;
use crate::MAX_MESSAGE;
use crate::credentials::{Credentials, Role};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tonic::Status;

/// Bytes of messages that may be under way on one connection at a time, over all its calls.
const UNDER_WAY: usize = 2 * MAX_MESSAGE;

/// The other end of an accepted connection. Cheap to clone; in the extensions of every request.
#[derive(Debug, Clone)]
pub struct Peer {
    shared: Arc<Shared>,
}

struct Shared {
    address: SocketAddr,
    /// `None` without TLS: then it has not been proven.
    role: Option<Role>,
    credentials: Credentials,
    refusals: Arc<Refusals>,
    admitted: AtomicBool,
    refused: AtomicBool,
    /// Given back with the first call that is allowed.
    pending: Mutex<Option<super::gate::Place>>,
    under_way: AtomicUsize,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer")
            .field("address", &self.address)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

impl Peer {
    pub(super) fn new(
        address: SocketAddr,
        role: Option<Role>,
        credentials: Credentials,
        refusals: Arc<Refusals>,
        pending: super::gate::Place,
    ) -> Self {
        let shared = Shared {
            address,
            role,
            credentials,
            refusals,
            admitted: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            pending: Mutex::new(Some(pending)),
            under_way: AtomicUsize::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Who sends a request.
    ///
    /// # Errors
    /// `INTERNAL` if the request came through another server than [`server`](super::server).
    pub fn of<T>(request: &tonic::Request<T>) -> Result<Self, Status> {
        let peer = request.extensions().get::<Self>().cloned();
        peer.ok_or_else(|| Status::internal("expected a connection of `connect::incoming`"))
    }

    /// Where it comes from.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// What its certificate says that it is.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.shared.role
    }

    /// Notes that something of it has been refused: logged once a minute, counted always.
    pub fn refuse(&self, reason: Reason, why: &str) {
        self.shared.refused.store(true, Ordering::Release);
        self.shared.refusals.note(self.shared.address.ip(), reason, why);
    }

    /// Refusals so far of the server that it is connected to, over all peers.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.shared.refusals.total()
    }

    /// Whether it has made a call that was allowed.
    pub(super) fn is_admitted(&self) -> bool {
        self.shared.admitted.load(Ordering::Acquire)
    }

    /// Whether it has been told what it did wrong.
    pub(super) fn is_refused(&self) -> bool {
        self.shared.refused.load(Ordering::Acquire)
    }

    /// Checks that it may make a call.
    pub(super) fn admit(&self, path: &str, headers: &HeaderMap) -> Result<(), Status> {
        let token = headers.get(AUTHORIZATION).map(http::HeaderValue::as_bytes);
        if !self.shared.credentials.accepts(token) {
            let got = if token.is_some() { "another one" } else { "none" };
            let why = format!("expected the join token, got {got}; pass --token-file FILE");
            self.refuse(Reason::Token, &why);
            return Err(Status::unauthenticated(why));
        }
        if let Some(role) = self.shared.role
            && !rules::callers(path).contains(&role)
        {
            let why = wrong_role(path, role);
            self.refuse(Reason::Role, &why);
            return Err(Status::permission_denied(why));
        }
        if !self.shared.admitted.swap(true, Ordering::AcqRel) {
            drop(self.shared.pending.lock().take());
        }
        Ok(())
    }

    /// Makes room for a message of `bytes`.
    pub(super) fn begin(&self, bytes: usize) -> Result<(), Status> {
        if bytes > MAX_MESSAGE {
            let why = format!("message: expected at most {MAX_MESSAGE} bytes, got {bytes}");
            self.refuse(Reason::Size, &why);
            return Err(Status::resource_exhausted(why));
        }
        let before = self.shared.under_way.fetch_add(bytes, Ordering::AcqRel);
        if before + bytes <= UNDER_WAY {
            return Ok(());
        }
        self.end(bytes);
        let why = format!(
            "messages: expected at most {UNDER_WAY} bytes under way on a connection, got {}",
            before + bytes
        );
        self.refuse(Reason::Size, &why);
        Err(Status::resource_exhausted(why))
    }

    /// A message of `bytes` is no longer under way.
    pub(super) fn end(&self, bytes: usize) {
        self.shared.under_way.fetch_sub(bytes, Ordering::AcqRel);
    }
}

fn wrong_role(path: &str, role: Role) -> String {
    let callers: Vec<&str> = rules::callers(path).iter().map(|role| role.name()).collect();
    match callers.as_slice() {
        [] => format!("{path}: expected a call that exists"),
        callers => format!(
            "{path}: expected a certificate of role {}, got one of role {role}",
            callers.join(" or ")
        ),
    }
}
