//! All experience of a run: insertion from many streams at once, sampling by the trainer.

use crate::collect::Intake;
use crate::replay::ledger::{Account, Admission, Ledger};
use crate::replay::row::RowLayout;
use crate::replay::sampler::{HostBatch, SampleSizes};
use crate::replay::task::{Ring, TaskReplay};
use parking_lot::{Condvar, Mutex, RwLock};
use proto::chunk::CheckedChunk;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use types::{ActorId, EnvSpec, Incarnation, Purpose, Split, TaskRef, TrialId, Version};

/// Why a chunk that is well-formed is still not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody asked for that trial.
    #[error("trial: expected one that was asked for (there are {known}), got trial {got}")]
    UnknownTrial {
        /// Trials asked for so far; their ids are 0 to known − 1.
        known: usize,
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

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// What is now stored of its sender.
    pub account: Account,
    /// Whether it had been stored before.
    pub duplicate: bool,
}

/// Experience of all training tasks.
#[derive(Debug)]
pub struct Store {
    spec: EnvSpec,
    layout: RowLayout,
    tasks: Vec<Mutex<TaskReplay>>,
    ledger: Ledger,
    /// The trials asked for, by id.
    trials: RwLock<Vec<Expected>>,
    newest: AtomicU64,
    inserted: AtomicU64,
    duplicated: AtomicU64,
    lag_sum: AtomicU64,
    changes: Mutex<u64>,
    changed: Condvar,
}

/// A trial that was asked for.
#[derive(Debug)]
struct Expected {
    task: TaskRef,
    purpose: Purpose,
    episodes: u32,
    stored: AtomicU64,
}

/// Sizes of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreSizes {
    /// Training tasks.
    pub tasks: usize,
    /// Transitions kept per task.
    pub transitions: usize,
    /// Context transitions kept per task.
    pub context: usize,
}

impl Store {
    /// An empty store.
    #[must_use]
    pub fn new(spec: EnvSpec, layout: RowLayout, sizes: StoreSizes) -> Self {
        let task = || {
            Mutex::new(TaskReplay {
                transitions: Ring::new(layout.width(), sizes.transitions),
                context: Ring::new(layout.context_width(), sizes.context),
            })
        };
        Self {
            spec,
            layout,
            tasks: (0..sizes.tasks).map(|_| task()).collect(),
            ledger: Ledger::default(),
            trials: RwLock::default(),
            newest: AtomicU64::new(0),
            inserted: AtomicU64::new(0),
            duplicated: AtomicU64::new(0),
            lag_sum: AtomicU64::new(0),
            changes: Mutex::new(0),
            changed: Condvar::new(),
        }
    }

    /// Shapes of the environment.
    #[must_use]
    pub fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    /// Columns of the rows.
    #[must_use]
    pub fn layout(&self) -> RowLayout {
        self.layout
    }

    /// Notes that `version` has been published.
    pub fn published(&self, version: Version) {
        self.newest.fetch_max(version.0, Ordering::AcqRel);
    }

    /// Stores a chunk unless it is stored already.
    ///
    /// # Errors
    /// [`Refusal`]; nothing of the chunk is stored then.
    pub fn insert(&self, chunk: &CheckedChunk) -> Result<Stored, Refusal> {
        let task = self.training_task(chunk)?;
        let newest = self.check_versions(chunk)?;
        let transitions = chunk.len() as u64;
        let admission = self.ledger.admit(chunk.origin, transitions, || self.write(task, chunk));
        match admission {
            Admission::Stored(account) => {
                self.count(chunk, transitions);
                let lag = chunk.policy_version.lag_behind(newest);
                self.lag_sum.fetch_add(lag * transitions, Ordering::Relaxed);
                self.notify();
                Ok(Stored { account, duplicate: false })
            }
            Admission::Duplicate(account) => {
                self.duplicated.fetch_add(transitions, Ordering::AcqRel);
                Ok(Stored { account, duplicate: true })
            }
            Admission::WrongActor { expected } => Err(Refusal::WrongActor {
                expected,
                incarnation: chunk.origin.incarnation,
                got: chunk.origin.actor,
            }),
            Admission::Gap { expected } => {
                Err(Refusal::Gap { expected: expected.0, got: chunk.origin.sequence.0 })
            }
        }
    }

