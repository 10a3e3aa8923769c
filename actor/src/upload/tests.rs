use super::{Spool, Upload};
use crate::Error;
use crate::retry::Peer;
use crate::rollout::Cut;
use crate::stats::Stats;
use proto::tonic::{Code, Request, Response, Status, Streaming};
use proto::v1::experience_server::{Experience, ExperienceServer};
use proto::{Credentials, v1};
use rand::RngExt as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use types::{
    ActorId, EnvSpec, Incarnation, Purpose, Role, Segment, Split, TaskRef, TrialId, TrialOutcome,
    Version,
};

const SPEC: EnvSpec = EnvSpec::new(2, 1, 1000);

fn cut(len: usize, mark: f32) -> Cut {
    let segment = Segment::new(
        &SPEC,
        vec![mark; 2 * (len + 1)],
        vec![0.0; len],
        vec![0.0; len],
        vec![],
        None,
    );
    Cut {
        trial: TrialId(1),
        task: TaskRef { split: Split::Train, index: 0 },
        episode: 0,
        offset: 0,
        context: true,
        policy_version: Version(3),
        encoder_version: Version(3),
        segment: segment.unwrap(),
    }
}

fn outcome(id: u64) -> TrialOutcome {
    TrialOutcome {
        trial: TrialId(id),
        task: cut(1, 0.0).task,
        purpose: Purpose::Train,
        episodes: vec![],
        failure: None,
    }
}

fn spool(limit: usize) -> (Arc<Spool>, Arc<Stats>) {
    let stats = Arc::new(Stats::default());
    let spool = Spool::new(ActorId(2), Incarnation(7), limit, stats.clone());
    (spool, stats)
}

/// What goes wrong with a learner.
#[derive(Clone, Copy)]
enum Trouble {
    None,
    /// Streams break after a random number of chunks: before one is stored, after it is stored,
    /// or after it is acknowledged.
    Breaks,
    /// The chunk with this sequence number is refused.
    Refuses(u64),
    /// Acknowledgements count one transition too few.
    Forgets,
    /// Nothing is ever acknowledged.
    Silent,
}

/// A learner that stores marks by sequence number.
struct Learner {
    trouble: Trouble,
    stored: Mutex<Vec<(f32, u64)>>,
    streams: AtomicUsize,
}

impl Learner {
    fn take(&self, chunk: v1::Chunk) -> Result<v1::Ack, Status> {
        if matches!(self.trouble, Trouble::Refuses(n) if n == chunk.sequence) {
            return Err(Status::invalid_argument("rewards: expected 3, got 4"));
        }
        let checked = proto::chunk::CheckedChunk::check(chunk, &SPEC)?;
        let mut stored = self.stored.lock().unwrap();
        let sequence = usize::try_from(checked.origin.sequence.0).unwrap();
        assert!(sequence <= stored.len(), "a gap in the sequence");
        if sequence == stored.len() {
            let first = checked.observation(0)[..4].try_into().unwrap();
            stored.push((f32::from_le_bytes(first), checked.len() as u64));
        }
        let transitions: u64 = stored.iter().map(|(_, len)| len).sum();
        Ok(v1::Ack {
            next_sequence: stored.len() as u64,
            transitions: transitions - u64::from(matches!(self.trouble, Trouble::Forgets)),
        })
    }

    async fn serve(
        &self,
        mut chunks: Streaming<v1::Chunk>,
        acks: mpsc::Sender<Result<v1::Ack, Status>>,
    ) {
        let number = self.streams.fetch_add(1, Ordering::Relaxed) as u64;
        let mut dice = types::stream(number, Role::Sample, 0, 0);
        let lives: usize = dice.random_range(0..12);
        let breaks = matches!(self.trouble, Trouble::Breaks);
        for taken in 0.. {
            let Ok(Some(chunk)) = chunks.message().await else {
                return;
            };
            let broken = breaks && taken == lives;
            if broken && dice.random_bool(0.5) {
                return drop(acks.send(Err(Status::unavailable("lost"))).await);
            }
            let ack = self.take(chunk);
            if broken {
                return drop(acks.send(Err(Status::unavailable("stored, not told"))).await);
            }
            if !matches!(self.trouble, Trouble::Silent) && acks.send(ack).await.is_err() {
                return;
            }
        }
    }
}

