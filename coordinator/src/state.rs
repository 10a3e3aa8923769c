//! Everything the coordinator knows of a run, and what it decides. Pure: events and the clock come
//! in, answers go out; nothing here waits.

use crate::bottleneck::{Bottleneck, Seconds};
use crate::idle::{Denied, Idle};
use crate::ids::IdSet;
use crate::journal::Entry;
use crate::journal::record;
use crate::learner::{Joined, Newcomer, Seat};
use crate::looks::Looks;
use crate::outcomes::OutcomeLog;
use crate::quarantine::Quarantine;
use crate::rates::Rate;
use crate::refusal::Refusal;
use crate::registry::{Life, LifeKey, Now, Registry};
use crate::restore::{held, wire, write_life};
use crate::tasks::Tasks;
use crate::trials::Trials;
use proto::v1::{ActorStats, Evaluation, LearnerProgress};
use std::collections::BTreeMap;
use std::time::Duration;
use types::{ActorId, Incarnation, Split, TaskRef, Trial, TrialId, TrialOutcome, Version};

/// Trials that may be open, or done and not yet read by the learner, at any time.
pub const OPEN_TRIALS: usize = 100_000;
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
    /// Training transitions with which the run is done.
    pub env_steps_budget: u64,
    /// How long a learner may be away before the run fails.
    pub learner_timeout: Duration,
}

