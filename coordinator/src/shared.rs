//! The one owner of the state, and the notice that it has changed.

use crate::journal::{self, Entry, Journal};
use crate::refusal::Refusal;
use crate::registry::Now;
use crate::server::ServeError;
use crate::state::{Rules, State};
use crate::status::About;
use crate::tasks::History;
use parking_lot::{Mutex, MutexGuard};
use proto::Credentials;
use proto::v1::{Evaluation, LearnerProgress, StatusReply};
use runtime::telemetry::Recent;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use types::{ActorId, Experiment, FamilySpec};

/// How long an answer waits for its decision to be written before it asks to be asked again.
const WRITING: Duration = Duration::from_secs(5);
/// How often silence is looked for.
const TICK: Duration = Duration::from_millis(250);

/// Lines of the log in a status.
const LOG_LINES: usize = 50;

/// State, clock, and what is handed to new members.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    journal: Journal,
    changed: Notify,
    started: Instant,
    /// How long the run had lasted before this process began.
    before: Duration,
    /// Why the files of the run cannot be written.
    recording: Mutex<Option<String>>,
    pub(crate) about: About,
    /// Warnings and errors to be shown, once somebody collects them.
    pub(crate) log: OnceLock<Recent>,
    pub(crate) experiment: String,
    pub(crate) family: String,
    /// Streams that are being fed.
    pub(crate) tasks: TaskTracker,
    /// The coordinator ends: nobody waits any longer.
    pub(crate) closed: CancellationToken,
}

/// How a control plane begins.
#[derive(Debug)]
pub enum Beginning {
    /// Nothing has happened yet.
    New,
    /// After these records; the members go on.
    Continued(Vec<Entry>),
    /// After these records; no member of before is there any more.
    WithoutMembers(Vec<Entry>),
}

/// What a control plane is started with.
#[derive(Debug)]
pub struct Setup<'a> {
    /// The effective experiment.
    pub experiment: &'a Experiment,
    /// Its task family.
    pub family: &'a FamilySpec,
    /// Where the journal is kept.
    pub run_dir: &'a Path,
    /// What there was before.
    pub beginning: Beginning,
    /// How long a learner may be away before the run fails.
    pub learner_timeout: Duration,
    /// What is asked of those who connect.
    pub credentials: &'a Credentials,
}

impl Shared {
    pub(crate) fn new(setup: Setup<'_>) -> Result<Self, ServeError> {
        let Setup { experiment, family, run_dir, beginning, learner_timeout, .. } = setup;
        let rules = Rules {
            max_lag: experiment.collection.max_lag,
            train_tasks: family.train.len(),
            test_tasks: family.test.len(),
            env_steps_budget: experiment.budget.env_steps,
            learner_timeout,
        };
        let mut state = match beginning {
            Beginning::New => State::new(rules),
            Beginning::Continued(entries) | Beginning::WithoutMembers(entries)
                if entries.is_empty() =>
            {
                State::new(rules)
            }
            Beginning::Continued(entries) => State::restore(rules, entries)?,
            Beginning::WithoutMembers(entries) => {
                let mut state = State::restore(rules, entries)?;
                state.begin_again();
                state
            }
        };
        state.take_entries(); // They are in the snapshot.
        let file = run_dir.join(journal::FILE);
        let journal = Journal::start(&file, state.snapshot(), experiment.replay.durability)?;
        Ok(Self {
            before: Duration::try_from_secs_f64(state.wall_s).unwrap_or_default(),
            state: Mutex::new(state),
            journal,
            changed: Notify::new(),
            started: Instant::now(),
            recording: Mutex::default(),
            about: About {
                experiment: experiment.name.clone(),
                family: family.name.clone(),
                run_dir: run_dir.display().to_string(),
                env_steps_budget: experiment.budget.env_steps,
                samples_per_insert: experiment.collection.samples_per_insert,
                tolerance: experiment.collection.tolerance,
            },
            log: OnceLock::new(),
            experiment: serde_json::to_string(experiment)?,
            family: serde_json::to_string(family)?,
            tasks: TaskTracker::new(),
            closed: CancellationToken::new(),
        })
    }

    /// How long the run has lasted, over all processes that coordinated it.
    pub(crate) fn wall(&self) -> Duration {
        self.before + self.now()
    }

    pub(crate) fn now(&self) -> Now {
        self.started.elapsed()
    }

    /// An event whose answer others rely on: it is given once everything decided so far is written.
    ///
    /// # Errors
    /// What the event is refused for; [`Refusal::Unwritten`] if it cannot be written at the moment:
    /// then it is to be asked again, which changes nothing that was decided.
    pub(crate) async fn decide<T>(
        &self,
        event: impl FnOnce(&mut State, Now) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.check_writing()?;
        let (answer, number) = self.change(event);
        self.relied_on(answer?, number).await
    }

    fn check_writing(&self) -> Result<(), Refusal> {
        self.journal.trouble().map_or(Ok(()), |why| Err(Refusal::Unwritten { why }))
    }

    async fn relied_on<T>(&self, answer: T, number: u64) -> Result<T, Refusal> {
        match tokio::time::timeout(WRITING, self.journal.written(number)).await {
            Ok(()) => Ok(answer),
            Err(_) => {
                let why = self.journal.trouble().unwrap_or_else(|| format!("{WRITING:?} passed"));
                Err(Refusal::Unwritten { why })
            }
        }
    }

