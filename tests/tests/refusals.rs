//! Bad experience over a real socket: each is refused with a code and with expected and got, nothing
//! of it is stored, and a well-behaved actor beside it does not notice.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use learner::collect::Intake as _;
use learner::replay::RowLayout;
use learner::service::{self, experience::Counters};
use proto::connect::connect;
use proto::tonic::{Code, Status};
use proto::{Credentials, Role, v1};
use std::sync::Arc;
use tests::replay::{Replay, Sizes};
use tokio_util::sync::CancellationToken;
use types::experiment::Durability;
use types::{
    ActorId, Chunk, EnvSpec, Incarnation, Origin, Purpose, Segment, Sequence, Split, TaskRef,
    TrialId, Version,
};

const SPEC: EnvSpec = EnvSpec::new(3, 2, 100);
const TASK: TaskRef = TaskRef { split: Split::Train, index: 1 };

struct Learner {
    address: String,
    store: Replay,
    counters: Arc<Counters>,
    stop: CancellationToken,
}

impl Learner {
    async fn start() -> Self {
        Self::start_with(Durability::Process).await
    }

    async fn start_with(durability: Durability) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let sizes = Sizes { tasks: 4, transitions: 1_000, context: 100 };
        let store = Replay::empty(SPEC, RowLayout::new(&SPEC, false), sizes).unwrap();
        assert_eq!(store.expect_trial(TASK, Purpose::Train, 2), TrialId(0));
        assert_eq!(store.expect_trial(TASK, Purpose::Evaluate, 2), TrialId(1));
        let counters = Arc::new(Counters::default());
        let (mut publisher, weights) = learner::publish::channel();
        store.published(publisher.publish(vec![0; 16]));
        let stop = CancellationToken::new();
        let served = service::Served {
            store: store.store(),
            counters: counters.clone(),
            durability,
            weights,
        };
        let serving = service::serve(listener, Credentials::none(), served, stop.clone());
        tokio::spawn(serving);
        Self { address, store, counters, stop }
    }

    /// Sends chunks on one stream; the last answer.
    async fn push(&self, chunks: Vec<v1::Chunk>) -> Result<v1::Ack, Status> {
        let channel = connect(&self.address, Role::Learner, &Credentials::none()).await.unwrap();
        // A sender without our limits, so that it is the server that refuses.
        let client = proto::connect::experience(channel);
        let mut client = client.max_encoding_message_size(usize::MAX);
        let mut acks = client.push(tokio_stream::iter(chunks)).await?.into_inner();
        let mut last = Err(Status::unknown("no acknowledgement at all"));
        while let Some(ack) = acks.message().await? {
            last = Ok(ack);
        }
        last
    }
}

impl Drop for Learner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn chunk(incarnation: u64, sequence: u64) -> v1::Chunk {
    let segment = Segment::new(&SPEC, vec![0.5; 15], vec![0.1; 8], vec![1.0; 4], vec![], None);
    proto::chunk::encode(&Chunk {
        origin: Origin {
            actor: ActorId(0),
            incarnation: Incarnation(incarnation),
            sequence: Sequence(sequence),
        },
        trial: TrialId(0),
        task: TASK,
        episode: 0,
        offset: 0,
        context: true,
        policy_version: Version(0),
        encoder_version: Version(0),
        segment: segment.unwrap(),
    })
}

/// Damages a good chunk; `seal` makes the checksum right again, so that the damage itself is found.
fn damaged(seal: bool, damage: impl Fn(&mut v1::Chunk)) -> v1::Chunk {
    let mut chunk = chunk(7, 0);
    damage(&mut chunk);
    if seal {
        chunk.checksum = proto::chunk::checksum(&chunk);
    }
    chunk
}

fn with_number(bytes: &bytes::Bytes, index: usize, value: f32) -> bytes::Bytes {
    let mut copy = bytes.to_vec();
    copy[4 * index..4 * index + 4].copy_from_slice(&value.to_le_bytes());
    copy.into()
}