struct Service(Arc<Learner>);

#[proto::tonic::async_trait]
impl Experience for Service {
    type PushStream = ReceiverStream<Result<v1::Ack, Status>>;

    async fn push(
        &self,
        request: Request<Streaming<v1::Chunk>>,
    ) -> Result<Response<Self::PushStream>, Status> {
        let (sender, receiver) = mpsc::channel(4);
        let learner = self.0.clone();
        tokio::spawn(async move { learner.serve(request.into_inner(), sender).await });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

async fn start(trouble: Trouble) -> (Arc<Learner>, String) {
    start_at("127.0.0.1:0", trouble).await
}

async fn start_at(address: &str, trouble: Trouble) -> (Arc<Learner>, String) {
    let learner =
        Arc::new(Learner { trouble, stored: Mutex::default(), streams: AtomicUsize::new(0) });
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = proto::connect::server()
        .add_service(ExperienceServer::new(Service(learner.clone())))
        .serve_with_incoming(proto::connect::incoming(listener, &proto::Credentials::none()));
    tokio::spawn(server);
    (learner, address)
}

fn at(address: String) -> Peer {
    patient(address, Duration::from_secs(10))
}

/// A learner that never moves.
fn patient(address: String, patience: Duration) -> Peer {
    Peer::new(tokio::sync::watch::channel(address).1, Credentials::none(), patience)
}

/// An address where nobody listens.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Makes `count` chunks on a thread, as a rollout does, and says when the spool is the fullest.
fn produce(spool: Arc<Spool>, count: usize) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut fullest = 0;
        for i in 0..count {
            if spool.push(cut(1 + i % 5, i as f32)).is_err() {
                break;
            }
            spool.outcome(outcome(i as u64));
            fullest = fullest.max(spool.left().0);
        }
        spool.end();
        fullest
    })
}

#[tokio::test]
async fn everything_is_stored_once_and_in_order_however_often_the_stream_breaks() {
    const CHUNKS: usize = 300;
    let (learner, address) = start(Trouble::Breaks).await;
    let (spool, stats) = spool(20);
    let producer = produce(spool.clone(), CHUNKS);
    // Shorter than all of it takes: the learner answers every time, so patience never ends.
    let learner_at = patient(address, Duration::from_millis(50));
    let upload = Upload { learner: learner_at, spool: spool.clone(), stats: stats.clone() };
    upload.run().await.unwrap();
    assert!(producer.join().unwrap() <= 20, "the spool is bounded");
    let stored = learner.stored.lock().unwrap().clone();
    let expected: Vec<(f32, u64)> = (0..CHUNKS).map(|i| (i as f32, 1 + i as u64 % 5)).collect();
    assert_eq!(stored, expected);
    let counts = stats.snapshot();
    let transitions: u64 = expected.iter().map(|(_, len)| len).sum();
    assert_eq!(counts.transitions_sent, transitions);
    assert_eq!(counts.transitions_acknowledged, transitions);
    assert!(counts.reconnects > 5 && counts.waited_upload_s > 0.0);
    assert_eq!(spool.take_ready().len(), CHUNKS);
    assert!(spool.is_done());
}

#[tokio::test]
async fn a_full_spool_holds_up_the_rollout_until_it_is_acknowledged_or_closed() {
    let (learner, address) = start(Trouble::Silent).await;
    let (spool, stats) = spool(20);
    let producer = produce(spool.clone(), 100);
    let upload = Upload { learner: at(address), spool: spool.clone(), stats: stats.clone() };
    let upload = tokio::spawn(upload.run());
    // Chunks of 1, 2, 3, 4, 5, 1 and 2 transitions fit: 18. The next one of 3 does not.
    while learner.stored.lock().unwrap().len() < 7 {
        tokio::task::yield_now().await;
    }
    while stats.snapshot().waited_upload_s == 0.0 {
        tokio::task::yield_now().await;
    }
    assert!(!producer.is_finished());
    assert_eq!(spool.left().0, 18);
    assert!(spool.take_ready().is_empty(), "nothing is acknowledged");
    let ack = |next_sequence, transitions| v1::Ack { next_sequence, transitions };
    spool.acknowledge(ack(2, 3)).unwrap();
    assert_eq!(spool.take_ready().len(), 2);
    spool.refuse();
    assert!(producer.join().unwrap() <= 20);
    upload.abort();
}

