//! `ingest`: how fast experience comes in.
//!
//! Eight clients push HalfCheetah transitions over gRPC on the loopback, each on a connection of its
//! own, in chunks of 200 transitions (22 kB) that were made and checksummed beforehand. In turns:
//! - wire only: a service reads each message and acknowledges it, and looks at nothing;
//! - stored: the learner's service checks each chunk (version, checksum, shapes, finite numbers,
//!   ranges), notices repetitions, writes every transition into the replay of its task, and
//!   acknowledges.
//!
//! A turn is the time from the first chunk to the last acknowledgement, with all connections made.
//! Clients and service share one runtime of [`THREADS`] threads. The replay of every turn starts
//! empty, so it pays for its memory as a run does.
//!
//! To see where the time goes, checking and storing are also measured without a wire, in one
//! thread, beside plain copies of the same arrays to fresh places.

mod chunks;
mod memory;
mod wire;

use crate::measure::cheetah;
use crate::measure::figure::Figure;
use anyhow::{Context as _, ensure};
use learner::collect::Intake as _;
use learner::publish::{self, Publisher, Subscription};
use learner::replay::store::StoreSizes;
use learner::replay::{RowLayout, Store};
use learner::service::{self, experience::Counters};
use proto::connect::{Channel, connect};
use proto::tonic::transport;
use proto::{Credentials, Role, v1};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use types::TrialId;

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
    let (mut wire, mut stored) = (Vec::new(), Vec::new());
    for turn in 0..=TURNS {
        let server = Server::wire().await?;
        let wire_rate = push_all(&server, &clients).await?;
        server.end().await?;
        let server = Server::learner().await?;
        let stored_rate = push_all(&server, &clients).await?;
        server.end().await?;
        // The first turn warms up.
        if turn > 0 {
            wire.push(wire_rate);
            stored.push(stored_rate);
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
        .with(detail)
        .print()
}

fn total() -> u64 {
    u64::from(CLIENTS) * CHUNKS * chunks::LENGTH as u64
}

/// An experience service on the loopback.
struct Server {
    address: String,
    store: Option<Arc<Store>>,
    serving: Serving,
    stop: CancellationToken,
    _publisher: Publisher,
}

impl Server {
    async fn wire() -> anyhow::Result<Self> {
        let serve = |listener, _, stop| tokio::spawn(wire::serve(listener, stop));
        Self::start(None, serve).await
    }

    async fn learner() -> anyhow::Result<Self> {
        let store = Arc::new(empty_store()?);
        let (kept, counters) = (store.clone(), Arc::new(Counters::default()));
        let serve = |listener, weights, stop| {
            tokio::spawn(service::serve(
                listener,
                Credentials::none(),
                store,
                counters,
                weights,
                stop,
            ))
        };
        Self::start(Some(kept), serve).await
    }

    async fn start(
        store: Option<Arc<Store>>,
        serve: impl FnOnce(TcpListener, Subscription, CancellationToken) -> Serving,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (publisher, weights) = publish::channel();
        let stop = CancellationToken::new();
        let serving = serve(listener, weights, stop.clone());
        Ok(Self { address, store, serving, stop, _publisher: publisher })
    }

    /// Ends it, sees that the store has everything once, and gives its memory back, so that the
    /// next turn does not have to share the machine with that.
    async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.serving.await??;
        let Some(mut store) = self.store else { return Ok(()) };
        ensure!(store.written() == total(), "expected all in store, got {}", store.written());
        // The tasks of the streams hold it a little longer.
        while let Err(shared) = Arc::try_unwrap(store) {
            store = shared;
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

type Serving = JoinHandle<Result<(), transport::Error>>;

/// A replay that expects the chunks of all clients.
fn empty_store() -> anyhow::Result<Store> {
    let spec = cheetah::family()?.spec();
    let tasks = cheetah::TASKS as usize;
    let sizes = StoreSizes { tasks, transitions: ROWS, context: 400 };
    let store = Store::new(spec, RowLayout::new(&spec, false), sizes);
    for task in 0..cheetah::TASKS {
        let TrialId(trial) = store.expect_trial(
            cheetah::task(task.into(), cheetah::TASKS),
            types::Purpose::Train,
            u32::MAX,
        );
        ensure!(trial == u64::from(task), "expected trial {task}, got {trial}");
    }
    Ok(store)
}

/// Transitions per second of one turn.
async fn push_all(server: &Server, clients: &[Vec<v1::Chunk>]) -> anyhow::Result<f64> {
    let mut channels = Vec::new();
    for _ in clients {
        channels.push(connect(&server.address, Role::Learner, &Credentials::none()).await?);
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
