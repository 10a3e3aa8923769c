//! The links between the processes of a run, each of which can be disturbed.
//!
//! Every actor has a proxy to the coordinator, and the learner has one. All actors are told one
//! address of the learner: what listens there asks the system which process has connected, and
//! passes the connection on to the proxy of that actor.

use super::plan::Between;
use crate::proxy::{Link, Proxy, Rules, Shape};
use anyhow::Context as _;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Bytes passed on at once between a connection and its proxy.
const PIECE: usize = 16 * 1024;
/// Only pieces of at least so many bytes are damaged: they hold experience rather than the
/// protocol's own frames.
const WORTH_DAMAGING: usize = 256;

/// All links of a run. They end when this is dropped.
#[derive(Debug)]
pub struct Network {
    to_coordinator: Vec<Proxy>,
    learner_to_coordinator: Proxy,
    sorter: Arc<Sorter>,
    /// Where actors reach the learner.
    learner: SocketAddr,
    _stop: DropGuard,
}

/// Tells connections to the learner apart.
#[derive(Debug)]
struct Sorter {
    to_learner: Vec<Proxy>,
    /// Which process is which actor.
    actors: Mutex<HashMap<u32, u32>>,
    /// Of each actor: the next large piece it sends is to be damaged.
    damage: Vec<AtomicBool>,
}

impl Network {
    /// Links of so many actors to a coordinator and a learner at these addresses, where nobody need
    /// listen yet.
    ///
    /// # Errors
    /// If there are no ports to be had.
    pub async fn start(
        actors: u32,
        coordinator: SocketAddr,
        learner: SocketAddr,
    ) -> anyhow::Result<Self> {
        let proxies = |target| (0..actors).map(move |_| Proxy::start(target)).collect();
        let to_coordinator: io::Result<Vec<Proxy>> = proxies(coordinator);
        let to_learner: io::Result<Vec<Proxy>> = proxies(learner);
        let sorter = Arc::new(Sorter {
            to_learner: to_learner.context("start a proxy")?,
            actors: Mutex::default(),
            damage: (0..actors).map(|_| AtomicBool::new(false)).collect(),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let stop = CancellationToken::new();
        let learner = listener.local_addr()?;
        tokio::spawn(accept(listener, sorter.clone(), stop.clone()));
        Ok(Self {
            to_coordinator: to_coordinator.context("start a proxy")?,
            learner_to_coordinator: Proxy::start(coordinator).context("start a proxy")?,
            sorter,
            learner,
            _stop: stop.drop_guard(),
        })
    }

    /// Where an actor reaches the coordinator.
    #[must_use]
    pub fn coordinator_for_actor(&self, place: u32) -> SocketAddr {
        self.to_coordinator[place as usize].address()
    }

    /// Where the learner reaches the coordinator.
    #[must_use]
    pub fn coordinator_for_learner(&self) -> SocketAddr {
        self.learner_to_coordinator.address()
    }

    /// Where actors reach the learner.
    #[must_use]
    pub fn learner(&self) -> SocketAddr {
        self.learner
    }

    /// The process `pid` is the actor in `place` from now on.
    pub fn introduce(&self, place: u32, pid: u32) {
        let mut actors = self.sorter.actors.lock();
        actors.retain(|_, known| *known != place);
        actors.insert(pid, place);
    }

    /// Nothing passes on a link, and nobody is told.
    pub fn silence(&self, link: Between) {
        self.set(link, Rules { link: Link::Silent, ..Rules::default() });
    }

    /// Connections on a link break, and new ones are refused.
    pub fn cut(&self, link: Between) {
        self.set(link, Rules { link: Link::Cut, ..Rules::default() });
    }

    /// Everything on a link comes later by `delay`, each way.
    pub fn delay(&self, link: Between, delay: Duration) {
        let late = Shape { delay, ..Shape::default() };
        self.set(link, Rules { to_target: late, to_client: late, ..Rules::default() });
    }

    /// A link is as it should be.
    pub fn mend(&self, link: Between) {
        self.set(link, Rules::default());
    }

    fn set(&self, link: Between, rules: Rules) {
        let proxy = match link {
            Between::ActorLearner(place) => &self.sorter.to_learner[place as usize],
            Between::ActorCoordinator(place) => &self.to_coordinator[place as usize],
            Between::LearnerCoordinator => &self.learner_to_coordinator,
        };
        proxy.set(rules);
    }

    /// One byte of the next large piece that the actor sends to the learner is changed.
    pub fn damage(&self, place: u32) {
        self.sorter.damage[place as usize].store(true, Ordering::Release);
    }

    /// Whether such a piece is still waited for.
    #[must_use]
    pub fn will_damage(&self, place: u32) -> bool {
        self.sorter.damage[place as usize].load(Ordering::Acquire)
    }
}

async fn accept(listener: TcpListener, sorter: Arc<Sorter>, stop: CancellationToken) {
    while let Some(Ok((client, from))) = stop.run_until_cancelled(listener.accept()).await {
        let (sorter, stop) = (sorter.clone(), stop.clone());
        let carried = async move {
            // Whoever is connected sees the connection end; there is nobody else to tell.
            carry(client, from, &sorter).await.ok();
        };
        tokio::spawn(async move { stop.run_until_cancelled(carried).await });
    }
}

async fn carry(client: TcpStream, from: SocketAddr, sorter: &Sorter) -> io::Result<()> {
    let actors = sorter.actors.lock().clone();
    let known = tokio::task::spawn_blocking(move || who_connects(from, &actors)).await;
    let place = known.ok().flatten().ok_or(io::ErrorKind::PermissionDenied)? as usize;
    let proxy = TcpStream::connect(sorter.to_learner[place].address()).await?;
    client.set_nodelay(true)?;
    proxy.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_proxy, to_proxy) = proxy.into_split();
    let there = pass(from_client, to_proxy, Some(&sorter.damage[place]));
    let back = pass(from_proxy, to_client, None);
    // A cut on one side ends both.
    tokio::try_join!(there, back).map(drop)
}

/// Passes bytes on until the sender closes; damages a piece if told to.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    damage: Option<&AtomicBool>,
) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let length = from.read(&mut buffer).await?;
        let piece = &mut buffer[..length];
        if piece.is_empty() {
            return to.shutdown().await;
        }
        if piece.len() >= WORTH_DAMAGING
            && damage.is_some_and(|it| it.swap(false, Ordering::AcqRel))
        {
            piece[length / 2] ^= 0x10;
        }
        to.write_all(piece).await?;
    }
}

/// The actor whose process has the other end of a connection from `peer`.
fn who_connects(peer: SocketAddr, actors: &HashMap<u32, u32>) -> Option<u32> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let port = format!(":{:04X}", peer.port());
    let socket = table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace();
        let local = fields.nth(1)?;
        let inode = fields.nth(7)?;
        local.ends_with(&port).then(|| format!("socket:[{inode}]"))
    })?;
    let holds = |pid: &u32| {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        open.filter_map(|entry| fs::read_link(entry.path()).ok())
            .any(|target| target.as_os_str() == socket.as_str())
    };
    actors.iter().find(|(pid, _)| holds(pid)).map(|(_, place)| *place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_is_known_by_the_process_that_made_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let peer = client.local_addr().unwrap();
        let mine = HashMap::from([(std::process::id(), 7)]);
        assert_eq!(who_connects(peer, &mine), Some(7));
        assert_eq!(who_connects(peer, &HashMap::from([(1, 7)])), None);
    }
}
