//! The coordinator's memory on disk: what it has decided and cannot find out again.
//!
//! An append-only file of checksummed records, begun by a snapshot and replaced by a new snapshot
//! when it has grown. One thread writes; whatever has come in since its last write goes out in one.
//! An answer that others rely on is given once its records are written (`kill -9` does not undo a
//! write), those that must outlive the machine once they are on disk. Everything else is on disk a
//! second later. What cannot be written is kept and tried again: a full disk loses nothing.

mod file;
pub mod record;

pub use record::{Entry, Snapshot};

use file::{Batch, JournalFile};
use parking_lot::{Condvar, Mutex};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use types::experiment::Durability;

/// Name of the file in the run directory.
pub const FILE: &str = "control.journal";
/// A file that has grown by less is not worth a new snapshot.
const WORTH_A_SNAPSHOT: usize = 4 << 20;
/// And by less than this many snapshots.
const SNAPSHOTS: usize = 3;
/// Between two attempts to write when the last one failed.
const RETRY: Duration = Duration::from_millis(250);
/// What is written is on disk so much later at the latest.
const SYNC: Duration = Duration::from_secs(1);

/// A journal that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error("{}: expected a journal that can be read and written: {source}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The first record is not what it should be.
    #[error("{}: expected a journal that begins with a snapshot, got {got}", path.display())]
    Content {
        /// Its path.
        path: PathBuf,
        /// What is there.
        got: String,
    },
    /// The writing thread cannot be started.
    #[error("start the journal's thread: {0}")]
    Thread(io::Error),
}

/// What a journal on disk says.
#[derive(Debug)]
pub struct Loaded {
    /// The snapshot and what came after it.
    pub entries: Vec<Entry>,
    /// Bytes behind the last good record: a write that was cut short, or damage.
    pub lost: u64,
}

/// Reads the journal of a run.
///
/// # Errors
/// [`Error`] if there is none, or it does not begin as it should.
pub fn load(path: &Path) -> Result<Loaded, Error> {
    let read = std::fs::read(path);
    let bytes = read.map_err(|source| Error::File { path: path.to_owned(), source })?;
    let (entries, good) = record::read(&bytes);
    if !matches!(entries.first(), Some(Entry::Snapshot(_))) {
        let got = format!("{} bytes with {} good records", bytes.len(), entries.len());
        return Err(Error::Content { path: path.to_owned(), got });
    }
    Ok(Loaded { entries, lost: (bytes.len() - good) as u64 })
}

/// The process that was the learner at the end of `entries`.
#[must_use]
pub fn last_learner(entries: &[Entry]) -> Option<u32> {
    entries.iter().rev().find_map(|entry| match entry {
        Entry::Seated(learner) => Some(Some(learner.pid)),
        Entry::Unseated(_) => Some(None),
        Entry::Snapshot(all) => Some(all.learner.as_ref().map(|learner| learner.pid)),
        _ => None,
    })?
}

