//! Accepts connections: so many at a time, each one with so much time to say who it is.

use super::connection::{Connection, Io};
use super::peer::Peer;
use super::refusals::{Reason, Refusals};
use crate::credentials::{Credentials, Role};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_stream::Stream;

/// Connections that have not made a call yet: in all, and from one address. As many actors as a
/// machine has may come back at the same moment.
const PENDING: Limit = Limit { total: 1024, from_one: 512 };
/// All connections.
const OPEN: Limit = Limit { total: 4096, from_one: 2048 };
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Connections that have been accepted and are not yet served.
const READY: usize = 16;
/// Pause after the system could not accept: it may be out of file descriptors.
const AGAIN: Duration = Duration::from_millis(100);

/// Connections accepted from `listener`, without Nagle delay (a server does not set this itself),
/// and with TLS if `credentials` say so. For a [`server`](super::server). Listening ends when this is
/// dropped. Within a tokio runtime.
#[must_use]
pub fn incoming(listener: TcpListener, credentials: &Credentials) -> Incoming {
    let (sender, ready) = mpsc::channel(READY);
    let gate = Gate {
        credentials: credentials.clone(),
        refusals: Arc::default(),
        pending: Places::new(PENDING),
        open: Places::new(OPEN),
    };
    let accepting = tokio::spawn(Arc::new(gate).accept(listener, sender)).abort_handle();
    Incoming { ready, accepting }
}

/// See [`incoming`].
#[derive(Debug)]
pub struct Incoming {
    ready: mpsc::Receiver<Connection>,
    accepting: AbortHandle,
}

impl Stream for Incoming {
    type Item = std::io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.ready.poll_recv(cx).map(|connection| connection.map(Ok))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[derive(Debug)]
struct Gate {
    credentials: Credentials,
    refusals: Arc<Refusals>,
    pending: Arc<Places>,
    open: Arc<Places>,
}

impl Gate {
    /// Until nobody takes connections any more.
    async fn accept(self: Arc<Self>, listener: TcpListener, ready: mpsc::Sender<Connection>) {
        // As many as there are places for pending connections.
        let mut handshakes = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, address)) => if let Some(places) = self.places(address) {
                        let (gate, ready) = (self.clone(), ready.clone());
                        handshakes.spawn(gate.greet(stream, address, places, ready));
                    },
                    Err(error) => {
                        let nobody = Ipv4Addr::UNSPECIFIED.into();
                        self.refusals.note(nobody, Reason::Connections, &error.to_string());
                        tokio::time::sleep(AGAIN).await;
                    }
                },
                Some(_) = handshakes.join_next() => {}
                () = ready.closed() => return,
            }
        }
    }

    /// A place among the pending and one among all, if there are.
    fn places(&self, address: SocketAddr) -> Option<(Place, Place)> {
        let take = |places: &Arc<Places>| places.take(address.ip());
        let taken = take(&self.pending).and_then(|first| Ok((first, take(&self.open)?)));
        match taken {
            Ok(places) => Some(places),
            Err(why) => {
                self.refusals.note(address.ip(), Reason::Connections, &why);
                None
            }
        }
    }

    /// Finds out who it is, and hands it on.
    async fn greet(
        self: Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        (pending, open): (Place, Place),
        ready: mpsc::Sender<Connection>,
    ) {
        let (io, role) = match self.handshake(stream).await {
            Ok(greeted) => greeted,
            Err(None) => return,
            Err(Some(why)) => return self.refusals.note(address.ip(), Reason::Handshake, &why),
        };
        let (credentials, refusals) = (self.credentials.clone(), self.refusals.clone());
        let peer = Peer::new(address, role, credentials, refusals, pending);
        if ready.send(Connection::new(io, peer, open)).await.is_err() {
            tracing::debug!(%address, "accepted while the server was closing");
        }
    }

    /// An error without a reason is a peer that has gone without a word.
    async fn handshake(&self, stream: TcpStream) -> Result<(Io, Option<Role>), Option<String>> {
        stream.set_nodelay(true).map_err(|_gone| None)?;
        let Some(config) = self.credentials.server() else {
            return Ok((Io::Plain(stream), None));
        };
        let accepted = tokio::time::timeout(HANDSHAKE, TlsAcceptor::from(config).accept(stream));
        let stream = match accepted.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(None);
            }
            Ok(Err(error)) => return Err(Some(error.to_string())),
            Err(_) => return Err(Some(format!("expected a TLS handshake within {HANDSHAKE:?}"))),
        };
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let role = match certificates.first() {
            Some(certificate) => Role::of_certificate(certificate),
            None => Err("no certificate".to_owned()),
        };
        let role =
            role.map_err(|got| Some(format!("expected a certificate with a role, got {got}")))?;
        Ok((Io::Tls(Box::new(stream)), Some(role)))
    }
}

#[derive(Debug, Clone, Copy)]
struct Limit {
    total: usize,
    from_one: usize,
}

/// Places for connections, counted in all and for each address.
#[derive(Debug)]
struct Places {
    limit: Limit,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    from: HashMap<IpAddr, usize>,
}

/// One place, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    peer: IpAddr,
}

impl Places {
    fn new(limit: Limit) -> Arc<Self> {
        Arc::new(Self { limit, taken: Mutex::default() })
    }

    fn take(self: &Arc<Self>, peer: IpAddr) -> Result<Place, String> {
        let Limit { total, from_one } = self.limit;
        let mut taken = self.taken.lock();
        if taken.total >= total {
            return Err(format!("expected at most {total} connections of this state, got more"));
        }
        let from = taken.from.entry(peer).or_default();
        if *from >= from_one {
            return Err(format!(
                "expected at most {from_one} connections of this state from one address, got more"
            ));
        }
        *from += 1;
        taken.total += 1;
        Ok(Place { places: self.clone(), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.total -= 1;
        if let Some(from) = taken.from.get_mut(&self.peer) {
            *from -= 1;
            if *from == 0 {
                taken.from.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_for_all_and_for_each_and_come_back() {
        let places = Places::new(Limit { total: 3, from_one: 2 });
        let [a, b]: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv4Addr::BROADCAST.into()];
        let held = [places.take(a).unwrap(), places.take(a).unwrap()];
        assert!(places.take(a).unwrap_err().contains("from one address"));
        let other = places.take(b).unwrap();
        assert!(places.take(b).unwrap_err().contains("at most 3"));
        drop(held);
        drop((places.take(a).unwrap(), other));
        let taken = places.taken.lock();
        assert!(taken.total == 0 && taken.from.is_empty());
    }
}
