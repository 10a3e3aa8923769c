//! All experience of a run: insertion from many streams at once, sampling by the trainer.

mod restore;

pub use restore::Snapshot;

use crate::collect::Intake;
use crate::experience::{self, ChunkLayout, ChunkMeta, Event, Kind, Log, Position};
use crate::replay::contexts::{ContextDraw, HostContexts, Part};
use crate::replay::labels::{Labels, Unlabelled};
use crate::replay::ledger::{Account, Admission, Ledger};
use crate::replay::refusal::{InsertError, Refusal};
use crate::replay::ring::{Extent, Ring, TaskReplay};
use crate::replay::row::RowLayout;
use crate::replay::sampler::{HostBatch, SampleSizes};
use crate::replay::staging::Staging;
use crate::replay::window::WindowShape;
use parking_lot::{Condvar, Mutex, RwLock};
use proto::chunk::CheckedChunk;
use rand::RngExt as _;
use runtime::metrics::Histogram;
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use types::{EnvSpec, Incarnation, Purpose, TaskRef, TrialId, Version};

/// Buckets for the lag, in versions.
const LAGS: [f64; 10] = [0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];

/// Draws in a row that may fail before nothing is expected any more.
const MOST_TRIES: u32 = 100_000;

/// There are no transitions to draw from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "draw contexts: expected transitions in the {part:?} part of the replay, got none in {tries} draws"
)]
pub struct NothingToDraw {
    /// Where.
    pub part: Part,
    /// How often in a row nothing was found.
    pub tries: u32,
}

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// What is now stored of its sender.
    pub account: Account,
    /// Whether it had been stored before.
    pub duplicate: bool,
}

/// When a complete trial enters the replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    /// As soon as it is complete.
    AtOnce,
    /// When the trainer says so.
    InTurn,
}

/// What a store is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// Where the log lies.
    pub folder: PathBuf,
    /// Bytes of a segment of the log.
    pub segment_bytes: usize,
    /// Shapes of the environment.
    pub spec: EnvSpec,
    /// Columns of the rows.
    pub layout: RowLayout,
    /// Training tasks.
    pub tasks: usize,
    /// Transitions kept per task.
    pub transitions: usize,
    /// Context transitions kept per task.
    pub context: usize,
    /// When trials enter.
    pub insertion: Insertion,
}

impl StoreSettings {
    /// Checks that chunks of up to `transitions` fit into a segment.
    ///
    /// # Errors
    /// [`experience::Error::TooLarge`].
    pub fn check_chunk(&self, transitions: usize) -> Result<(), experience::Error> {
        let record = Log::record_bytes(ChunkLayout::new(&self.spec).body(transitions));
        if record <= self.segment_bytes {
            return Ok(());
        }
        Err(experience::Error::TooLarge { record, segment: self.segment_bytes })
    }
}

/// Experience of all training tasks.
#[derive(Debug)]
pub struct Store {
    settings: StoreSettings,
    chunks: ChunkLayout,
    log: Log,
    /// Held for reading while something is stored, for writing while a snapshot is taken.
    gate: RwLock<()>,
    tasks: Vec<Mutex<TaskReplay>>,
    ledger: Ledger,
    staging: Mutex<Staging>,
    newest: AtomicU64,
    stored: AtomicU64,
    inserted: AtomicU64,
    duplicated: AtomicU64,
    lag_sum: AtomicU64,
    /// Lag of what this process has stored.
    lag: Histogram,
    /// The disk of the log is full, in the system's words.
    full: Mutex<Option<String>>,
    changes: Mutex<u64>,
    changed: Condvar,
}

impl Store {
    /// An empty store with a log of its own.
    ///
    /// # Errors
    /// If the log cannot be made.
    pub fn create(settings: StoreSettings) -> Result<Self, experience::Error> {
        let chunks = ChunkLayout::new(&settings.spec);
        let log = Log::create(&settings.folder, chunks.fingerprint(), settings.segment_bytes)?;
        Ok(Self::empty(settings, log))
    }

    fn empty(settings: StoreSettings, log: Log) -> Self {
        let task = || {
            Mutex::new(TaskReplay {
                transitions: Ring::new(settings.transitions),
                context: Ring::new(settings.context),
                labels: Labels::default(),
            })
        };
        Self {
            chunks: ChunkLayout::new(&settings.spec),
            log,
            gate: RwLock::new(()),
            tasks: (0..settings.tasks).map(|_| task()).collect(),
            ledger: Ledger::default(),
            staging: Mutex::default(),
            newest: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            inserted: AtomicU64::new(0),
            duplicated: AtomicU64::new(0),
            lag_sum: AtomicU64::new(0),
            lag: Histogram::new(&LAGS),
            full: Mutex::new(None),
            changes: Mutex::new(0),
            changed: Condvar::new(),
            settings,
        }
    }

