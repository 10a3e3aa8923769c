//! Takes chunks in: check, store, acknowledge.

use crate::replay::ledger::Account;
use crate::replay::{InsertError, Refusal, Store, Stored};
use crate::service::durable::Durable;
use dashmap::DashMap;
use proto::chunk::CheckedChunk;
use proto::connect::{Peer, Reason};
use proto::tonic::{Code, Request, Response, Status, Streaming};
use proto::v1;
use proto::v1::experience_server::Experience;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use types::{ActorId, Incarnation};

/// Acknowledgements on their way to one actor; small, since each says all that came before.
const ACKS: usize = 16;
/// Between two attempts to store a chunk on a full disk.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// What the service has done, counted apart from the store.
#[derive(Debug, Default)]
pub struct Counters {
    /// For each life of an actor, transitions in the newest acknowledgement that was handed to its
    /// stream.
    acknowledged: DashMap<Incarnation, u64>,
    /// Chunks refused.
    pub refused: AtomicU64,
    /// Microseconds from a chunk's arrival until it may be acknowledged, over all streams.
    storing_us: AtomicU64,
}

impl Counters {
    /// Those of a learner that was started again and has stored what `accounts` say. Which of it
    /// the one before had acknowledged is not known; whoever sends it again gets its answer.
    #[must_use]
    pub fn after(accounts: &[(Incarnation, Account)]) -> Self {
        let stored = accounts.iter().map(|(life, account)| (*life, account.transitions));
        Self { acknowledged: stored.collect(), ..Self::default() }
    }

    /// Transitions whose acknowledgement has been handed to the stream of their actor, each counted
    /// once. Less than what is stored by what was on its way to actors that have died.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.iter().map(|life| *life).sum()
    }

    fn handed_over(&self, life: Incarnation, transitions: u64) {
        let mut known = self.acknowledged.entry(life).or_default();
        *known = transitions.max(*known);
    }

    fn stored(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.storing_us.fetch_add(us, Ordering::Relaxed);
    }

    /// What storing has taken so far, over all streams: in the log, and safe.
    #[must_use]
    pub fn storing(&self) -> Duration {
        Duration::from_micros(self.storing_us.load(Ordering::Relaxed))
    }
}

/// The experience service.
#[derive(Debug)]
pub struct Service {
    store: Arc<Store>,
    counters: Arc<Counters>,
    durable: Durable,
    stop: CancellationToken,
}

impl Service {
    /// A service that fills `store` and acknowledges what is `durable`.
    #[must_use]
    pub fn new(
        store: Arc<Store>,
        counters: Arc<Counters>,
        durable: Durable,
        stop: CancellationToken,
    ) -> Self {
        Self { store, counters, durable, stop }
    }
}

/// An acknowledgement that is due once the log is safe up to a point.
struct Due {
    ack: v1::Ack,
    life: Incarnation,
    /// See [`Durable::wait`].
    ticket: u64,
}

#[proto::tonic::async_trait]
impl Experience for Service {
    type PushStream = Pin<Box<dyn Stream<Item = Result<v1::Ack, Status>> + Send>>;

    async fn push(
        &self,
        request: Request<Streaming<v1::Chunk>>,
    ) -> Result<Response<Self::PushStream>, Status> {
        let (sender, receiver) = mpsc::channel(ACKS);
        let stream = OneStream {
            store: self.store.clone(),
            counters: self.counters.clone(),
            peer: Peer::of(&request)?,
            life: None,
            chunks: request.into_inner(),
            acks: sender,
        };
        let stop = self.stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stream.run() => {}
                () = stop.cancelled() => {}
            }
        });
        let (durable, counters) = (self.durable.clone(), self.counters.clone());
        let acks = ReceiverStream::new(receiver).then(move |due: Result<Due, Status>| {
            let (mut durable, counters) = (durable.clone(), counters.clone());
            async move {
                let Due { ack, life, ticket } = due?;
                let began = Instant::now();
                durable.wait(ticket).await?;
                counters.stored(began.elapsed());
                counters.handed_over(life, ack.transitions);
                Ok(ack)
            }
        });
        Ok(Response::new(Box::pin(acks)))
    }
}

