//! `weights`: how soon new weights are where they are needed.
//!
//! The learner's publisher and weights service send 1 MiB to 1, 8 and 64 followers over gRPC on the
//! loopback, each on a connection of its own. A latency is the time from just before a publication
//! (which hashes the weights and cuts them) to the moment when a follower has put the last piece
//! together and found the digest right. The next publication waits for the last follower.
//!
//! Reference, in turns with it: the same bytes over plain TCP connections to as many readers, with
//! no digest. Services and followers share one runtime of [`THREADS`] threads.

use crate::measure::figure::Figure;
use crate::measure::statistics::percentile;
use anyhow::{Context as _, ensure};
use learner::publish::{self, Publisher};
use learner::replay::RowLayout;
use learner::service::{self, experience::Counters};
use proto::connect::connect;
use proto::pieces::Assembler;
use proto::{Credentials, Role};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tests::replay::{Replay, Sizes};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};
use types::EnvSpec;
use types::experiment::Durability;

const BENCH: &str = "weights";
const THREADS: usize = 2;
const BYTES: usize = 1024 * 1024;
/// Followers, and publications to that many.
const CASES: [(usize, usize); 3] = [(1, 120), (8, 60), (64, 20)];
/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

type Arrivals = mpsc::Receiver<anyhow::Result<Instant>>;

/// Measures and prints.
pub(crate) fn measure() -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(THREADS).enable_all().build()?;
    CASES.iter().try_for_each(|&(followers, times)| runtime.block_on(case(followers, times)))
}

async fn case(followers: usize, times: usize) -> anyhow::Result<()> {
    let mut grpc = Grpc::start(followers).await?;
    let mut plain = Plain::start(followers).await?;
    let (mut latencies, mut others) = (Vec::new(), Vec::new());
    for time in 0..=times {
        let of_grpc = grpc.send(followers, time).await?;
        let of_plain = plain.send(followers).await?;
        // The first time warms up.
        if time > 0 {
            latencies.extend(of_grpc);
            others.extend(of_plain);
        }
    }
    let noun = if followers == 1 { "follower" } else { "followers" };
    for percent in [50, 99] {
        let name = format!("1 MiB to {followers} {noun}, p{percent}");
        let reference = format!("the same over plain TCP, p{percent}");
        Figure::new(BENCH, name, "ms", &[percentile(&latencies, percent)])
            .beside_one(reference, percentile(&others, percent))
            .with(json!({
                "followers": followers, "publications": times, "bytes": BYTES,
                "threads": THREADS, "target_of_64_p99": 200,
            }))
            .print()?;
    }
    Ok(())
}

/// Milliseconds from `start` to each of the arrivals.
async fn arrived(
    arrivals: &mut Arrivals,
    followers: usize,
    start: Instant,
) -> anyhow::Result<Vec<f64>> {
    let mut latencies = Vec::with_capacity(followers);
    while latencies.len() < followers {
        let arrival = tokio::time::timeout(PATIENCE, arrivals.recv()).await;
        let arrival = arrival.context("expected weights to arrive within 20 s")?;
        let at = arrival.context("expected followers that stay")??;
        latencies.push(at.duration_since(start).as_secs_f64() * 1e3);
    }
    Ok(latencies)
}

/// Publisher, service and followers of the project.
struct Grpc {
    _replay: Replay,
    publisher: Publisher,
    arrivals: Arrivals,
    _stop: DropGuard,
}

impl Grpc {
    async fn start(followers: usize) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (publisher, weights) = publish::channel();
        let stop = CancellationToken::new();
        let counters = Arc::new(Counters::default());
        let replay = unused_replay()?;
        let served = service::Served {
            store: replay.store(),
            counters,
            durability: Durability::Process,
            weights,
        };
        tokio::spawn(service::serve(listener, Credentials::none(), served, stop.clone()));
        let (sender, arrivals) = mpsc::channel(followers);
        for _ in 0..followers {
            let mut client = proto::connect::weights(
                connect(&address, Role::Learner, &Credentials::none()).await?,
            );
            let sender = sender.clone();
            tokio::spawn(async move {
                let error = follow(&mut client, &sender).await.err();
                if let Some(error) = error {
                    sender.send(Err(error)).await.ok();
                }
            });
        }
        Ok(Self { _replay: replay, publisher, arrivals, _stop: stop.drop_guard() })
    }

    /// Publishes and waits for all followers.
    async fn send(&mut self, followers: usize, time: usize) -> anyhow::Result<Vec<f64>> {
        let content = u8::try_from(time % 256)?;
        let weights = vec![content; BYTES];
        let start = Instant::now();
        self.publisher.publish(weights);
        arrived(&mut self.arrivals, followers, start).await
    }
}

type Client = proto::v1::weights_client::WeightsClient<proto::connect::Channel>;

/// Tells of every version that has arrived whole.
async fn follow(
    client: &mut Client,
    arrivals: &mpsc::Sender<anyhow::Result<Instant>>,
) -> anyhow::Result<()> {
    let request = proto::v1::FollowRequest { have: None };
    let mut pieces = client.follow(request).await?.into_inner();
    let mut assembler = Assembler::after(None);
    while let Some(piece) = pieces.message().await? {
        if let Some(weights) = assembler.add(piece)? {
            let now = Instant::now();
            ensure!(weights.bytes.len() == BYTES, "expected 1 MiB");
            if arrivals.send(Ok(now)).await.is_err() {
                break;
            }
        }
    }
    Ok(())
}

/// The service of experience beside that of weights needs one.
fn unused_replay() -> anyhow::Result<Replay> {
    let spec = EnvSpec::new(1, 1, 1);
    let sizes = Sizes { tasks: 1, transitions: 1, context: 1 };
    Ok(Replay::empty(spec, RowLayout::new(&spec, false), sizes)?)
}

/// Bytes over TCP and nothing else.
struct Plain {
    weights: broadcast::Sender<Arc<Vec<u8>>>,
    arrivals: Arrivals,
}

impl Plain {
    async fn start(followers: usize) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let weights = broadcast::Sender::new(1);
        let (sender, arrivals) = mpsc::channel(followers);
        for _ in 0..followers {
            let reader = TcpStream::connect(address).await?;
            let (writer, _) = listener.accept().await?;
            writer.set_nodelay(true)?;
            tokio::spawn(write(writer, weights.subscribe()));
            tokio::spawn(read(reader, sender.clone()));
        }
        Ok(Self { weights, arrivals })
    }

    async fn send(&mut self, followers: usize) -> anyhow::Result<Vec<f64>> {
        let weights = Arc::new(vec![1; BYTES]);
        let start = Instant::now();
        self.weights.send(weights).ok().context("expected readers that stay")?;
        arrived(&mut self.arrivals, followers, start).await
    }
}

async fn write(mut to: TcpStream, mut weights: broadcast::Receiver<Arc<Vec<u8>>>) {
    while let Ok(weights) = weights.recv().await {
        if to.write_all(&weights).await.is_err() {
            return;
        }
    }
}

async fn read(mut from: TcpStream, arrivals: mpsc::Sender<anyhow::Result<Instant>>) {
    let mut bytes = vec![0; BYTES];
    while from.read_exact(&mut bytes).await.is_ok() {
        if arrivals.send(Ok(Instant::now())).await.is_err() {
            return;
        }
    }
}