    /// Trials that the log knows need not be issued again: ids go on behind them.
    pub fn go_on_behind_known_trials(&self) {
        self.staging.lock().skip_known();
    }

    /// Bytes appended to the log and where it ends, at a moment when all of it is written.
    #[must_use]
    pub fn settled(&self) -> (u64, Position) {
        let _alone = self.gate.write();
        (self.log.appended(), self.log.end())
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Writes down what happens.
    ///
    /// # Errors
    /// If the log cannot take it.
    pub fn note(&self, event: &Event) -> Result<(), experience::Error> {
        let _shared = self.gate.read();
        let json = serde_json::to_vec(event).map_err(|error| experience::Error::File {
            action: "write an event to",
            path: self.settings.folder.clone(),
            source: error.into(),
        })?;
        self.log.append(Kind::Event, json.len(), |body| body.copy_from_slice(&json)).map(drop)
    }

    /// Shapes of the environment.
    #[must_use]
    pub fn spec(&self) -> &EnvSpec {
        &self.settings.spec
    }

    /// Columns of the rows.
    #[must_use]
    pub fn layout(&self) -> RowLayout {
        self.settings.layout
    }

    /// Notes that `version` has been published.
    pub fn published(&self, version: Version) {
        self.newest.fetch_max(version.0, Ordering::AcqRel);
    }

    /// Newest version ever published.
    #[must_use]
    pub fn newest(&self) -> Version {
        Version(self.newest.load(Ordering::Acquire))
    }

    /// Stores a chunk unless it is stored already.
    ///
    /// # Errors
    /// [`InsertError`]; nothing of the chunk is stored then.
    pub fn insert(&self, chunk: &CheckedChunk) -> Result<Stored, InsertError> {
        let _shared = self.gate.read();
        let newest = self.check_versions(chunk)?;
        self.check_tasks_in_force(chunk)?;
        let transitions = chunk.len() as u64;
        let admission = self.ledger.admit(chunk.origin, transitions, || self.write(chunk))?;
        match admission {
            Admission::Stored(account) => {
                let lag = chunk.policy_version.lag_behind(newest);
                self.lag_sum.fetch_add(lag * transitions, Ordering::Relaxed);
                self.lag.observe(lag as f64, u32::try_from(transitions).unwrap_or(u32::MAX));
                self.notify();
                Ok(Stored { account, duplicate: false })
            }
            Admission::Duplicate(account) => {
                self.duplicated.fetch_add(transitions, Ordering::AcqRel);
                Ok(Stored { account, duplicate: true })
            }
            Admission::WrongActor { expected } => Err(InsertError::Refused(Refusal::WrongActor {
                expected,
                incarnation: chunk.origin.incarnation,
                got: chunk.origin.actor,
            })),
            Admission::Gap { expected } => {
                let (expected, got) = (expected.0, chunk.origin.sequence.0);
                Err(InsertError::Refused(Refusal::Gap { expected, got }))
            }
        }
    }

    fn check_tasks_in_force(&self, chunk: &CheckedChunk) -> Result<(), Refusal> {
        let tasks = self.settings.tasks;
        for (transition, task) in chunk.tasks_in_force().enumerate() {
            if task as usize >= tasks {
                return Err(Refusal::NoSuchTask { transition, last: tasks - 1, got: task });
            }
        }
        Ok(())
    }

    fn check_versions(&self, chunk: &CheckedChunk) -> Result<Version, Refusal> {
        let newest = self.newest();
        let versions =
            [("policy_version", chunk.policy_version), ("encoder_version", chunk.encoder_version)];
        match versions.into_iter().find(|(_, version)| *version > newest) {
            Some((field, got)) => Err(Refusal::FutureVersion { field, newest, got }),
            None => Ok(newest),
        }
    }

    /// The account of the sender is locked: nobody else adds to the same attempt.
    fn write(&self, chunk: &CheckedChunk) -> Result<(), InsertError> {
        self.staging.lock().check(chunk, self.tasks.len())?;
        let meta = ChunkMeta::of(chunk);
        let layout = self.chunks;
        let record = self.log.append(Kind::Chunk, layout.body(chunk.len()), |body| {
            layout.write(&meta, chunk, body);
        })?;
        self.take(Extent::new(record, meta));
        Ok(())
    }

    fn take(&self, extent: Extent) {
        let trial = extent.meta().trial();
        self.stored.fetch_add(extent.len(), Ordering::AcqRel);
        let complete = self.staging.lock().take(extent);
        if complete && self.settings.insertion == Insertion::AtOnce {
            self.insert_trial(trial);
        }
    }

    /// Moves a complete trial into the replay; nothing happens to one that is not.
    pub fn insert_trial(&self, trial: TrialId) {
        let extents = self.staging.lock().complete(trial);
        let Some(first) = extents.first() else { return };
        let mut task = self.tasks[first.meta().task().index as usize].lock();
        let mut transitions = 0;
        for extent in extents {
            transitions += extent.len();
            if extent.meta().context() {
                task.context.push(extent.clone());
            }
            task.transitions.push(extent);
        }
        drop(task);
        self.inserted.fetch_add(transitions, Ordering::AcqRel);
    }

    /// Whether all of a trial is here.
    #[must_use]
    pub fn is_complete(&self, trial: TrialId) -> bool {
        self.staging.lock().is_complete(trial)
    }

    /// A trial is over: what came of it and was not inserted never will be.
    pub fn close(&self, trial: TrialId) {
        self.staging.lock().close(trial);
    }

    /// Fills `batch` for the tasks given: `sizes.transitions` rows of each task in turn and what the
    /// task is inferred from, drawn from `rng`. Tasks must have both.
    pub fn sample<R: rand::Rng>(
        &self,
        tasks: &[usize],
        sizes: SampleSizes,
        rng: &mut R,
        batch: &mut HostBatch,
    ) {
        batch.clear();
        let layouts = (self.chunks, &self.settings.layout);
        for &task in tasks {
            batch.draw(&self.tasks[task].lock(), layouts, sizes, rng);
        }
    }

    /// Adds `count` rows of transitions of any task to `rows`.
    pub fn sample_rows<R: rand::Rng>(&self, count: usize, rng: &mut R, rows: &mut Vec<f32>) {
        let layout = self.settings.layout;
        for _ in 0..count {
            let task = self.tasks[rng.random_range(0..self.tasks.len())].lock();
            task.transitions.sample(1, self.chunks, rng, |transitions, i| {
                layout.push_row(&transitions, i, rows);
            });
        }
    }

    /// Fills `contexts` with `draw.batch` of them, each of a task drawn from all.
    ///
    /// # Errors
    /// [`NothingToDraw`] if there are none in this part of the experience.
    pub fn sample_contexts<R: rand::Rng>(
        &self,
        draw: &ContextDraw,
        part: Part,
        rng: &mut R,
        contexts: &mut HostContexts,
    ) -> Result<(), NothingToDraw> {
        contexts.clear();
        let layouts = (self.chunks, &self.settings.layout);
        let mut tries = 0;
        while contexts.tasks.len() < draw.batch {
            let task = rng.random_range(0..self.tasks.len());
            let replay = self.tasks[task].lock();
            let task = u32::try_from(task).unwrap_or(u32::MAX);
            let drawn = contexts.draw((task, &replay.transitions), layouts, draw, part, rng);
            tries = if drawn { 0 } else { tries + 1 };
            if tries > MOST_TRIES {
                return Err(NothingToDraw { part, tries });
            }
        }
        Ok(())
    }

    /// Fills `contexts` with `draw.batch` of one task.
    ///
    /// # Errors
    /// [`NothingToDraw`] if it has no experience.
    pub fn sample_contexts_of<R: rand::Rng>(
        &self,
        task: u32,
        draw: &ContextDraw,
        rng: &mut R,
        contexts: &mut HostContexts,
    ) -> Result<(), NothingToDraw> {
        contexts.clear();
        let layouts = (self.chunks, &self.settings.layout);
        let part = Part::Whole;
        let nothing = NothingToDraw { part, tries: 1 };
        let replay = self.tasks.get(task as usize).ok_or(nothing)?.lock();
        while contexts.tasks.len() < draw.batch {
            if !contexts.draw((task, &replay.transitions), layouts, draw, part, rng) {
                return Err(nothing);
            }
        }
        Ok(())
    }

    /// Training tasks.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.tasks.len()
    }

