//! When what was stored may be acknowledged: at once, where it need only outlive processes; or once
//! the disk has it, for many chunks at a time.

use crate::experience::Position;
use crate::replay::Store;
use proto::tonic::Status;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use types::experiment::Durability;

/// Waits for the log to be safe. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Durable {
    disk: Option<Disk>,
}

#[derive(Debug, Clone)]
struct Disk {
    wanted: Arc<Wanted>,
    /// Bytes appended that the disk has; the log's own error where it failed.
    synced: watch::Receiver<Result<u64, String>>,
}

#[derive(Debug, Default)]
struct Wanted {
    ticket: AtomicU64,
    more: Notify,
}

impl Durable {
    /// As an experiment says. Where the disk counts, a task syncs the log until `stop`, one
    /// sync after another, for everybody who waits.
    #[must_use]
    pub fn start(durability: Durability, store: &Arc<Store>, stop: CancellationToken) -> Self {
        if durability == Durability::Process {
            return Self { disk: None };
        }
        let wanted = Arc::new(Wanted::default());
        let (sender, synced) = watch::channel(Ok(0));
        tokio::spawn(sync(store.clone(), wanted.clone(), sender, stop));
        Self { disk: Some(Disk { wanted, synced }) }
    }

    /// Waits until the first `ticket` bytes appended to the log are safe.
    ///
    /// # Errors
    /// If the disk fails, or the learner leaves.
    pub async fn wait(&mut self, ticket: u64) -> Result<(), Status> {
        let Some(disk) = &mut self.disk else { return Ok(()) };
        disk.wanted.ticket.fetch_max(ticket, Ordering::AcqRel);
        disk.wanted.more.notify_one();
        let enough = |synced: &Result<u64, String>| synced.as_ref().map_or(true, |s| *s >= ticket);
        let leaving = |_| Status::unavailable("the learner is leaving");
        let synced = disk.synced.wait_for(enough).await.map_err(leaving)?;
        match &*synced {
            Ok(_) => Ok(()),
            Err(why) => Err(Status::internal(why.clone())),
        }
    }
}

async fn sync(
    store: Arc<Store>,
    wanted: Arc<Wanted>,
    synced: watch::Sender<Result<u64, String>>,
    stop: CancellationToken,
) {
    let mut from = Position { segment: store.log().oldest(), offset: 0 };
    let mut done = 0;
    loop {
        while wanted.ticket.load(Ordering::Acquire) <= done {
            tokio::select! {
                () = wanted.more.notified() => {}
                () = stop.cancelled() => return,
            }
        }
        let (appended, end) = store.settled();
        let log = store.clone();
        let result = tokio::task::spawn_blocking(move || log.log().sync(from)).await;
        let result = match result {
            Ok(Ok(())) => {
                from = end;
                done = appended;
                Ok(appended)
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let failed = result.is_err();
        drop(synced.send_replace(result));
        if failed {
            return;
        }
    }
}