/// One stream.
struct OneStream {
    store: Arc<Store>,
    counters: Arc<Counters>,
    peer: Peer,
    /// Whose stream it is, once it has sent something.
    life: Option<(ActorId, Incarnation)>,
    chunks: Streaming<v1::Chunk>,
    acks: mpsc::Sender<Result<Due, Status>>,
}

impl OneStream {
    /// Until the actor hangs up, sends something wrong, or no longer reads its acknowledgements.
    async fn run(mut self) {
        loop {
            let answer = match self.chunks.message().await {
                Ok(Some(chunk)) => self.take(chunk).await,
                Ok(None) => return,
                Err(status) if has_gone(&status) => return,
                // Too large or too slow, which the connection has told, or no chunk at all.
                Err(status) => Err(status),
            };
            let refused = answer.is_err();
            if let Err(status) = &answer {
                self.counters.refused.fetch_add(1, Ordering::Relaxed);
                if !matches!(status.code(), Code::DeadlineExceeded | Code::ResourceExhausted) {
                    self.peer.refuse(Reason::Message, status.message());
                }
            }
            if self.acks.send(answer).await.is_err() || refused {
                return;
            }
            // Others first: what has come in of one stream must not go ahead of all the rest.
            tokio::task::yield_now().await;
        }
    }

    async fn take(&mut self, chunk: v1::Chunk) -> Result<Due, Status> {
        let chunk = CheckedChunk::check(chunk, self.store.spec())?;
        self.check_sender(&chunk)?;
        let began = Instant::now();
        let Stored { account, .. } = self.store_when_there_is_space(&chunk).await?;
        self.counters.stored(began.elapsed());
        let life = chunk.origin.incarnation;
        let ack = v1::Ack { next_sequence: account.next.0, transitions: account.transitions };
        Ok(Due { ack, life, ticket: self.store.log().appended() })
    }

    /// One stream cannot fill the ledger with lives that never were.
    fn check_sender(&mut self, chunk: &CheckedChunk) -> Result<(), Status> {
        let got = (chunk.origin.actor, chunk.origin.incarnation);
        let expected = *self.life.get_or_insert(got);
        if got == expected {
            return Ok(());
        }
        let message = format!("chunk: expected one of life {expected:?} as before, got {got:?}");
        Err(Status::invalid_argument(message))
    }

    /// While the disk is full nothing is read from the actor, which so comes to wait as well.
    async fn store_when_there_is_space(&self, chunk: &CheckedChunk) -> Result<Stored, Status> {
        loop {
            match self.store.insert(chunk) {
                Ok(stored) => {
                    self.store.note_space();
                    return Ok(stored);
                }
                Err(InsertError::Refused(refusal)) => return Err(refusal.into()),
                Err(InsertError::Log(error)) if error.is_full() => {
                    self.store.note_full(&error);
                    tokio::time::sleep(TRY_AGAIN).await;
                }
                Err(InsertError::Log(error)) => return Err(Status::internal(error.to_string())),
            }
        }
    }
}

/// Whether a stream failed because the other end is no longer there to be answered.
fn has_gone(status: &Status) -> bool {
    matches!(status.code(), Code::Cancelled | Code::Unknown | Code::Unavailable)
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::UnknownTrial { .. } => Status::not_found(message),
            Refusal::WrongTask { .. }
            | Refusal::NoSuchTask { .. }
            | Refusal::NotCollected { .. }
            | Refusal::OutOfPlace { .. }
            | Refusal::WrongActor { .. } => Status::invalid_argument(message),
            Refusal::FutureVersion { .. } => Status::out_of_range(message),
            Refusal::Gap { .. } => Status::failed_precondition(message),
        }
    }
}