    /// Forgets all labels.
    pub fn forget_labels(&self) {
        self.tasks.iter().for_each(|task| task.lock().labels.clear());
    }

    /// Fills `unlabelled` with the windows of the next transitions of a task that have no labels,
    /// `most` transitions at most; gives the number of the first, or `None` if all have labels.
    pub fn unlabelled(
        &self,
        task: usize,
        shape: WindowShape,
        most: u64,
        unlabelled: &mut Unlabelled,
    ) -> Option<u64> {
        let mut replay = self.tasks[task].lock();
        let held = replay.transitions.numbers();
        replay.labels.drop_before(held.start);
        let labelled = replay.labels.range();
        let first = if labelled.is_empty() { held.start } else { labelled.end.max(held.start) };
        let until = held.end.min(first + most);
        if first >= until {
            return None;
        }
        let layouts = (self.chunks, &self.settings.layout);
        unlabelled.gather(&replay.transitions, layouts, shape, first..until);
        Some(first)
    }

    /// Adds labels `[transitions, 2, width]` of the transitions of a task from `first` on.
    pub fn label(&self, task: usize, first: u64, width: usize, labels: &[f32]) {
        self.tasks[task].lock().labels.extend(first, width, labels);
    }

    /// SHA-256 over all rows of all tasks, oldest first, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut row = Vec::new();
        for task in &self.tasks {
            let task = task.lock();
            for ring in [&task.transitions, &task.context] {
                hash.update(ring.len().to_le_bytes());
                ring.each(self.chunks, |transitions, i| {
                    row.clear();
                    self.settings.layout.push_row(&transitions, i, &mut row);
                    hash.update(bytemuck::cast_slice::<f32, u8>(&row));
                });
            }
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The log cannot take anything; said once.
    pub fn note_full(&self, error: &experience::Error) {
        let mut full = self.full.lock();
        if full.is_none() {
            tracing::error!(%error, "no space for experience; actors wait until there is");
        }
        *full = Some(error.to_string());
    }

    /// The log takes things again.
    pub fn note_space(&self) {
        if self.full.lock().take().is_some() {
            tracing::info!("there is space for experience again");
        }
    }

    /// Why the log cannot take anything, if so.
    #[must_use]
    pub fn full(&self) -> Option<String> {
        self.full.lock().clone()
    }

    /// Whether no trial was issued yet.
    #[must_use]
    pub fn has_issued_none(&self) -> bool {
        self.staging.lock().has_issued_none()
    }

    /// Whether a training task has context.
    #[must_use]
    pub fn has_context(&self, task: TaskRef) -> bool {
        self.tasks.get(task.index as usize).is_some_and(|task| !task.lock().context.is_empty())
    }

    /// Whether every task has transitions and context.
    #[must_use]
    pub fn every_task_has_context(&self) -> bool {
        self.tasks.iter().all(|task| !task.lock().context.is_empty())
    }

    /// Transitions in the log, each counted once.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.stored.load(Ordering::Acquire)
    }

