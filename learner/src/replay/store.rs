//! All experience of a run: insertion from many streams at once, sampling by the trainer.

use crate::collect::Intake;
use crate::experience::{self, ChunkLayout, ChunkMeta, Event, Kind, Log, Position, Record};
use crate::replay::ledger::{Account, Admission, Ledger};
use crate::replay::ring::{Extent, Ring, RingPlaces, TaskReplay};
use crate::replay::row::RowLayout;
use crate::replay::sampler::{HostBatch, SampleSizes};
use crate::replay::staging::{Staging, StagingPlaces};
use parking_lot::{Condvar, Mutex, RwLock};
use proto::chunk::CheckedChunk;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use types::{ActorId, EnvSpec, Incarnation, Purpose, TaskRef, TrialId, Version};

/// Why a chunk that is well-formed is still not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody asked for that trial.
    #[error("trial: expected one that was asked for (there are {known}), got trial {got}")]
    UnknownTrial {
        /// Trials asked for so far; their ids are 0 to known − 1.
        known: u64,
        /// The chunk's.
        got: TrialId,
    },
    /// The trial is for another task.
    #[error("task: expected {expected} for trial {trial}, got {got}")]
    WrongTask {
        /// Which trial.
        trial: TrialId,
        /// Its task.
        expected: TaskRef,
        /// The chunk's.
        got: TaskRef,
    },
    /// The trial is an evaluation, or has fewer episodes.
    #[error("trial {trial}: expected transitions of {expected}, got episode {episode}")]
    NotCollected {
        /// Which trial.
        trial: TrialId,
        /// What may be sent of it.
        expected: String,
        /// The chunk's episode, from 0.
        episode: u32,
    },
    /// A part of the trial is missing before this one.
    #[error(
        "trial {trial}: expected transition {} of episode {} next, or the first of all, got \
         transition {} of episode {}", expected.1, expected.0, got.1, got.0
    )]
    OutOfPlace {
        /// Which trial.
        trial: TrialId,
        /// Episode and transition that would come next.
        expected: (u32, u32),
        /// The chunk's.
        got: (u32, u32),
    },
    /// The life belongs to another actor.
    #[error("actor: expected {expected} for incarnation {incarnation}, got {got}")]
    WrongActor {
        /// Whose life it is.
        expected: ActorId,
        /// Which life.
        incarnation: Incarnation,
        /// The chunk's actor.
        got: ActorId,
    },
    /// Weights that have not been published.
    #[error("{field}: expected at most {newest}, got {got}")]
    FutureVersion {
        /// Which field.
        field: &'static str,
        /// Newest published.
        newest: Version,
        /// The chunk's.
        got: Version,
    },
    /// Chunks before this one are missing.
    #[error("sequence: expected {expected}, got {got}; resend from there")]
    Gap {
        /// Next one expected.
        expected: u64,
        /// The chunk's.
        got: u64,
    },
}

/// Why a chunk is not stored.
#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    /// The chunk is wrong.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The log cannot take it.
    #[error(transparent)]
    Log(#[from] experience::Error),
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

/// What a checkpoint holds of a store: places in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What came later lies behind this.
    pub end: Position,
    accounts: Vec<(Incarnation, Account)>,
    staging: StagingPlaces,
    tasks: Vec<(RingPlaces, RingPlaces)>,
    stored: u64,
    inserted: u64,
    duplicated: u64,
    lag_sum: u64,
    newest: u64,
}

