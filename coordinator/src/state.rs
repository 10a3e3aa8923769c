//! Everything the coordinator knows of a run, and what it decides. Pure: events and the clock come
//! in, answers go out; nothing here waits.

use crate::bottleneck::{Bottleneck, Waited};
use crate::outcomes::OutcomeLog;
use crate::rates::Rate;
use crate::refusal::Refusal;
use crate::registry::{LifeKey, Now, Registry};
use crate::trials::Trials;
use proto::v1::{ActorStats, Evaluation, LearnerProgress};
use std::collections::BTreeMap;
use std::time::Duration;
use types::{ActorId, Incarnation, Split, TaskRef, Trial, TrialOutcome, Version};

/// Trials that may be open, or done and not yet read by the learner, at any time.
pub const OPEN_TRIALS: usize = 100_000;
/// A learner that is silent for longer may be replaced by another one.
const LEARNER_SILENCE: Duration = Duration::from_secs(10);
/// A learner that is silent for longer is lost, and the run with it: it reports twice a second.
pub const LEARNER_LOST: Duration = Duration::from_secs(30);
/// Longer than this between two looks for silence, the coordinator itself was held up: what it did
/// not hear then is nobody's fault.
const HELD_UP: Duration = Duration::from_secs(2);
/// How long a stopping run waits for its actors before it lets the learner go.
pub const ACTORS_LEAVE: Duration = Duration::from_secs(5);
/// Evaluations kept until the recorder fetches them; it does so twice a second.
const UNRECORDED: usize = 1024;

/// What the run is about, as far as decisions depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Versions that an actor may be behind and still get work.
    pub max_lag: u64,
    /// Training tasks of the family.
    pub train_tasks: usize,
    /// Test tasks of the family.
    pub test_tasks: usize,
}

/// The learner.
#[derive(Debug, Clone)]
pub struct Learner {
    /// `host:port` of its services.
    pub address: String,
    /// Where it runs.
    pub host: String,
    /// Its process there.
    pub pid: u32,
    /// When it was last heard of.
    pub heard: Now,
}

/// The answer to a request for work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lease {
    /// Do these.
    Work(Vec<Trial>),
    /// Nothing that this actor may do now.
    Wait,
    /// Finish and leave.
    Leave,
}

/// The state of a run.
#[derive(Debug)]
pub struct State {
    pub(crate) rules: Rules,
    pub(crate) registry: Registry,
    pub(crate) trials: Trials,
    pub(crate) outcomes: OutcomeLog,
    pub(crate) learner: Option<Learner>,
    pub(crate) progress: LearnerProgress,
    pub(crate) newest_evaluation: Option<Evaluation>,
    pub(crate) unrecorded: Vec<Evaluation>,
    pub(crate) stopping: Option<Now>,
    /// The learner has been told that it may leave.
    pub(crate) learner_released: bool,
    /// When silence was last looked for.
    pub(crate) looked: Now,
    pub(crate) bottleneck: Bottleneck,
    pub(crate) env_steps: Rate,
    pub(crate) updates: Rate,
    pub(crate) actor_steps: BTreeMap<ActorId, (Incarnation, Rate)>,
}