/// A request for work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Weights that the actor holds.
    pub version: Option<Version>,
    /// Trials that it has room for.
    pub capacity: usize,
    /// Later requests of a life have larger numbers; 0 = not numbered.
    pub number: u64,
    /// All that it was leased and has not reported, if an answer was lost.
    pub holding: Option<Vec<TrialId>>,
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
    pub(crate) seat: Seat,
    pub(crate) looks: Looks,
    pub(crate) progress: LearnerProgress,
    pub(crate) newest_evaluation: Option<Evaluation>,
    pub(crate) unrecorded: Vec<Evaluation>,
    /// Numbers of all that have come.
    pub(crate) evaluations: IdSet,
    pub(crate) quarantine: Quarantine,
    /// Seconds that the run has lasted, as last noted.
    pub(crate) wall_s: f64,
    /// What must be remembered and has not been taken yet.
    pub(crate) entries: Vec<Entry>,
    pub(crate) stopping: Option<Now>,
    pub(crate) bottleneck: Bottleneck,
    pub(crate) idle: Idle,
    pub(crate) tasks: Tasks,
    /// When the newest checkpoint was heard of.
    pub(crate) checkpoint: Option<Now>,
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
            seat: Seat::default(),
            looks: Looks::default(),
            progress,
            newest_evaluation: None,
            unrecorded: Vec::new(),
            evaluations: IdSet::default(),
            quarantine: Quarantine::default(),
            wall_s: 0.0,
            entries: Vec::new(),
            stopping: None,
            bottleneck: Bottleneck::default(),
            idle: Idle::default(),
            tasks: Tasks::default(),
            checkpoint: None,
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
        let learner = self.seat.learner().ok_or(Refusal::NoLearner)?;
        let address = learner.process.address.clone();
        let life = self.registry.newborn(actor, host, pid, now);
        let key = life.key;
        self.entries.push(Entry::Born(write_life(&life)));
        self.begin(life);
        Ok((key, address))
    }

    /// A life begins; what the one before in its place held goes to others.
    pub(crate) fn begin(&mut self, life: Life) {
        let key = life.key;
        if let Some(old) = self.registry.begin(life) {
            self.trials.release(old);
        }
        self.actor_steps.insert(key.actor, (key.incarnation, Rate::default()));
    }

    /// A life ends; what it held goes to others.
    pub(crate) fn end(&mut self, key: LifeKey) {
        if let Some(life) = self.registry.end(key) {
            self.trials.release(key);
            self.entries.push(Entry::Ended(write_life(&life)));
        }
    }

    /// An actor is alive. Whether it should leave, and where the learner is now.
    ///
    /// # Errors
    /// [`Refusal::UnknownLife`] if it was declared dead.
    pub fn heartbeat(
        &mut self,
        key: LifeKey,
        stats: ActorStats,
        now: Now,
    ) -> Result<(bool, String), Refusal> {
        let draining = self.stopping.is_some();
        self.registry.heartbeat(key, stats, draining, now).ok_or(Refusal::UnknownLife(key))?;
        self.idle.heard(key, stats.waited_lease_s, now);
        if let Some((_, rate)) = self.actor_steps.get_mut(&key.actor) {
            rate.read(to_f64(stats.env_steps), now);
        }
        Ok((draining, self.seat.address().to_owned()))
    }

    /// A life has said that it is over: what it holds goes to others.
    pub fn life_over(&mut self, key: LifeKey) {
        self.end(key);
    }

    /// An actor asks for work.
    ///
    /// # Errors
    /// [`Refusal::UnknownLife`] if it was declared dead.
    pub fn lease(&mut self, key: LifeKey, ask: &Ask, now: Now) -> Result<Lease, Refusal> {
        if !self.registry.touch(key, now) {
            return Err(Refusal::UnknownLife(key));
        }
        if !self.registry.is_newest_request(key, ask.number) {
            return Ok(Lease::Wait);
        }
        if let Some(holding) = &ask.holding
            && self.trials.release_others(key, holding) > 0
        {
            self.entries.push(Entry::Holds(held(key, holding.iter().copied())));
        }
        if self.stopping.is_some() {
            return Ok(Lease::Leave);
        }
        let newest = Version(self.progress.version);
        let admitted = ask.version.filter(|v| v.lag_behind(newest) <= self.rules.max_lag);
        let work = admitted.map(|version| self.trials.lease(key, version, ask.capacity));
        Ok(match work {
            Some(trials) if !trials.is_empty() => {
                self.entries.push(Entry::Leased(held(key, trials.iter().map(|t| t.id))));
                Lease::Work(trials)
            }
            _ => {
                let none = self.trials.counts().waiting == 0;
                let why = if none { Denied::HeldBack } else { Denied::TooOld };
                self.idle.denied(key, why, now);
                Lease::Wait
            }
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
        let mut taken = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            let wire = outcome.clone().into();
            if self.take(key, outcome) {
                taken.push(wire);
            }
        }
        if !taken.is_empty() {
            let reported = record::Outcomes { by: Some(wire(key)), outcomes: taken };
            self.entries.push(Entry::Reported(reported));
        }
        Ok(())
    }

    /// Takes an outcome, if it counts.
    pub(crate) fn take(&mut self, from: LifeKey, outcome: TrialOutcome) -> bool {
        let Some(trial) = self.trials.report(from, &outcome) else {
            return false;
        };
        if outcome.failure.is_none() {
            self.registry.note_done(from);
        }
        self.quarantine.note(&outcome, trial.seed);
        self.outcomes.push(outcome);
        true
    }

    /// The learner wants outcomes from position `from` on: it has those before.
    ///
    /// # Errors
    /// [`Refusal::Position`] if there is no such position.
    pub fn follow_outcomes(&mut self, from: u64) -> Result<(), Refusal> {
        self.outcomes.seek(from)?;
        self.entries.push(Entry::Confirmed(from));
        Ok(())
    }

    /// Learner and coordinator remember differently how far the list of outcomes has come, since
    /// one of their machines stopped: it goes on where the learner says. What it held and what was
    /// lost with it is collected again, see [`State::recollect`].
    pub fn realign_outcomes(&mut self, from: u64) {
        self.outcomes.realign(from);
        self.entries.push(Entry::Realigned(from));
    }

    /// A process wants to be the learner, and has been asking since `asked`. `None`: whether there
    /// is another one is not yet known; ask again.
    ///
    /// # Errors
    /// [`Refusal::SecondLearner`] if another one has been heard of since then.
    pub fn register_learner(
        &mut self,
        process: &Newcomer,
        asked: Now,
        now: Now,
    ) -> Result<Option<u64>, Refusal> {
        match self.seat.join(process, asked, now) {
            Joined::Yes(life) => {
                self.entries.extend(self.seat.learner().map(|l| Entry::Seated(l.record())));
                if self.stopping.is_none() {
                    self.progress.phase = "starting".to_owned();
                }
                Ok(Some(life))
            }
            Joined::Doubtful => Ok(None),
            Joined::No => Err(Refusal::SecondLearner {
                host: process.host.clone(),
                pid: process.pid,
                first: self.seat.address().to_owned(),
            }),
        }
    }

    /// The learner's process on this machine has ended, as `why` says.
    pub fn learner_ended(&mut self, pid: u32, why: String, now: Now) {
        if !self.seat.ended(pid, why.clone(), now) {
            return;
        }
        self.entries.push(Entry::Unseated(record::Unseated { pid, why }));
        if self.stopping.is_none() {
            self.progress.phase = "ended".to_owned();
        }
    }

    /// The learner wants these collected. All are taken or none; known ids are ignored.
    ///
    /// # Errors
    /// [`Refusal`] if a task does not exist or there is too much open work.
    pub fn submit(&mut self, trials: Vec<Trial>) -> Result<(), Refusal> {
        self.check_work(&trials, |known, id| known.knows(id))?;
        let mut taken = Vec::with_capacity(trials.len());
        for trial in trials {
            let wire = trial.clone().into();
            if self.trials.submit(trial) {
                taken.push(wire);
            }
        }
        if !taken.is_empty() {
            self.entries.push(Entry::Submitted(record::Work { trials: taken }));
        }
        Ok(())
    }

    /// Likewise, also those that are done: what they brought has been lost.
    ///
    /// # Errors
    /// As [`State::submit`].
    pub fn recollect(&mut self, trials: Vec<Trial>) -> Result<(), Refusal> {
        self.check_work(&trials, |known, id| known.is_open(id))?;
        let mut taken = Vec::with_capacity(trials.len());
        for trial in trials {
            let wire = trial.clone().into();
            if self.trials.recollect(trial) {
                taken.push(wire);
            }
        }
        if !taken.is_empty() {
            self.entries.push(Entry::Recollected(record::Work { trials: taken }));
        }
        Ok(())
    }

    fn check_work(
        &self,
        trials: &[Trial],
        is_known: impl Fn(&Trials, TrialId) -> bool,
    ) -> Result<(), Refusal> {
        for trial in trials {
            self.check_task("trial.task", trial.task)?;
        }
        let new = trials.iter().filter(|t| !is_known(&self.trials, t.id)).count();
        let got = self.trials.open_count().saturating_add(self.outcomes.kept()).saturating_add(new);
        if new > 0 && got > OPEN_TRIALS {
            return Err(Refusal::TooManyTrials { limit: OPEN_TRIALS, got });
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

    /// The learner reports, in the life `life` (0: not told). Whether it should write its last
    /// checkpoint and leave.
    ///
    /// # Errors
    /// [`Refusal`] if it is not the learner or an evaluation is malformed; then nothing is noted.
    pub fn progress(
        &mut self,
        life: u64,
        mut progress: LearnerProgress,
        now: Now,
    ) -> Result<bool, Refusal> {
        for evaluation in &progress.evaluations {
            self.check_evaluation(evaluation)?;
        }
        self.seat.heard(life, now)?;
        self.seat.note(&progress);
        for stored in progress.stored.drain(..) {
            let (actor, incarnation) = proto::convert::read_actor_key(stored.actor)?;
            let key = LifeKey { actor, incarnation };
            self.registry.note_stored(key, stored.transitions);
        }
        for evaluation in progress.evaluations.drain(..) {
            // A report that was sent again because its answer was lost, or by another life.
            let known = match evaluation.number {
                0 => self.newest_evaluation.as_ref() == Some(&without_beliefs(&evaluation)),
                number => self.evaluations.contains(number),
            };
            if !known {
                self.entries.push(Entry::Evaluated(evaluation.clone()));
                self.evaluated(evaluation);
            }
        }
        if progress.checkpoint_updates != self.progress.checkpoint_updates {
            self.checkpoint = Some(now);
        }
        if progress.outcomes > self.progress.outcomes {
            self.outcomes.written_down(progress.outcomes);
            self.entries.push(Entry::WrittenDown(progress.outcomes));
        }
        if progress.version != self.progress.version {
            self.entries.push(Entry::Version(progress.version));
        }
        self.env_steps.read(to_f64(progress.env_steps), now);
        self.updates.read(to_f64(progress.updates), now);
        if self.progress.phase == "failed" {
            // Whatever it says now: actors and users have been told, and the run is ending.
            progress.phase = std::mem::take(&mut self.progress.phase);
            progress.failure = std::mem::take(&mut self.progress.failure);
        }
        // A learner that was asked to leave by somebody else is done, the run is not: it waits for
        // the next one.
        if progress.phase == "done"
            && self.stopping.is_none()
            && progress.env_steps < self.rules.env_steps_budget
        {
            progress.phase = "leaving".to_owned();
        }
        let over = matches!(progress.phase.as_str(), "done" | "failed");
        self.progress = progress;
        if over {
            self.stop(now);
        }
        let may_leave = self.learner_may_leave(now);
        if may_leave {
            self.seat.release();
        }
        Ok(may_leave)
    }

    /// An evaluation has come.
    pub(crate) fn evaluated(&mut self, evaluation: Evaluation) {
        if evaluation.number > 0 {
            self.evaluations.insert(evaluation.number);
        }
        self.tasks.evaluated(&evaluation);
        self.newest_evaluation = Some(without_beliefs(&evaluation));
        if self.unrecorded.len() < UNRECORDED {
            self.unrecorded.push(evaluation);
        }
    }

    /// The oldest evaluation of this number is in the files of the run.
    pub fn note_recorded(&mut self, number: u64) {
        self.entries.push(Entry::Recorded(number));
        self.recorded(number);
    }

    pub(crate) fn recorded(&mut self, number: u64) {
        if let Some(at) = self.unrecorded.iter().position(|e| e.number == number) {
            self.unrecorded.remove(at);
        }
    }

    /// The run has lasted so long.
    pub fn note_wall(&mut self, seconds: f64) {
        self.wall_s = seconds;
        self.entries.push(Entry::Wall(seconds));
    }

    /// Nobody of before is there any more: their processes have ended with the last coordinator.
    pub fn begin_again(&mut self) {
        let lives: Vec<LifeKey> = self.registry.alive().map(|life| life.key).collect();
        for key in lives {
            self.end(key);
        }
        if let Some(pid) = self.seat.learner().map(|learner| learner.process.pid) {
            self.learner_ended(pid, "with the coordinator".to_owned(), Now::ZERO);
        }
    }

    fn check_evaluation(&self, evaluation: &Evaluation) -> Result<(), Refusal> {
        crate::latents::check(evaluation)?;
        for score in &evaluation.tasks {
            let task = score.task.ok_or(proto::WireError::Missing("evaluation.task"))?;
            let task: TaskRef = task.try_into()?;
            self.check_task("evaluation.task", task)?;
            for belief in score.episodes.iter().flat_map(|episode| &episode.beliefs) {
                let in_force = TaskRef { index: belief.task, ..task };
                self.check_task("evaluation.belief.task", in_force)?;
            }
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

    /// Comes before whatever happens next: if the coordinator was held up until now, nobody is to be
    /// found silent for it.
    pub fn look(&mut self, now: Now) {
        if let Some(held_up) = self.looks.look(now) {
            self.seat.excuse(held_up, now);
            self.registry.excuse(held_up, now);
        }
    }

    /// Time passes: ends the lives that have been silent for too long, and the run if the learner
    /// has been away for too long.
    pub fn tick(&mut self, now: Now) -> Vec<LifeKey> {
        self.look_for_learner(now);
        let dead = self.registry.silent(now);
        for key in &dead {
            self.end(*key);
        }
        let totals = self.registry.totals();
        let spent = Seconds::from_counters(&totals, self.idle.sums(), &self.progress.metrics);
        self.bottleneck.read(spent, self.registry.count(), now);
        dead
    }

    fn look_for_learner(&mut self, now: Now) {
        let over = matches!(self.progress.phase.as_str(), "done" | "failed");
        if over || self.seat.is_free() || self.seat.silent(now) <= self.rules.learner_timeout {
            return;
        }
        self.progress.phase = "failed".to_owned();
        self.progress.failure = self.seat.explain(now).unwrap_or_default();
        self.seat.release();
        self.stop(now);
    }

    /// A local actor process has ended: no need to wait for silence. Gives what has come of its
    /// place, see [`Registry::of_process`].
    pub fn process_ended(&mut self, actor: ActorId, pid: u32) -> u64 {
        let (ended, achieved) = self.registry.of_process(actor, pid);
        if let Some(key) = ended {
            self.end(key);
        }
        achieved
    }
}

/// Without what only the files of the run need, which is large.
fn without_beliefs(evaluation: &Evaluation) -> Evaluation {
    let mut evaluation = evaluation.clone();
    evaluation.tasks.iter_mut().for_each(|score| score.episodes.clear());
    evaluation.components.clear();
    evaluation
}

/// Counters as floating-point numbers; exact up to 2^53.
#[allow(clippy::cast_precision_loss, reason = "counters stay far below 2^53")]
pub(crate) fn to_f64(counter: u64) -> f64 {
    counter as f64
}