    /// Transitions that came again and were dropped.
    #[must_use]
    pub fn duplicated(&self) -> u64 {
        self.duplicated.load(Ordering::Acquire)
    }

    /// Transitions in the log that will never be in the replay: second attempts at a trial, and
    /// trials that failed.
    #[must_use]
    pub fn discarded(&self) -> u64 {
        self.staging.lock().discarded()
    }

    /// Transitions of trials that are not decided.
    #[must_use]
    pub fn staged(&self) -> u64 {
        self.staging.lock().staged()
    }

    /// Transitions that ever entered the rings: counted where they are written, apart from
    /// [`Store::inserted`].
    #[must_use]
    pub fn written(&self) -> u64 {
        self.tasks.iter().map(|task| task.lock().transitions.inserted()).sum()
    }

    /// Versions that the policy was behind when its transitions were stored, each transition
    /// counted, since this process began.
    #[must_use]
    pub fn lag(&self) -> &Histogram {
        &self.lag
    }

    /// Versions behind the newest, averaged over the transitions stored.
    #[must_use]
    pub fn mean_lag(&self) -> f64 {
        let sum = self.lag_sum.load(Ordering::Relaxed) as f64;
        sum / (self.stored() as f64).max(1.0)
    }

    /// What is stored of each actor life.
    #[must_use]
    pub fn accounts(&self) -> Vec<(Incarnation, Account)> {
        self.ledger.accounts()
    }

    /// Wakes whoever waits in [`Store::wait`].
    pub fn notify(&self) {
        *self.changes.lock() += 1;
        self.changed.notify_all();
    }

    /// A mark for [`Store::wait`].
    #[must_use]
    pub fn mark(&self) -> u64 {
        *self.changes.lock()
    }

    /// Waits until something has changed since `mark`, at most for `timeout`.
    pub fn wait(&self, mark: u64, timeout: Duration) {
        let mut changes = self.changes.lock();
        if *changes == mark {
            self.changed.wait_for(&mut changes, timeout);
        }
    }
}

impl Intake for Store {
    fn expect_trial(&self, task: TaskRef, purpose: Purpose, episodes: u32) -> TrialId {
        self.staging.lock().issue(task, purpose, episodes)
    }

    fn inserted(&self) -> u64 {
        self.inserted.load(Ordering::Acquire)
    }

    fn has_inserted(&self, trial: TrialId) -> bool {
        self.staging.lock().is_inserted(trial)
    }
}
