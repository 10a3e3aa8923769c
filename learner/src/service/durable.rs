//! When what was stored may be acknowledged: at once, where it need only outlive processes; or once
//! the disk has it, for many chunks at a time.

use crate::error::Error;
use crate::experience::Position;
use crate::replay::Store;
use proto::tonic::Status;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use types::experiment::Durability;

/// Between two attempts to sync a log whose disk is full.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Waits for the log to be safe. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Durable {
    disk: Option<Disk>,
}

#[derive(Debug, Clone)]
struct Disk {
    wanted: Arc<Wanted>,
    /// Bytes appended that the disk has; nothing before the first sync, which is also about what
    /// another process stored.
    synced: watch::Receiver<Option<u64>>,
}

#[derive(Debug, Default)]
struct Wanted {
    ticket: AtomicU64,
    more: Notify,
}

impl Durable {
    /// As an experiment says, with what must run beside it: where the disk counts, that syncs the
    /// log until `stop`, one sync after another, for everybody who waits, and fails when the disk
    /// does. While the disk is full nothing is acknowledged.
    pub fn new(
        durability: Durability,
        store: &Arc<Store>,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = Result<(), Error>> + Send + use<>) {
        let wanted = Arc::new(Wanted::default());
        let (sender, synced) = watch::channel(None);
        let syncing =
            Syncing { store: store.clone(), wanted: wanted.clone(), synced: sender, stop };
        let (disk, syncing) = match durability {
            Durability::Process => (None, None),
            Durability::Disk => (Some(Disk { wanted, synced }), Some(syncing)),
        };
        let run = async {
            match syncing {
                Some(syncing) => syncing.run().await,
                None => Ok(()),
            }
        };
        (Self { disk }, run)
    }

    /// Waits until the first `ticket` bytes appended to the log are safe.
    ///
    /// # Errors
    /// If the learner leaves, because the disk fails or for another reason.
    pub async fn wait(&mut self, ticket: u64) -> Result<(), Status> {
        let Some(disk) = &mut self.disk else { return Ok(()) };
        disk.wanted.ticket.fetch_max(ticket, Ordering::AcqRel);
        disk.wanted.more.notify_one();
        let enough = |synced: &Option<u64>| synced.is_some_and(|synced| synced >= ticket);
        let leaving = |_| Status::unavailable("the learner is leaving");
        disk.synced.wait_for(enough).await.map(drop).map_err(leaving)
    }
}

struct Syncing {
    store: Arc<Store>,
    wanted: Arc<Wanted>,
    synced: watch::Sender<Option<u64>>,
    stop: CancellationToken,
}

impl Syncing {
    async fn run(self) -> Result<(), Error> {
        let mut from = Position { segment: self.store.log().oldest(), offset: 0 };
        loop {
            let (appended, end) = self.store.settled();
            match self.sync(from).await {
                Ok(()) => {
                    self.store.note_space();
                    from = end;
                    self.synced.send_replace(Some(appended));
                }
                Err(Error::Experience(error)) if error.is_full() => {
                    self.store.note_full(&error);
                    tokio::select! {
                        () = tokio::time::sleep(TRY_AGAIN) => continue,
                        () = self.stop.cancelled() => return Ok(()),
                    }
                }
                Err(error) => return Err(error),
            }
            while self.wanted.ticket.load(Ordering::Acquire) <= appended {
                tokio::select! {
                    () = self.wanted.more.notified() => {}
                    () = self.stop.cancelled() => return Ok(()),
                }
            }
        }
    }

    async fn sync(&self, from: Position) -> Result<(), Error> {
        let store = self.store.clone();
        let synced = tokio::task::spawn_blocking(move || store.log().sync(from)).await;
        Ok(synced.map_err(|error| Error::Crashed(error.to_string()))??)
    }
}