/// An open journal. Dropping it writes out what is left, if that is possible.
#[derive(Debug)]
pub struct Journal {
    inner: Arc<Inner>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Inner {
    queue: Mutex<Queue>,
    work: Condvar,
    written: watch::Sender<u64>,
    trouble: watch::Sender<Option<String>>,
}

#[derive(Debug, Default)]
struct Queue {
    batch: Batch,
    /// Number of the newest change.
    newest: u64,
    /// Bytes since the last snapshot, and the size of that.
    grown: usize,
    snapshot_size: usize,
    closed: bool,
}

impl Journal {
    /// Replaces the journal at `path`, if there is one, by one that begins with `snapshot`.
    ///
    /// # Errors
    /// [`Error`] if that cannot be written.
    pub fn start(path: &Path, snapshot: Snapshot, durability: Durability) -> Result<Self, Error> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        let mut batch = Batch::default();
        let snapshot_size = batch.replace(snapshot);
        let mut file = JournalFile::new(path);
        file.write(&batch).map_err(failed)?;
        let inner = Arc::new(Inner {
            queue: Mutex::new(Queue { snapshot_size, ..Queue::default() }),
            work: Condvar::new(),
            written: watch::Sender::new(0),
            trouble: watch::Sender::new(None),
        });
        let writing = Arc::clone(&inner);
        let writer = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writing.write(file, durability))
            .map_err(Error::Thread)?;
        Ok(Self { inner, writer: Some(writer) })
    }

    /// Takes in what has been decided, in order; `snapshot` is what it all has come to, should it
    /// be time for that. Gives the number to wait for.
    pub fn append(&self, entries: Vec<Entry>, snapshot: impl FnOnce() -> Snapshot) -> u64 {
        let held_up = self.inner.trouble.borrow().is_some();
        let entries = entries.into_iter().filter(|entry| !held_up || !entry.is_replaceable());
        let mut queue = self.inner.queue.lock();
        let before = queue.batch.len();
        for entry in entries {
            queue.batch.add(entry);
        }
        let added = queue.batch.len() - before;
        if added == 0 {
            return queue.newest;
        }
        queue.newest += 1;
        queue.grown += added;
        if queue.grown > WORTH_A_SNAPSHOT.max(SNAPSHOTS * queue.snapshot_size) {
            queue.snapshot_size = queue.batch.replace(snapshot());
            queue.grown = 0;
        }
        self.inner.work.notify_all();
        queue.newest
    }

    /// Completes once everything up to `number` is written.
    pub async fn written(&self, number: u64) {
        let mut written = self.inner.written.subscribe();
        if written.wait_for(|written| *written >= number).await.is_err() {
            // Not while this exists: it owns the sender.
            std::future::pending().await
        }
    }

    /// Why nothing can be written at the moment.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.inner.trouble.borrow().clone()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.inner.queue.lock().closed = true;
        self.inner.work.notify_all();
        if self.writer.take().is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the journal's thread has panicked");
        }
    }
}

impl Inner {
    fn write(&self, mut file: JournalFile, durability: Durability) {
        let mut unsynced = false;
        loop {
            let (mut batch, number, closed) = self.take(unsynced);
            batch.sync |= durability == Durability::Disk || closed || batch.is_empty();
            if self.persist(&mut file, &batch).is_break() {
                return;
            }
            unsynced = !batch.sync;
            self.written.send_replace(number);
            if closed {
                return;
            }
        }
    }

    /// What has come in since the last time; nothing if it is time to have all of it on disk.
    fn take(&self, unsynced: bool) -> (Batch, u64, bool) {
        let mut queue = self.queue.lock();
        while queue.batch.is_empty() && !queue.closed {
            if !unsynced {
                self.work.wait(&mut queue);
            } else if self.work.wait_for(&mut queue, SYNC).timed_out() {
                break;
            }
        }
        (std::mem::take(&mut queue.batch), queue.newest, queue.closed)
    }

    /// Writes until it works, or until the journal is closed and it does not.
    fn persist(&self, file: &mut JournalFile, batch: &Batch) -> std::ops::ControlFlow<()> {
        while let Err(error) = file.write(batch) {
            let why = format!("{}: {error}", file.path().display());
            if self.trouble.send_replace(Some(why)).is_none() {
                tracing::error!(
                    path = %file.path().display(), %error,
                    "the journal cannot be written; the run waits until it can"
                );
            }
            let mut queue = self.queue.lock();
            if queue.closed {
                tracing::error!("the journal is closed with changes that could not be written");
                return std::ops::ControlFlow::Break(());
            }
            self.work.wait_for(&mut queue, RETRY);
        }
        if self.trouble.send_replace(None).is_some() {
            tracing::info!(path = %file.path().display(), "the journal can be written again");
        }
        std::ops::ControlFlow::Continue(())
    }
}