    fn training_task(&self, chunk: &CheckedChunk) -> Result<usize, Refusal> {
        let trials = self.trials.read();
        let Some(trial) = usize::try_from(chunk.trial.0).ok().and_then(|id| trials.get(id)) else {
            return Err(Refusal::UnknownTrial { known: trials.len(), got: chunk.trial });
        };
        let (expected, got) = (trial.task, chunk.task);
        if got != expected {
            return Err(Refusal::WrongTask { trial: chunk.trial, expected, got });
        }
        let index = expected.index as usize;
        let collected = trial.purpose == Purpose::Train && chunk.episode < trial.episodes;
        if collected && expected.split == Split::Train && index < self.tasks.len() {
            return Ok(index);
        }
        let expected = match trial.purpose {
            Purpose::Train => format!("episodes 0 to {} of a training task", trial.episodes - 1),
            Purpose::Evaluate => "no episode, as it is an evaluation".to_owned(),
        };
        Err(Refusal::NotCollected { trial: chunk.trial, expected, episode: chunk.episode })
    }

    fn check_versions(&self, chunk: &CheckedChunk) -> Result<Version, Refusal> {
        let newest = Version(self.newest.load(Ordering::Acquire));
        let versions =
            [("policy_version", chunk.policy_version), ("encoder_version", chunk.encoder_version)];
        match versions.into_iter().find(|(_, version)| *version > newest) {
            Some((field, got)) => Err(Refusal::FutureVersion { field, newest, got }),
            None => Ok(newest),
        }
    }

    fn count(&self, chunk: &CheckedChunk, transitions: u64) {
        let trials = self.trials.read();
        if let Some(trial) = usize::try_from(chunk.trial.0).ok().and_then(|id| trials.get(id)) {
            trial.stored.fetch_add(transitions, Ordering::AcqRel);
        }
        self.inserted.fetch_add(transitions, Ordering::AcqRel);
    }

    fn write(&self, task: usize, chunk: &CheckedChunk) {
        let mut replay = self.tasks[task].lock();
        let context_width = self.layout.context_width();
        let TaskReplay { transitions, context } = &mut *replay;
        for i in 0..chunk.len() {
            let row = transitions.slot();
            self.layout.write(chunk, i, row);
            if chunk.context {
                context.slot().copy_from_slice(&row[..context_width]);
            }
        }
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
        for &task in tasks {
            let replay = self.tasks[task].lock();
            replay.transitions.sample(sizes.transitions, rng, &mut batch.rows);
            replay.context.sample(sizes.context, rng, &mut batch.context);
        }
    }

    /// Whether every task has transitions and context.
    #[must_use]
    pub fn every_task_has_context(&self) -> bool {
        self.tasks.iter().all(|task| !task.lock().context.is_empty())
    }

    /// Transitions that came again and were dropped.
    #[must_use]
    pub fn duplicated(&self) -> u64 {
        self.duplicated.load(Ordering::Acquire)
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
        sum / (self.inserted() as f64).max(1.0)
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
        let mut trials = self.trials.write();
        trials.push(Expected { task, purpose, episodes, stored: AtomicU64::new(0) });
        TrialId(trials.len() as u64 - 1)
    }

    fn inserted(&self) -> u64 {
        self.inserted.load(Ordering::Acquire)
    }

    fn stored_of(&self, trial: TrialId) -> u64 {
        let trials = self.trials.read();
        let trial = usize::try_from(trial.0).ok().and_then(|id| trials.get(id));
        trial.map_or(0, |trial| trial.stored.load(Ordering::Acquire))
    }
}