impl State {
    /// Before anybody has registered.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let progress =
            LearnerProgress { phase: "starting".to_owned(), ..LearnerProgress::default() };
        Self {
            rules,
            registry: Registry::default(),
            trials: Trials::default(),
            outcomes: OutcomeLog::default(),
            learner: None,
            progress,
            newest_evaluation: None,
            unrecorded: Vec::new(),
            stopping: None,
            learner_released: false,
            looked: Now::ZERO,
            bottleneck: Bottleneck::default(),
            env_steps: Rate::default(),
            updates: Rate::default(),
            actor_steps: BTreeMap::new(),
        }
    }

    /// An actor joins. Gives its key and the learner's address.
    ///
    /// # Errors
    /// [`Refusal`] before the learner has registered and when the run stops.
    pub fn register(
        &mut self,
        actor: Option<ActorId>,
        host: String,
        pid: u32,
        now: Now,
    ) -> Result<(LifeKey, String), Refusal> {
        if self.stopping.is_some() {
            return Err(Refusal::Stopping);
        }
        let learner = self.learner.as_ref().ok_or(Refusal::NoLearner)?;
        let address = learner.address.clone();
        let (key, replaced) = self.registry.register(actor, host, pid, now);
        if let Some(old) = replaced {
            self.trials.release(old);
        }
        self.actor_steps.insert(key.actor, (key.incarnation, Rate::default()));
        Ok((key, address))
    }

    /// An actor is alive. Whether it should leave.
    ///
    /// # Errors
    /// [`Refusal::UnknownLife`] if it was declared dead.
    pub fn heartbeat(
        &mut self,
        key: LifeKey,
        stats: ActorStats,
        now: Now,
    ) -> Result<bool, Refusal> {
        let draining = self.stopping.is_some();
        self.registry.heartbeat(key, stats, draining, now).ok_or(Refusal::UnknownLife(key))?;
        if let Some((_, rate)) = self.actor_steps.get_mut(&key.actor) {
            rate.read(to_f64(stats.env_steps), now);
        }
        Ok(draining)
    }

    /// An actor asks for work.
    ///
    /// # Errors
    /// [`Refusal::UnknownLife`] if it was declared dead.
    pub fn lease(
        &mut self,
        key: LifeKey,
        version: Option<Version>,
        capacity: usize,
        now: Now,
    ) -> Result<Lease, Refusal> {
        if !self.registry.touch(key, now) {
            return Err(Refusal::UnknownLife(key));
        }
        if self.stopping.is_some() {
            return Ok(Lease::Leave);
        }
        let newest = Version(self.progress.version);
        let admitted = version.filter(|v| v.lag_behind(newest) <= self.rules.max_lag);
        let work = admitted.map(|version| self.trials.lease(key, version, capacity));
        Ok(match work {
            Some(trials) if !trials.is_empty() => Lease::Work(trials),
            _ => Lease::Wait,
        })
    }

    /// An actor has finished trials. All outcomes are taken or none; the first report counts. A
    /// life that is over may still report: what it reports is stored.
    ///
    /// # Errors
    /// [`Refusal`] for a life that never was and for outcomes that do not fit their trials.
    pub fn report(
        &mut self,
        key: LifeKey,
        outcomes: Vec<TrialOutcome>,
        now: Now,
    ) -> Result<(), Refusal> {
        if !self.registry.has_been(key) {
            return Err(Refusal::UnknownLife(key));
        }
        self.registry.touch(key, now);
        for outcome in &outcomes {
            self.trials.check(outcome)?;
        }
        for outcome in outcomes {
            if self.trials.report(&outcome) {
                if outcome.failure.is_none() {
                    self.registry.note_done(key);
                }
                self.outcomes.push(outcome);
            }
        }
        Ok(())
    }

    /// The learner joins.
    ///
    /// # Errors
    /// [`Refusal::SecondLearner`] if another one still answers.
    pub fn register_learner(&mut self, learner: Learner) -> Result<(), Refusal> {
        let other = self.learner.as_ref().filter(|known| {
            let same = (&known.host, known.pid) == (&learner.host, learner.pid);
            !same && learner.heard.saturating_sub(known.heard) <= LEARNER_SILENCE
        });
        if other.is_some() {
            return Err(Refusal::SecondLearner { host: learner.host, pid: learner.pid });
        }
        self.learner = Some(learner);
        Ok(())
    }

    /// The learner wants these collected. All are taken or none; known ids are ignored.
    ///
    /// # Errors
    /// [`Refusal`] if a task does not exist or there is too much open work.
    pub fn submit(&mut self, trials: Vec<Trial>) -> Result<(), Refusal> {
        for trial in &trials {
            self.check_task("trial.task", trial.task)?;
        }
        let new = trials.iter().filter(|t| !self.trials.knows(t.id)).count();
        let unread = usize::try_from(self.outcomes.undelivered()).unwrap_or(usize::MAX);
        let got = self.trials.open().saturating_add(unread).saturating_add(new);
        if new > 0 && got > OPEN_TRIALS {
            return Err(Refusal::TooManyTrials { limit: OPEN_TRIALS, got });
        }
        for trial in trials {
            self.trials.submit(trial);
        }
        Ok(())
    }

    fn check_task(&self, field: &'static str, task: TaskRef) -> Result<(), Refusal> {
        let known = match task.split {
            Split::Train => self.rules.train_tasks,
            Split::Test => self.rules.test_tasks,
        };
        if (task.index as usize) < known {
            return Ok(());
        }
        Err(Refusal::Value {
            field,
            expected: format!("a {} task below {known}", task.split),
            got: task.index.to_string(),
        })
    }

    /// The learner reports. Whether it should write its last checkpoint and leave.
    ///
    /// # Errors
    /// [`Refusal`] if an evaluation is malformed; then nothing is noted.
    pub fn progress(&mut self, mut progress: LearnerProgress, now: Now) -> Result<bool, Refusal> {
        for evaluation in &progress.evaluations {
            self.check_evaluation(evaluation)?;
        }
        self.learner.as_mut().ok_or(Refusal::NoLearner)?.heard = now;
        for stored in progress.stored.drain(..) {
            let (actor, incarnation) = proto::convert::read_actor_key(stored.actor)?;
            let key = LifeKey { actor, incarnation };
            self.registry.note_stored(key, stored.transitions);
        }
        for evaluation in progress.evaluations.drain(..) {
            if self.newest_evaluation.as_ref() == Some(&evaluation) {
                continue; // A report that was sent again because its answer was lost.
            }
            self.newest_evaluation = Some(evaluation.clone());
            if self.unrecorded.len() < UNRECORDED {
                self.unrecorded.push(evaluation);
            }
        }
        self.env_steps.read(to_f64(progress.env_steps), now);
        self.updates.read(to_f64(progress.updates), now);
        if self.progress.phase == "failed" {
            // Whatever it says now: actors and users have been told, and the run is ending.
            progress.phase = std::mem::take(&mut self.progress.phase);
            progress.failure = std::mem::take(&mut self.progress.failure);
        }
        let over = matches!(progress.phase.as_str(), "done" | "failed");
        self.progress = progress;
        if over {
            self.stop(now);
        }
        self.learner_released = self.learner_may_leave(now);
        Ok(self.learner_released)
    }

    fn check_evaluation(&self, evaluation: &Evaluation) -> Result<(), Refusal> {
        for score in &evaluation.tasks {
            let task = score.task.ok_or(proto::WireError::Missing("evaluation.task"))?;
            self.check_task("evaluation.task", task.try_into()?)?;
            if score.returns.is_empty() || score.returns.iter().any(|r| !r.is_finite()) {
                return Err(Refusal::Value {
                    field: "evaluation.returns",
                    expected: "one finite number per episode".to_owned(),
                    got: format!("{:?}", score.returns),
                });
            }
        }
        Ok(())
    }

    /// The learner stays until the actors have handed over what they hold, or have had their time.
    /// A trial is reported once its transitions are acknowledged: without a lease, an actor holds
    /// nothing.
    fn learner_may_leave(&self, now: Now) -> bool {
        self.stopping.is_some_and(|since| {
            let failed = self.progress.phase == "failed";
            let handed_over = self.trials.counts().leased == 0;
            failed || handed_over || now.saturating_sub(since) >= ACTORS_LEAVE
        })
    }

    /// The run shall end: actors leave, then the learner.
    pub fn stop(&mut self, now: Now) {
        self.stopping.get_or_insert(now);
    }

    /// Time passes: ends the lives that have been silent for too long, and the run if the learner
    /// has been.
    pub fn tick(&mut self, now: Now) -> Vec<LifeKey> {
        self.look_for_learner(now);
        let dead = self.registry.expire(now);
        for key in &dead {
            self.trials.release(*key);
        }
        let totals = self.registry.totals();
        let waited = Waited::from_counters(&totals, &self.progress.metrics);
        self.bottleneck.read(waited, now);
        dead
    }

    fn look_for_learner(&mut self, now: Now) {
        let passed = now.saturating_sub(self.looked);
        self.looked = now;
        let over = matches!(self.progress.phase.as_str(), "done" | "failed");
        // One that may leave need not report any more.
        let Some(learner) = self.learner.as_mut().filter(|_| !over && !self.learner_released)
        else {
            return;
        };
        if passed > HELD_UP {
            learner.heard = (learner.heard + passed).min(now);
        }
        let silent = now.saturating_sub(learner.heard);
        if silent > LEARNER_LOST {
            self.progress.phase = "failed".to_owned();
            self.progress.failure = format!(
                "expected the learner at {} to report, got nothing for {:.0} s",
                learner.address,
                silent.as_secs_f64()
            );
            self.learner_released = true;
            self.stop(now);
        }
    }

    /// A local actor process has ended: no need to wait for silence. Gives what has come of its
    /// place, see [`Registry::process_ended`].
    pub fn process_ended(&mut self, actor: ActorId, pid: u32) -> u64 {
        let (ended, achieved) = self.registry.process_ended(actor, pid);
        if let Some(key) = ended {
            self.trials.release(key);
        }
        achieved
    }
}

/// Counters as floating-point numbers; exact up to 2^53.
#[allow(clippy::cast_precision_loss, reason = "counters stay far below 2^53")]
pub(crate) fn to_f64(counter: u64) -> f64 {
    counter as f64
}