#[tokio::test]
async fn every_kind_of_bad_chunk_is_refused_and_nothing_else_is_harmed() {
    let learner = Learner::start().await;
    type Case = (&'static str, v1::Chunk, Code, &'static [&'static str]);
    let cases: Vec<Case> = vec![
        (
            "wrong shape",
            damaged(true, |c| c.observations = c.observations.slice(4..)),
            Code::InvalidArgument,
            &["observations", "expected 15", "got 14"],
        ),
        (
            "NaN",
            damaged(true, |c| c.rewards = with_number(&c.rewards, 2, f32::NAN)),
            Code::InvalidArgument,
            &["rewards[2]", "finite", "NaN"],
        ),
        (
            "action out of range",
            damaged(true, |c| c.actions = with_number(&c.actions, 0, 1.5)),
            Code::OutOfRange,
            &["actions", "[-1, 1]", "1.5"],
        ),
        (
            "bad checksum",
            damaged(false, |c| c.rewards = with_number(&c.rewards, 0, 2.0)),
            Code::DataLoss,
            &["checksum", "expected", "got"],
        ),
        (
            "future protocol",
            damaged(true, |c| c.protocol = proto::PROTOCOL + 1),
            Code::FailedPrecondition,
            &["protocol", "expected version 1", "got 2"],
        ),
        (
            "future weights",
            damaged(true, |c| c.policy_version = 5),
            Code::OutOfRange,
            &["policy_version", "at most 0", "got 5"],
        ),
        (
            "an encoder from the future",
            damaged(true, |c| c.encoder_version = 1),
            Code::OutOfRange,
            &["encoder_version", "at most 0", "got 1"],
        ),
        (
            "an evaluation",
            damaged(true, |c| c.trial = 1),
            Code::InvalidArgument,
            &["trial 1", "evaluation"],
        ),
        (
            "an episode too many",
            damaged(true, |c| c.episode = 2),
            Code::InvalidArgument,
            &["trial 0", "episodes 0 to 1", "got episode 2"],
        ),
        (
            "another actor's life",
            damaged(true, |c| c.actor = Some(v1::ActorKey { actor: 9, incarnation: 1 })),
            Code::InvalidArgument,
            &["actor", "expected 0", "got 9"],
        ),
        (
            "unknown trial",
            damaged(true, |c| c.trial = 3),
            Code::NotFound,
            &["trial", "got trial 3"],
        ),
        (
            "another task",
            damaged(true, |c| c.task = Some(TaskRef { index: 2, ..TASK }.into())),
            Code::InvalidArgument,
            &["task", "train-1", "train-2"],
        ),
        (
            "a part left out",
            damaged(true, |c| c.offset = 8),
            Code::InvalidArgument,
            &["trial 0", "expected transition 0 of episode 0", "got transition 8"],
        ),
        (
            "past the horizon",
            damaged(true, |c| c.offset = 98),
            Code::OutOfRange,
            &["100 steps", "98 to 102"],
        ),
        (
            "a gap",
            damaged(true, |c| c.sequence = 4),
            Code::FailedPrecondition,
            &["sequence", "expected 0", "got 4"],
        ),
        ("no transitions", damaged(true, |c| c.len = 0), Code::InvalidArgument, &["at least one"]),
    ];
    let refused = cases.len() as u64;
    for (index, (name, bad, code, words)) in cases.into_iter().enumerate() {
        let good = index as u64;
        let ack = learner.push(vec![chunk(1, good)]).await.unwrap();
        assert_eq!((ack.next_sequence, ack.transitions), (good + 1, 4 * (good + 1)), "{name}");

        let status = learner.push(vec![bad]).await.expect_err(name);
        assert_eq!(status.code(), code, "{name}: {}", status.message());
        for word in words {
            assert!(status.message().contains(word), "{name}: {word:?} in {}", status.message());
        }
        assert_eq!(learner.store.stored(), 4 * (good + 1), "{name}");
    }
    // The trial was begun again each time and never completed.
    assert_eq!(learner.store.discarded() + learner.store.staged(), learner.store.stored());
    let counted = &learner.counters;
    assert_eq!(counted.refused.load(std::sync::atomic::Ordering::Relaxed), refused);
}

#[tokio::test]
async fn a_chunk_sent_again_is_acknowledged_again_and_stored_once() {
    let learner = Learner::start().await;
    learner.push(vec![chunk(1, 0), chunk(1, 1), chunk(1, 2)]).await.unwrap();
    let ack = learner.push(vec![chunk(1, 1), chunk(1, 2), chunk(1, 3)]).await.unwrap();
    assert_eq!((ack.next_sequence, ack.transitions), (4, 16));
    assert_eq!((learner.store.stored(), learner.store.duplicated()), (16, 8));
}

/// Acknowledgements that wait for the disk come too, to everybody who waits.
#[tokio::test]
async fn what_waits_for_the_disk_is_acknowledged() {
    let learner = Learner::start_with(Durability::Disk).await;
    let one = learner.push((0..40).map(|sequence| chunk(1, sequence)).collect());
    let other = learner.push((0..40).map(|sequence| chunk(2, sequence)).collect());
    let (one, other) = tokio::join!(one, other);
    for ack in [one.unwrap(), other.unwrap()] {
        assert_eq!((ack.next_sequence, ack.transitions), (40, 160));
    }
    let acknowledged = learner.counters.acknowledged();
    assert_eq!((acknowledged, learner.store.stored()), (320, 320));
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused() {
    let learner = Learner::start().await;
    let huge = damaged(true, |c| c.observations = vec![0; proto::MAX_MESSAGE].into());
    let status = learner.push(vec![huge]).await.expect_err("a message over 4 MiB");
    assert!(matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted), "{status}");
    assert_eq!(learner.store.stored(), 0);
}
