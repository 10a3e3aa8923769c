//! Takes chunks in: check, store, acknowledge.

use crate::replay::{Refusal, Store, Stored};
use proto::chunk::CheckedChunk;
use proto::tonic::{Code, Request, Response, Status, Streaming};
use proto::v1;
use proto::v1::experience_server::Experience;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

/// Acknowledgements on their way to one actor; small, since each says all that came before.
const ACKS: usize = 16;

/// What the service has done, counted apart from the store.
#[derive(Debug, Default)]
pub struct Counters {
    /// Transitions whose acknowledgement has been handed to the stream, each counted once.
    pub acknowledged: AtomicU64,
    /// Chunks refused.
    pub refused: AtomicU64,
}

/// The experience service.
#[derive(Debug)]
pub struct Service {
    store: Arc<Store>,
    counters: Arc<Counters>,
    stop: CancellationToken,
}

impl Service {
    /// A service that fills `store`.
    #[must_use]
    pub fn new(store: Arc<Store>, counters: Arc<Counters>, stop: CancellationToken) -> Self {
        Self { store, counters, stop }
    }
}

#[proto::tonic::async_trait]
impl Experience for Service {
    type PushStream = ReceiverStream<Result<v1::Ack, Status>>;

    async fn push(
        &self,
        request: Request<Streaming<v1::Chunk>>,
    ) -> Result<Response<Self::PushStream>, Status> {
        let (sender, receiver) = mpsc::channel(ACKS);
        let stream = OneStream {
            store: self.store.clone(),
            counters: self.counters.clone(),
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
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// One stream.
struct OneStream {
    store: Arc<Store>,
    counters: Arc<Counters>,
    chunks: Streaming<v1::Chunk>,
    acks: mpsc::Sender<Result<v1::Ack, Status>>,
}

impl OneStream {
    /// Until the actor hangs up, sends something wrong, or no longer reads its acknowledgements.
    async fn run(mut self) {
        loop {
            let answer = match self.chunks.message().await {
                Ok(Some(chunk)) => self.take(chunk),
                Ok(None) => return,
                Err(status) if has_gone(&status) => return,
                // Too large, or no chunk at all.
                Err(status) => Err(status),
            };
            let refused = answer.is_err();
            if let Err(status) = &answer {
                self.counters.refused.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(code = ?status.code(), message = status.message(), "refused a chunk");
            }
            if self.acks.send(answer).await.is_err() || refused {
                return;
            }
        }
    }

    fn take(&self, chunk: v1::Chunk) -> Result<v1::Ack, Status> {
        let chunk = CheckedChunk::check(chunk, self.store.spec())?;
        let Stored { account, duplicate } = self.store.insert(&chunk)?;
        if !duplicate {
            self.counters.acknowledged.fetch_add(chunk.len() as u64, Ordering::AcqRel);
        }
        Ok(v1::Ack { next_sequence: account.next.0, transitions: account.transitions })
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
            | Refusal::NotCollected { .. }
            | Refusal::WrongActor { .. } => Status::invalid_argument(message),
            Refusal::FutureVersion { .. } => Status::out_of_range(message),
            Refusal::Gap { .. } => Status::failed_precondition(message),
        }
    }
}
