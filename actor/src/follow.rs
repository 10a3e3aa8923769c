//! Weights from the learner: the newest version, whole and checked, ready to act.

use crate::Error;
use crate::agent::Agent;
use crate::inbox::Inbox;
use crate::retry::{Attempts, Peer};
use nets::AgentSpec;
use proto::WireError;
use proto::pieces::{Assembler, Weights};
use proto::tonic::Status;
use proto::v1;
use std::sync::Arc;
use tokio::sync::watch;
use types::Version;

const CALL: &str = "Follow of the learner's weights";

/// Follows the weights of one learner.
#[derive(Debug)]
pub(crate) struct Follow {
    /// The learner.
    pub(crate) learner: Peer,
    /// The networks that the weights are for.
    pub(crate) spec: AgentSpec,
    /// Where they go.
    pub(crate) inbox: Arc<Inbox>,
    /// Tells the version that is there.
    pub(crate) newest: watch::Sender<Option<Version>>,
}

/// Why a stream ended.
enum Broken {
    /// It may work the next time.
    Connection(String),
    /// It never will.
    Fatal(Error),
}

impl From<Status> for Broken {
    fn from(status: Status) -> Self {
        if proto::error::is_transient(&status) {
            return Self::Connection(status.to_string());
        }
        Self::Fatal(Error::refused(CALL, &status))
    }
}

impl From<WireError> for Broken {
    fn from(error: WireError) -> Self {
        Self::Connection(error.to_string())
    }
}

impl Follow {
    /// Follows until dropped, or until the learner has been away for too long.
    pub(crate) async fn run(self) -> Result<(), Error> {
        let mut attempts = Attempts::new(&self.learner, "weights", 1)?;
        loop {
            let before = *self.newest.borrow();
            let address = attempts.address();
            let ended = tokio::select! {
                ended = self.stream(&mut attempts, &address) => ended,
                () = self.learner.moved_from(&address) => {
                    Err(Broken::Connection("the learner has moved".to_owned()))
                }
            };
            let last = match ended {
                Ok(()) => "the learner closed the stream".to_owned(),
                Err(Broken::Connection(why)) => why,
                Err(Broken::Fatal(error)) => return Err(error),
            };
            let progress = *self.newest.borrow() > before;
            attempts.pause(progress, last).await?;
        }
    }

    async fn stream(&self, attempts: &mut Attempts, address: &str) -> Result<(), Broken> {
        let channel = self.learner.connect(address).await.map_err(Broken::Connection)?;
        let have = *self.newest.borrow();
        let request = v1::FollowRequest { have: have.map(|version| version.0) };
        let mut client = proto::connect::weights(channel);
        let mut pieces = client.follow(request).await?.into_inner();
        attempts.opened();
        let mut assembler = Assembler::after(have);
        while let Some(piece) = pieces.message().await? {
            if let Some(weights) = assembler.add(piece)? {
                self.apply(weights).await.map_err(Broken::Fatal)?;
            }
        }
        Ok(())
    }

    /// Builds the networks away from the tasks, which have heartbeats to send.
    async fn apply(&self, weights: Weights) -> Result<(), Error> {
        let spec = self.spec.clone();
        let version = weights.version;
        let build = move || Agent::load(&spec, &weights.bytes, version);
        let built = tokio::task::spawn_blocking(build).await;
        let agent = built
            .map_err(|error| Error::Thread { thread: "weights", got: error.to_string() })??;
        self.inbox.publish(agent);
        self.newest.send_replace(Some(version));
        tracing::debug!(%version, "new weights");
        Ok(())
    }
}
