//! The control plane as one value: started on a listener, talked to through a handle.

use crate::service::Service;
use crate::shared::Shared;
use proto::Credentials;
use proto::v1::control_server::ControlServer;
use proto::v1::{Evaluation, LearnerProgress, StatusReply};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use types::{ActorId, Experiment, FamilySpec};

/// How long open calls may take to end when the server closes.
const CLOSING: Duration = Duration::from_secs(2);

/// The control plane cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener is of no use.
    #[error("use the listener of the control plane: {0}")]
    Listener(#[from] std::io::Error),
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
    /// `run_dir` is only told to users.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn start(
        experiment: &Experiment,
        family: &FamilySpec,
        run_dir: String,
        listener: TcpListener,
        credentials: &Credentials,
    ) -> Result<Self, ServeError> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(experiment, family, run_dir)?);
        let service = Service { shared: Arc::clone(&shared) };
        let service = ControlServer::new(service)
            .max_decoding_message_size(proto::MAX_MESSAGE)
            .max_encoding_message_size(proto::MAX_MESSAGE);
        let closed = shared.closed.clone();
        let incoming = proto::connect::incoming(listener, credentials);
        let serving = proto::connect::server().serve_with_incoming_shutdown(
            service,
            incoming,
            closed.cancelled_owned(),
        );
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
        self.shared.status()
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

    /// Evaluations since the last call.
    #[must_use]
    pub fn take_evaluations(&self) -> Vec<Evaluation> {
        self.shared.take_evaluations()
    }

    /// The run shall end: actors leave, then the learner.
    pub fn stop(&self) {
        self.shared.stop();
    }

    /// A local actor process has ended. Gives what has come of its place, see
    /// [`Registry::process_ended`](crate::registry::Registry::process_ended).
    pub fn process_ended(&self, actor: ActorId, pid: u32) -> u64 {
        self.shared.process_ended(actor, pid)
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
            let learner_left = state.learner.is_none() || state.learner_released;
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
