//! Certificates, a learner that uses them, a well-behaved actor, and the log.

use coordinator::certs::{Authority, Request, Validity, create_token};
use learner::collect::Intake as _;
use learner::replay::RowLayout;
use learner::service::{self, experience::Counters};
use proto::connect::connect;
use proto::tonic::{Status, Streaming};
use proto::{Credentials, Role, v1};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tests::replay::{Replay, Sizes};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use types::experiment::Durability;
use types::{
    ActorId, Chunk, EnvSpec, Incarnation, Origin, Purpose, Segment, Sequence, Split, TaskRef,
    TrialId, Version,
};

pub(crate) const SPEC: EnvSpec = EnvSpec::new(3, 2, 100);
const TASK: TaskRef = TaskRef { split: Split::Train, index: 1 };
/// Transitions of [`chunk`].
const LEN: u64 = 4;

/// An authority, a certificate for each role, and a token, as `coordinator certs` makes them.
pub(crate) struct Secrets {
    pub(crate) folder: TempDir,
    pub(crate) authority: Authority,
}

impl Secrets {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::create(Validity::days(2)).unwrap();
        let secrets = Self { folder, authority };
        secrets.authority.write(secrets.folder.path()).unwrap();
        for role in Role::ALL {
            secrets.issue(role, Validity::days(1), role.name());
        }
        create_token(&secrets.token()).unwrap();
        secrets
    }

    /// Issues a certificate into the folder `name`.
    pub(crate) fn issue(&self, role: Role, validity: Validity, name: &str) -> PathBuf {
        let request =
            Request { role, name: role.name().to_owned(), dns: vec![], ip: vec![], validity };
        let folder = self.folder.path().join(name);
        self.authority.issue(&request).unwrap().write(&folder).unwrap();
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn token(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    pub(crate) fn of(&self, role: Role) -> Credentials {
        Credentials::open(role, Some(self.path()), Some(&self.token())).unwrap()
    }
}

/// The learner's services.
pub(crate) struct Learner {
    pub(crate) address: String,
    pub(crate) store: Replay,
    stop: CancellationToken,
}

impl Learner {
    pub(crate) async fn start(credentials: Credentials) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let sizes = Sizes { tasks: 4, transitions: 1_000, context: 100 };
        let store = Replay::empty(SPEC, RowLayout::new(&SPEC, false), sizes).unwrap();
        assert_eq!(store.expect_trial(TASK, Purpose::Train, 2), TrialId(0));
        let (mut publisher, weights) = learner::publish::channel();
        store.published(publisher.publish(vec![0; 16]));
        let stop = CancellationToken::new();
        let served = service::Served {
            store: store.store(),
            counters: Arc::new(Counters::default()),
            durability: Durability::Process,
            weights,
        };
        let serving = service::serve(listener, credentials, served, stop.clone());
        tokio::spawn(async move {
            let _publisher = publisher;
            serving.await
        });
        Self { address, store, stop }
    }
}

impl Drop for Learner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn chunk(incarnation: u64, sequence: u64) -> v1::Chunk {
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

/// An actor that does as it should, on one stream from start to end.
pub(crate) struct Steady {
    chunks: mpsc::Sender<v1::Chunk>,
    acks: Streaming<v1::Ack>,
    sent: u64,
}

impl Steady {
    pub(crate) async fn open(learner: &Learner, credentials: &Credentials) -> Self {
        let channel = connect(&learner.address, Role::Learner, credentials).await.unwrap();
        let (chunks, outgoing) = mpsc::channel(1);
        let mut client = proto::connect::experience(channel);
        let acks = client.push(ReceiverStream::new(outgoing)).await.unwrap().into_inner();
        Self { chunks, acks, sent: 0 }
    }

    /// Sends a chunk; it must be acknowledged.
    pub(crate) async fn send(&mut self) {
        self.chunks.send(chunk(1, self.sent)).await.unwrap();
        self.sent += 1;
        let ack = self.acks.message().await.unwrap().unwrap();
        assert_eq!((ack.next_sequence, ack.transitions), (self.sent, self.sent * LEN));
    }
}

/// One chunk on a stream of its own.
pub(crate) async fn push(address: &str, credentials: &Credentials) -> Result<v1::Ack, Status> {
    let channel = connect(address, Role::Learner, credentials).await;
    let channel = channel.map_err(|error| Status::unavailable(causes(&error)))?;
    let mut client = proto::connect::experience(channel);
    let sent = tokio_stream::iter([chunk(2, 0)]);
    let mut acks = client.push(sent).await?.into_inner();
    acks.message().await?.ok_or_else(|| Status::unknown("no acknowledgement"))
}

pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Warnings of everything on this thread, which is where a test runs all its tasks.
pub(crate) struct Log {
    lines: Lines,
    _guard: tracing::subscriber::DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(crate) fn start() -> Self {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        Self { lines, _guard: tracing::subscriber::set_default(subscriber) }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.lines.0.lock().unwrap().clone()).unwrap()
    }

    /// Exactly one line, with all `words` in it.
    pub(crate) fn expect_one(&self, words: &[&str]) {
        let text = self.text();
        assert_eq!(text.lines().count(), 1, "expected one line, got:\n{text}");
        for word in words {
            assert!(text.contains(word), "{word:?} in {text}");
        }
    }
}
