//! The thread that writes checkpoints while training goes on.

use super::{Checkpoints, Parts};
use crate::error::{Error, Result};
use crate::experience::Position;
use crate::replay::Store;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two attempts on a full disk.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Segments that the log may have beyond twice what the replay needs.
const ROOM: u64 = 8;

/// One checkpoint at a time, in the background.
#[derive(Debug, Clone)]
pub struct Writer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    checkpoints: Checkpoints,
    store: Arc<Store>,
    status: Mutex<Status>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Status {
    /// To be written.
    next: Option<Box<Parts>>,
    busy: bool,
    /// The disk is full, in the system's words.
    full: Option<String>,
    /// Why none will be written any more.
    broken: Option<Error>,
    /// Updates at the newest one.
    newest: u64,
    /// The log is on the disk up to here.
    synced: Option<Position>,
}

impl Writer {
    /// Starts the thread, which ends with the last clone of the writer, and gives up waiting for
    /// space with `stop`.
    ///
    /// # Errors
    /// If no thread can be had.
    pub fn start(
        checkpoints: Checkpoints,
        store: Arc<Store>,
        newest: u64,
        stop: CancellationToken,
    ) -> Result<Self> {
        let status = Mutex::new(Status { newest, ..Status::default() });
        let shared = Arc::new(Shared { checkpoints, store, status, changed: Condvar::new() });
        let weak = Arc::downgrade(&shared);
        let work = move || {
            while let Some(shared) = weak.upgrade() {
                shared.work(&stop);
            }
        };
        std::thread::Builder::new()
            .name("checkpoints".to_owned())
            .spawn(work)
            .map_err(|error| Error::Crashed(format!("start a thread: {error}")))?;
        Ok(Self { shared })
    }

    /// Whether one is being written.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        let status = self.shared.status.lock();
        status.busy || status.next.is_some()
    }

    /// Hands a checkpoint over. One that still waits is replaced.
    pub fn write(&self, parts: Parts) {
        self.shared.status.lock().next = Some(Box::new(parts));
        self.shared.changed.notify_all();
    }

    /// Waits until everything handed over is written.
    ///
    /// # Errors
    /// Why it could not be.
    pub fn finish(&self) -> Result<()> {
        let mut status = self.shared.status.lock();
        while status.broken.is_none() && (status.busy || status.next.is_some()) {
            self.shared.changed.wait(&mut status);
        }
        status.broken.take().map_or(Ok(()), Err)
    }

    /// What went wrong for good, once.
    ///
    /// # Errors
    /// That.
    pub fn check(&self) -> Result<()> {
        self.shared.status.lock().broken.take().map_or(Ok(()), Err)
    }

    /// The disk is full, in the system's words.
    #[must_use]
    pub fn full(&self) -> Option<String> {
        self.shared.status.lock().full.clone()
    }

    /// Updates at the newest checkpoint.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.shared.status.lock().newest
    }
}

impl Shared {
    /// Writes what is handed over within the next moment, if anything is.
    fn work(&self, stop: &CancellationToken) {
        let mut status = self.status.lock();
        if status.next.is_none() {
            self.changed.wait_for(&mut status, TRY_AGAIN);
        }
        let Some(parts) = status.next.take() else { return };
        status.busy = true;
        drop(status);
        let mut result = self.write(&parts);
        while let Err(error) = &result
            && error.is_full()
            && !stop.is_cancelled()
        {
            self.wait_for_space(error);
            result = self.write(&parts);
        }
        let mut status = self.status.lock();
        status.busy = false;
        status.full = None;
        match result {
            Ok(()) => status.newest = parts.state.updates,
            Err(error) => status.broken = Some(error),
        }
        drop(status);
        self.changed.notify_all();
        self.store.notify();
    }

    fn wait_for_space(&self, error: &Error) {
        let mut status = self.status.lock();
        if status.full.is_none() {
            tracing::error!(%error, "no space for a checkpoint; training pauses until there is");
        }
        status.full = Some(error.to_string());
        self.changed.wait_for(&mut status, TRY_AGAIN);
    }

    fn write(&self, parts: &Parts) -> Result<()> {
        let store = &self.store;
        // Places in the log are worth nothing before what they point to is safe.
        let from = self.status.lock().synced;
        let from = from.unwrap_or(Position { segment: store.log().oldest(), offset: 0 });
        store.log().sync(from)?;
        self.status.lock().synced = Some(parts.replay.end);
        let needed = self.checkpoints.write(parts)?;
        store.log().remove_before(needed.min(store.oldest_segment()))?;
        tracing::info!(updates = parts.state.updates, "wrote a checkpoint");
        self.tidy()
    }

    /// The oldest segment must not be kept for the few transitions of a task that is rarely
    /// visited: they are moved to the end, and the segment goes with one of the next checkpoints.
    fn tidy(&self) -> Result<()> {
        let (store, log) = (&self.store, self.store.log());
        if log.bytes() > 2 * store.live_bytes() + ROOM * log.segment_bytes() {
            store.move_out(log.oldest() + 1)?;
        }
        Ok(())
    }
}
