//! The control plane as one value: started on a listener, talked to through a handle.

use crate::service::Service;
use crate::shared::{Setup, Shared};
use crate::tasks::History;
use proto::v1::control_server::ControlServer;
use proto::v1::{Evaluation, LearnerProgress, StatusReply};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use types::ActorId;

/// How long open calls may take to end when the server closes.
const CLOSING: Duration = Duration::from_secs(2);

/// Between two looks at a learner that may hang.
const LOOK: Duration = Duration::from_secs(1);

/// The control plane cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener is of no use.
    #[error("use the listener of the control plane: {0}")]
    Listener(#[from] std::io::Error),
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] crate::journal::Error),
    /// A record of the journal is none of this release.
    #[error("read the journal of the run: {0}; it was written by another release")]
    Record(#[from] proto::WireError),
    /// The experiment cannot be handed out.
    #[error("write the experiment as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// A running control plane.
#[derive(Debug)]
pub struct Server {
    handle: Handle,
    address: SocketAddr,
    serving: JoinHandle<Result<(), proto::tonic::transport::Error>>,
    watching: JoinHandle<()>,
}

/// Talks to a running control plane from within its process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Server {
    /// Serves the control plane of a run on `listener`, within the current tokio runtime.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn start(setup: Setup<'_>, listener: TcpListener) -> Result<Self, ServeError> {
        let address = listener.local_addr()?;
        let credentials = setup.credentials;
        let shared = Arc::new(Shared::new(setup)?);
        let service = Service { shared: Arc::clone(&shared) };
        let service = ControlServer::new(service)
            .max_decoding_message_size(proto::MAX_MESSAGE)
            .max_encoding_message_size(proto::MAX_MESSAGE);
        let closed = shared.closed.clone();
        let incoming = proto::connect::incoming(listener, credentials);
        // Says "serving" as long as there is a server: whoever can ask has got the answer.
        let (_reporter, health) = tonic_health::server::health_reporter();
        let serving = proto::connect::server()
            .add_service(service)
            .add_service(health)
            .serve_with_incoming_shutdown(incoming, closed.cancelled_owned());
        let serving = tokio::spawn(serving);
        let watched = Arc::clone(&shared);
        let watching = tokio::spawn(async move { watched.watch_silence().await });
        Ok(Self { handle: Handle { shared }, address, serving, watching })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For talking to it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Ends it. Calls that are still open after a moment are cut off.
    pub async fn close(self) {
        let shared = &self.handle.shared;
        shared.closed.cancel();
        shared.tasks.close();
        let abort = self.serving.abort_handle();
        if tokio::time::timeout(CLOSING, self.serving).await.is_err() {
            tracing::info!("calls were still open when the control plane closed");
            abort.abort();
        }
        self.watching.abort();
    }
}

impl Handle {
    /// A picture of the run.
    #[must_use]
    pub fn status(&self) -> StatusReply {
        self.shared.status(History::Newest)
    }

    /// Shows these lines in the status from now on; the first call counts.
    pub fn show_log(&self, log: runtime::telemetry::Recent) {
        drop(self.shared.log.set(log));
    }

    /// Whether the run has all it needs.
    #[must_use]
    pub fn health(&self) -> runtime::metrics::Health {
        let now = self.shared.now();
        self.shared.quietly(|state| state.health(now))
    }

    /// What the learner said last.
    #[must_use]
    pub fn progress(&self) -> LearnerProgress {
        self.shared.progress()
    }

    /// Evaluations that are not in the files of the run yet.
    #[must_use]
    pub fn unrecorded(&self) -> Vec<Evaluation> {
        self.shared.unrecorded()
    }

    /// The oldest evaluation of this number is in the files of the run.
    pub fn note_recorded(&self, number: u64) {
        self.shared.note_recorded(number);
    }

    /// The files of the run can be written, or why not.
    pub fn note_recording(&self, trouble: Option<String>) {
        self.shared.note_recording(trouble);
    }

    /// How long the run has lasted, over all processes that coordinated it.
    #[must_use]
    pub fn wall(&self) -> Duration {
        self.shared.wall()
    }

    /// Has the duration remembered.
    pub fn note_wall(&self, wall: Duration) {
        self.shared.note_wall(wall);
    }

    /// The run shall end: actors leave, then the learner.
    pub fn stop(&self) {
        self.shared.stop();
    }

    /// A local actor process has ended. Gives what has come of its place, see
    /// [`Registry::of_process`](crate::registry::Registry::of_process).
    pub fn process_ended(&self, actor: ActorId, pid: u32) -> u64 {
        self.shared.process_ended(actor, pid)
    }

    /// The learner's process on this machine has ended, as `why` says: actors and users are told,
    /// and the next one may register at once.
    pub fn learner_ended(&self, pid: u32, why: String) {
        self.shared.learner_ended(pid, why);
    }

    /// Grows whenever the learner comes further than ever before, see
    /// [`Seat::achieved`](crate::learner::Seat::achieved).
    #[must_use]
    pub fn learner_achieved(&self) -> u64 {
        self.shared.quietly(|state| state.seat.achieved())
    }

    /// Completes when the process `pid` is the learner and has been silent for longer than
    /// `patience`.
    pub async fn learner_silent(&self, pid: u32, patience: Duration) {
        let mut looks = tokio::time::interval(LOOK);
        loop {
            looks.tick().await;
            let now = self.shared.now();
            let silent = self.shared.quietly(|state| {
                let known = state.seat.learner().is_some_and(|known| known.process.pid == pid);
                known && !state.seat.is_released() && state.seat.silent(now) > patience
            });
            if silent {
                return;
            }
        }
    }

    /// Completes when the process `pid`, the actor in a place, was declared dead and does not come
    /// back.
    pub async fn actor_frozen(&self, actor: ActorId, pid: u32) {
        let mut looks = tokio::time::interval(LOOK);
        loop {
            looks.tick().await;
            let now = self.shared.now();
            if self.shared.quietly(|state| state.registry.is_frozen(actor, pid, now)) {
                return;
            }
        }
    }

    /// Whether the run is stopping.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.shared.quietly(|state| state.stopping.is_some())
    }

    /// Whether the run is stopping and nobody is left in it: no actor, and a learner that was told
    /// that it may leave, if there ever was one.
    #[must_use]
    pub fn all_have_left(&self) -> bool {
        self.shared.quietly(|state| {
            let learner_left = state.seat.learner().is_none() || state.seat.is_released();
            state.stopping.is_some() && state.registry.count() == 0 && learner_left
        })
    }

    /// Completes once the run is stopping, whoever asked for it.
    pub async fn stopping(&self) {
        let stopping = self.shared.until(|state| state.stopping.map(|_| ()));
        stopping.await;
    }

    /// Every life there has been, as far as remembered, living ones last; and the number of
    /// transitions that were acknowledged over all of them.
    #[must_use]
    pub fn lives(&self) -> (Vec<(crate::registry::Life, bool)>, u64) {
        self.shared.quietly(|state| {
            let registry = &state.registry;
            let ended = registry.ended().map(|life| (life.clone(), false));
            let alive = registry.alive().map(|life| (life.clone(), true));
            let acknowledged = registry.totals().acknowledged;
            (ended.chain(alive).collect(), acknowledged)
        })
    }
}