impl Snapshot {
    /// The oldest segment that is needed.
    #[must_use]
    pub fn oldest_segment(&self) -> u32 {
        let rings = self.tasks.iter().flat_map(|(all, context)| [all, context]);
        let places = rings.flat_map(|ring| &ring.places).chain(self.staging.positions());
        places.map(|place| place.segment).min().unwrap_or(u32::MAX).min(self.end.segment)
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
            full: Mutex::new(None),
            changes: Mutex::new(0),
            changed: Condvar::new(),
            settings,
        }
    }

    /// A store as it was at `snapshot` (empty without one), and then with what the log holds behind
    /// that. Gives the events among it, in order. `None` if the log has lost something that the
    /// snapshot needs.
    ///
    /// # Errors
    /// If the log cannot be opened.
    pub fn restore(
        settings: StoreSettings,
        snapshot: Option<&Snapshot>,
    ) -> Result<Option<(Self, Vec<Event>)>, experience::Error> {
        let layout = ChunkLayout::new(&settings.spec);
        let from = snapshot.map(|snapshot| snapshot.end);
        let (log, records) =
            Log::open(&settings.folder, layout.fingerprint(), settings.segment_bytes, from)?;
        let mut store = Self::empty(settings, log);
        if let Some(snapshot) = snapshot
            && store.adopt(snapshot).is_none()
        {
            return Ok(None);
        }
        let events = store.replay(records);
        Ok(Some((store, events)))
    }

    fn adopt(&mut self, snapshot: &Snapshot) -> Option<()> {
        let Self { settings, chunks, log, .. } = self;
        if snapshot.tasks.len() != settings.tasks || snapshot.end > log.end() {
            return None;
        }
        let ring = |capacity, places| Ring::restore(capacity, places, log, *chunks);
        let tasks = snapshot.tasks.iter().map(|(all, context)| {
            let transitions = ring(settings.transitions, all)?;
            Some(Mutex::new(TaskReplay { transitions, context: ring(settings.context, context)? }))
        });
        let tasks = tasks.collect::<Option<Vec<_>>>()?;
        let staging =
            Staging::restore(&snapshot.staging, |place| Extent::of(log.record(place)?, *chunks))?;
        self.tasks = tasks;
        self.staging = Mutex::new(staging);
        self.ledger = Ledger::restore(&snapshot.accounts);
        self.stored = snapshot.stored.into();
        self.inserted = snapshot.inserted.into();
        self.duplicated = snapshot.duplicated.into();
        self.lag_sum = snapshot.lag_sum.into();
        self.newest = snapshot.newest.into();
        Some(())
    }

    fn replay(&self, records: Vec<Record>) -> Vec<Event> {
        let mut events = Vec::new();
        for record in records {
            match record.kind {
                Kind::Chunk => self.replay_chunk(record),
                Kind::Moved => {}
                Kind::Event => match serde_json::from_slice(record.body()) {
                    Ok(event) => {
                        self.replay_event(&event);
                        events.push(event);
                    }
                    Err(error) => tracing::warn!(%error, "passed over an event in the log"),
                },
            }
        }
        events
    }

    fn replay_chunk(&self, record: Record) {
        let Some(extent) = Extent::of(record, self.chunks) else {
            tracing::warn!("passed over a chunk in the log that is none");
            return;
        };
        let meta = *extent.meta();
        let take = || {
            self.take(extent);
            Ok::<_, std::convert::Infallible>(())
        };
        let Ok(admission) = self.ledger.admit(meta.origin(), meta.len().into(), take);
        if !matches!(admission, Admission::Stored(_)) {
            tracing::warn!(?admission, "passed over a chunk in the log");
        }
    }

    fn replay_event(&self, event: &Event) {
        let mut staging = self.staging.lock();
        match event {
            Event::Issued { trial, .. } => staging.know(trial),
            Event::Evaluating { trials, .. } => trials.iter().for_each(|trial| staging.know(trial)),
            Event::Closed { outcome, .. } => {
                if self.settings.insertion == Insertion::AtOnce {
                    staging.close(outcome.trial);
                }
            }
            Event::Published { version } => {
                self.newest.fetch_max(version.0, Ordering::AcqRel);
            }
        }
    }

    /// Trials that the log knows need not be issued again: ids go on behind them.
    pub fn go_on_behind_known_trials(&self) {
        self.staging.lock().skip_known();
    }

    /// What a checkpoint needs. Nothing is stored meanwhile; it takes microseconds per thousand
    /// chunks.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let _alone = self.gate.write();
        let places = |task: &Mutex<TaskReplay>| {
            let task = task.lock();
            (task.transitions.places(), task.context.places())
        };
        Snapshot {
            end: self.log.end(),
            accounts: self.ledger.accounts(),
            staging: self.staging.lock().places(),
            tasks: self.tasks.iter().map(places).collect(),
            stored: self.stored(),
            inserted: self.inserted(),
            duplicated: self.duplicated(),
            lag_sum: self.lag_sum.load(Ordering::Relaxed),
            newest: self.newest().0,
        }
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
        let transitions = chunk.len() as u64;
        let admission = self.ledger.admit(chunk.origin, transitions, || self.write(chunk))?;
        match admission {
            Admission::Stored(account) => {
                let lag = chunk.policy_version.lag_behind(newest);
                self.lag_sum.fetch_add(lag * transitions, Ordering::Relaxed);
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

    /// Fills `batch` for the tasks given: `sizes.transitions` rows and `sizes.context` context
    /// rows of each task in turn, drawn from `rng`. Tasks must have both.
    pub fn sample<R: rand::Rng>(
        &self,
        tasks: &[usize],
        sizes: SampleSizes,
        rng: &mut R,
        batch: &mut HostBatch,
    ) {
        batch.clear();
        let (chunks, layout) = (self.chunks, self.settings.layout);
        for &task in tasks {
            let replay = self.tasks[task].lock();
            replay.transitions.sample(sizes.transitions, chunks, rng, |transitions, i| {
                layout.push_row(&transitions, i, &mut batch.rows);
            });
            replay.context.sample(sizes.context, chunks, rng, |transitions, i| {
                layout.push_context(&transitions, i, &mut batch.context);
            });
        }
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

    /// The oldest segment that the replay needs.
    #[must_use]
    pub fn oldest_segment(&self) -> u32 {
        let _alone = self.gate.write();
        let rings = self.tasks.iter().flat_map(|task| {
            let task = task.lock();
            [task.transitions.oldest_segment(), task.context.oldest_segment()]
        });
        let oldest = rings.chain([self.staging.lock().oldest_segment()]).flatten().min();
        oldest.unwrap_or(u32::MAX).min(self.log.end().segment)
    }

    /// Copies what the replay still needs of the segments before number `segment` to the end of the
    /// log, so that they can go: a task that is rarely visited must not keep everything.
    ///
    /// # Errors
    /// If the log cannot take it; the rest stays where it is.
    pub fn move_out(&self, segment: u32) -> Result<(), experience::Error> {
        let _shared = self.gate.read();
        for task in &self.tasks {
            let mut task = task.lock();
            let TaskReplay { transitions, context } = &mut *task;
            let mut moved = BTreeMap::new();
            for ring in [transitions, context] {
                ring.move_out(segment, |record| match moved.entry(record.position()) {
                    Entry::Occupied(copy) => Ok::<_, experience::Error>(Record::clone(copy.get())),
                    Entry::Vacant(place) => Ok(place.insert(self.log.copy(record)?).clone()),
                })?;
            }
        }
        Ok(())
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

    /// Bytes that the replay needs of the log.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        let stride = 4 * self.chunks.stride() as u64;
        let held = |task: &Mutex<TaskReplay>| {
            let task = task.lock();
            task.transitions.len() + task.context.len()
        };
        self.tasks.iter().map(|task| held(task) * stride).sum()
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