#[tokio::test]
async fn a_refused_chunk_ends_the_upload_with_the_learners_reason() {
    let (_learner, address) = start(Trouble::Refuses(3)).await;
    let (spool, stats) = spool(20);
    let producer = produce(spool.clone(), 100);
    let upload = Upload { learner: at(address), spool: spool.clone(), stats };
    let patience = Duration::from_secs(10);
    let ended = tokio::time::timeout(patience, upload.run()).await.unwrap();
    let error = ended.unwrap_err();
    let refused = matches!(&error, Error::Refused { code, .. } if *code == Code::InvalidArgument);
    assert!(refused, "{error}");
    let text = error.to_string();
    assert!(text.contains("Push to the learner") && text.contains("expected 3, got 4"));
    spool.refuse();
    producer.join().unwrap();
}

#[tokio::test]
async fn a_learner_that_is_not_there_ends_the_upload_when_patience_does() {
    let (spool, stats) = spool(20);
    let (address, patience) = (nowhere(), Duration::from_millis(300));
    let learner = patient(address.clone(), patience);
    let start = std::time::Instant::now();
    let error = Upload { learner, spool, stats }.run().await.unwrap_err();
    assert!(start.elapsed() >= patience);
    assert!(matches!(error, Error::LearnerUnreachable { .. }), "{error}");
    let expected = format!("expected the learner at {address}, got no answer for 300ms: ");
    let text = error.to_string();
    assert!(text.starts_with(&expected) && text.contains("refused"), "{text}");
}

#[tokio::test]
async fn a_learner_that_comes_within_patience_gets_everything() {
    let (spool, stats) = spool(50);
    let producer = produce(spool.clone(), 5);
    let address = nowhere();
    let upload = Upload { learner: at(address.clone()), spool, stats: stats.clone() };
    let upload = tokio::spawn(upload.run());
    while stats.snapshot().reconnects < 3 {
        tokio::task::yield_now().await;
    }
    let (learner, _) = start_at(&address, Trouble::None).await;
    upload.await.unwrap().unwrap();
    producer.join().unwrap();
    assert_eq!(learner.stored.lock().unwrap().len(), 5);
}

#[tokio::test]
async fn counts_that_differ_end_the_upload() {
    let (_learner, address) = start(Trouble::Forgets).await;
    let (spool, stats) = spool(50);
    let producer = produce(spool.clone(), 5);
    let upload = Upload { learner: at(address), spool, stats };
    let error = upload.run().await.unwrap_err().to_string();
    assert!(error.contains("transitions stored of this actor, got"), "{error}");
    producer.join().unwrap();
}

#[tokio::test]
async fn without_trouble_nothing_is_sent_twice() {
    let (learner, address) = start(Trouble::None).await;
    let (spool, stats) = spool(50);
    let producer = produce(spool.clone(), 40);
    let upload = Upload { learner: at(address), spool, stats: stats.clone() };
    upload.run().await.unwrap();
    producer.join().unwrap();
    assert_eq!(learner.streams.load(Ordering::Relaxed), 1);
    assert_eq!(stats.snapshot().reconnects, 0);
}

#[test]
fn an_acknowledgement_of_the_future_is_an_error_and_one_of_the_past_is_not() {
    let (spool, _) = spool(50);
    for mark in 0..3 {
        spool.push(cut(2, mark as f32)).unwrap();
    }
    let ack =
        |next_sequence, transitions| spool.acknowledge(v1::Ack { next_sequence, transitions });
    assert!(matches!(ack(4, 8), Err(Error::Unsent { got: 4, .. })));
    ack(2, 4).unwrap();
    ack(1, 4).unwrap();
    ack(2, 4).unwrap();
    assert!(matches!(ack(2, 3), Err(Error::Miscounted { expected: 4, got: 3, .. })));
    assert!(matches!(ack(3, 7), Err(Error::Miscounted { expected: 6, got: 7, .. })));
}