    /// The only way to the state. Whichever comes first after the coordinator was held up finds out:
    /// it may well be one that judges by silence.
    fn enter(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock();
        state.look(self.now());
        state
    }

    /// An event that others may wait for. The second answer is the number of what it decided.
    pub(crate) fn change<T>(&self, event: impl FnOnce(&mut State, Now) -> T) -> (T, u64) {
        let mut state = self.enter();
        let answer = event(&mut state, self.now());
        let number = self.write(&mut state);
        drop(state);
        self.changed.notify_waiters();
        (answer, number)
    }

    /// Under the lock, so that records are in the order of the decisions.
    fn write(&self, state: &mut State) -> u64 {
        let entries = state.take_entries();
        self.journal.append(entries, || state.snapshot())
    }

    /// An event that nobody waits for and nobody has to remember, or a look.
    pub(crate) fn quietly<T>(&self, event: impl FnOnce(&mut State) -> T) -> T {
        event(&mut self.enter())
    }

    /// As [`Shared::decide`], for an event that waits for another one, but no longer than `wait`:
    /// then the answer is `None`.
    pub(crate) async fn decide_within<T>(
        &self,
        wait: Duration,
        mut attempt: impl FnMut(&mut State) -> Option<Result<T, Refusal>>,
    ) -> Result<Option<T>, Refusal> {
        self.check_writing()?;
        let decided = self.until(|state| {
            let answer = attempt(state);
            // Even an attempt that has to wait may have decided something.
            let number = self.write(state);
            answer.map(|answer| (answer, number))
        });
        match tokio::time::timeout(wait, decided).await {
            Ok((answer, number)) => self.relied_on(answer?, number).await.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Waits until `attempt` gives something; tries again whenever the state has changed.
    pub(crate) async fn until<T>(&self, mut attempt: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut changed = std::pin::pin!(self.changed.notified());
        loop {
            // From here on a change is not missed, even one during the attempt.
            changed.as_mut().enable();
            if let Some(found) = attempt(&mut self.enter()) {
                return found;
            }
            changed.as_mut().await;
            changed.set(self.changed.notified());
        }
    }

    /// As [`Shared::until`]; what is found is given once everything decided so far is written.
    pub(crate) async fn until_written<T>(
        &self,
        mut attempt: impl FnMut(&mut State) -> Option<T>,
    ) -> T {
        let found = self.until(|state| attempt(state).map(|found| (found, self.write(state))));
        let (found, number) = found.await;
        self.journal.written(number).await;
        found
    }

    pub(crate) fn status(&self, history: History) -> StatusReply {
        let now = self.now();
        let mut status = self.quietly(|state| state.status(&self.about, history, now));
        status.uptime_s = self.wall().as_secs_f64();
        let recording = self.recording.lock().clone();
        status.disk = self.journal.trouble().or(recording).unwrap_or_default();
        status.log = self.log.get().map(|log| log.newest(LOG_LINES)).unwrap_or_default();
        status
    }

    /// The files of the run can be written, or why not.
    pub(crate) fn note_recording(&self, trouble: Option<String>) {
        *self.recording.lock() = trouble;
    }

    /// Looks for silence until the coordinator ends.
    pub(crate) async fn watch_silence(&self) {
        let mut ticks = tokio::time::interval(TICK);
        while self.closed.run_until_cancelled(ticks.tick()).await.is_some() {
            let now = self.now();
            let (dead, stopped) = self.quietly(|state| {
                let before = state.stopping;
                let dead = state.tick(now);
                let stopped = before.is_none() && state.stopping.is_some();
                self.write(state);
                (dead, stopped.then(|| state.progress.failure.clone()))
            });
            if let Some(why) = &stopped {
                tracing::error!("{why}");
            }
            for key in &dead {
                tracing::warn!(actor = %key.actor, incarnation = %key.incarnation, "actor is silent: declared dead, its trials go to others");
            }
            if !dead.is_empty() || stopped.is_some() {
                self.changed.notify_waiters();
            }
        }
    }

    pub(crate) fn stop(&self) {
        self.change(|state, now| state.stop(now));
    }

    pub(crate) fn process_ended(&self, actor: ActorId, pid: u32) -> u64 {
        self.change(|state, _| state.process_ended(actor, pid)).0
    }

    pub(crate) fn learner_ended(&self, pid: u32, why: String) {
        self.change(|state, now| state.learner_ended(pid, why, now));
    }

    pub(crate) fn progress(&self) -> LearnerProgress {
        self.quietly(|state| state.progress.clone())
    }

    /// Evaluations that are not in the files of the run yet.
    pub(crate) fn unrecorded(&self) -> Vec<Evaluation> {
        self.quietly(|state| state.unrecorded.clone())
    }

    pub(crate) fn note_recorded(&self, number: u64) {
        self.change(|state, _| state.note_recorded(number));
    }

    pub(crate) fn note_wall(&self, wall: Duration) {
        self.quietly(|state| {
            state.note_wall(wall.as_secs_f64());
            self.write(state);
        });
    }
}
