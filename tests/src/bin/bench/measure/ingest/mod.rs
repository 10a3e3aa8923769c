//! `ingest`: how fast experience comes in.
//!
//! Eight clients push HalfCheetah transitions over gRPC on the loopback, each on a connection of its
//! own, in chunks of 200 transitions (22 kB) that were made and checksummed beforehand. In turns:
//! - wire only: a service reads each message and acknowledges it, and looks at nothing;
//! - stored, with mutual TLS: as below, over encrypted connections, whose both ends are in this
//!   process;
//! - stored: the learner's service checks each chunk (version, checksum, shapes, finite numbers,
//!   ranges), notices repetitions, writes every transition into the replay of its task, and
//!   acknowledges.
//!
//! Every chunk is a trial of its own, so that it enters the replay at once.
//!
//! A turn is the time from the first chunk to the last acknowledgement, with all connections made.
//! Clients and service share one runtime of [`THREADS`] threads. The replay of every turn starts
//! empty, so it pays for its memory as a run does.
//!
//! To see where the time goes, checking and storing are also measured without a wire, in one
//! thread, beside plain copies of the same arrays to fresh places.

mod chunks;
mod memory;
mod tls;
mod wire;

use crate::measure::cheetah;
use crate::measure::figure::Figure;
use anyhow::{Context as _, ensure};
use learner::collect::Intake as _;
use learner::publish::{self, Publisher, Subscription};
use learner::replay::RowLayout;
use learner::service::{self, experience::Counters};
use proto::connect::{Channel, connect};
use proto::{Credentials, Role, v1};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;
use tests::replay::{Replay, Sizes};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use types::TrialId;
use types::experiment::Durability;

const BENCH: &str = "ingest";
const THREADS: usize = 2;
const CLIENTS: u32 = 8;
/// Chunks of each client in one turn.
const CHUNKS: u64 = 600;
const TURNS: usize = 7;
/// Rows kept per task: more than a turn brings.
const ROWS: usize = 20_000;

/// Measures and prints.
pub(crate) fn measure() -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(THREADS).enable_all().build()?.block_on(over_the_wire())?;
    memory::measure()
}

async fn over_the_wire() -> anyhow::Result<()> {
    let clients: Vec<Vec<v1::Chunk>> = (0..CLIENTS).map(chunks::of).collect::<Result<_, _>>()?;
    let certificates = tls::Certificates::make()?;
    let (actor, learner) = (certificates.of(Role::Actor)?, certificates.of(Role::Learner)?);
    let none = Credentials::none();
    let (mut wire, mut stored, mut encrypted) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..=TURNS {
        let server = Server::wire().await?;
        let wire_rate = push_all(&server, &clients, &none).await?;
        server.end().await?;
        let server = Server::learner(&none).await?;
        let stored_rate = push_all(&server, &clients, &none).await?;
        server.end().await?;
        let server = Server::learner(&learner).await?;
        let encrypted_rate = push_all(&server, &clients, &actor).await?;
        server.end().await?;
        // The first turn warms up.
        if turn > 0 {
            wire.push(wire_rate);
            stored.push(stored_rate);
            encrypted.push(encrypted_rate);
        }
    }
    let detail = json!({
        "clients": CLIENTS, "threads": THREADS, "chunk": chunks::LENGTH, "turns": TURNS,
        "transitions_per_turn": total(), "bytes_per_transition": chunks::BYTES / chunks::LENGTH,
    });
    let figure = |name, rates: &[f64]| Figure::new(BENCH, name, "transitions/s", rates);
    figure("wire only", &wire).with(detail.clone()).print()?;
    figure("decoded, checked, stored", &stored)
        .beside("wire only", &stored, &wire)
        .with(detail.clone())
        .print()?;
    figure("the same with mutual TLS", &encrypted)
        .beside("without", &encrypted, &stored)
        .with(detail)
        .print()
}

fn total() -> u64 {
    u64::from(CLIENTS) * CHUNKS * chunks::LENGTH as u64
}

/// An experience service on the loopback.
struct Server {
    address: String,
    replay: Option<Replay>,
    serving: Serving,
    stop: CancellationToken,
    _publisher: Publisher,
}

impl Server {
    async fn wire() -> anyhow::Result<Self> {
        let serve = |listener, _, stop| tokio::spawn(wire::serve(listener, stop));
        Self::start(None, serve).await
    }

    async fn learner(credentials: &Credentials) -> anyhow::Result<Self> {
        let replay = empty_replay()?;
        let (store, counters) = (replay.store(), Arc::new(Counters::default()));
        let credentials = credentials.clone();
        let serve = |listener, weights, stop| {
            let served =
                service::Served { store, counters, durability: Durability::Process, weights };
            tokio::spawn(service::serve(listener, credentials, served, stop))
        };
        Self::start(Some(replay), serve).await
    }

    async fn start(
        replay: Option<Replay>,
        serve: impl FnOnce(TcpListener, Subscription, CancellationToken) -> Serving,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (publisher, weights) = publish::channel();
        let stop = CancellationToken::new();
        let serving = serve(listener, weights, stop.clone());
        Ok(Self { address, replay, serving, stop, _publisher: publisher })
    }

    /// Ends it, sees that the store has everything once, and gives its memory back, so that the
    /// next turn does not have to share the machine with that.
    async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.serving.await??;
        let Some(replay) = self.replay else { return Ok(()) };
        ensure!(replay.written() == total(), "expected all in store, got {}", replay.written());
        let store = replay.store();
        drop(replay);
        // The tasks of the streams hold it a little longer.
        while Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

type Serving = JoinHandle<learner::Result<()>>;

/// A replay that expects the chunks of all clients.
fn empty_replay() -> anyhow::Result<Replay> {
    let spec = cheetah::family()?.spec();
    let tasks = cheetah::TASKS as usize;
    let sizes = Sizes { tasks, transitions: ROWS, context: 400 };
    let replay = Replay::empty(spec, RowLayout::new(&spec, false), sizes)?;
    for expected in 0..u64::from(CLIENTS) * CHUNKS {
        let task = cheetah::task(expected, cheetah::TASKS);
        let TrialId(trial) = replay.expect_trial(task, types::Purpose::Train, 1);
        ensure!(trial == expected, "expected trial {expected}, got {trial}");
    }
    Ok(replay)
}

/// Transitions per second of one turn.
async fn push_all(
    server: &Server,
    clients: &[Vec<v1::Chunk>],
    credentials: &Credentials,
) -> anyhow::Result<f64> {
    let mut channels = Vec::new();
    for _ in clients {
        channels.push(connect(&server.address, Role::Learner, credentials).await?);
    }
    let start = Instant::now();
    let mut pushing = JoinSet::new();
    for (channel, chunks) in channels.into_iter().zip(clients) {
        pushing.spawn(push(channel, chunks.clone()));
    }
    while let Some(pushed) = pushing.join_next().await {
        pushed??;
    }
    Ok(total() as f64 / start.elapsed().as_secs_f64())
}

/// Pushes chunks until the last one is acknowledged.
async fn push(channel: Channel, chunks: Vec<v1::Chunk>) -> anyhow::Result<()> {
    let all = chunks.len() as u64;
    let mut client = proto::connect::experience(channel);
    let mut acks = client.push(tokio_stream::iter(chunks)).await?.into_inner();
    loop {
        let ack = acks.message().await?.context("expected an acknowledgement, got the end")?;
        if ack.next_sequence == all {
            return Ok(());
        }
    }
}
