//! Which training trials to ask for, and when: the schedule of PEARL's data collection.

mod performance;

use crate::error::Error;
use crate::replay::{Limiter, SampleSizes};
use performance::Performance;
use rand::{Rng as _, RngExt as _};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use types::experiment::{Collection, Select};
use types::{
    Behaviour, LatentSource, Phase, Purpose, Role, Split, TaskRef, Trial, TrialId, TrialOutcome,
    Version, stream,
};

/// Times an initial trial is asked for again after a failure of the simulation.
const INITIAL_RETRIES: u32 = 5;

/// Ordinary trials in a row that may fail before collection is given up.
const MOST_FAILURES: u32 = 100;

/// Where trials are announced and what they brought is counted.
pub trait Intake {
    /// Expects `episodes` episodes of a trial from now on; trials are numbered 0, 1, 2, …
    fn expect_trial(&self, task: TaskRef, purpose: Purpose, episodes: u32) -> TrialId;
    /// Transitions in the replay so far; a trial enters it whole.
    fn inserted(&self) -> u64;
    /// Whether a trial is in the replay.
    fn has_inserted(&self, trial: TrialId) -> bool;
}

/// What the schedule depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The experiment's seed.
    pub seed: u64,
    /// `[collection]` of the experiment.
    pub collection: Collection,
    /// Training tasks.
    pub tasks: u32,
    /// Transitions of an episode at most.
    pub horizon: u64,
    /// Transitions to collect in all.
    pub budget: u64,
}

impl Plan {
    /// Transitions of one ordinary trial at most.
    #[must_use]
    pub fn trial_transitions(&self) -> u64 {
        let c = &self.collection;
        let explore = c.explore.map_or(0, |explore| explore.episodes);
        u64::from(explore + c.prior_episodes + c.posterior_episodes + c.extra_episodes)
            * self.horizon
    }

    /// Checks relations to the family and to the size of updates that no single key shows.
    ///
    /// # Errors
    /// [`Error::Setting`] names the key.
    pub fn check(&self, sizes: SampleSizes) -> Result<(), Error> {
        let setting = |key, expected, got: String| Err(Error::Setting { key, expected, got });
        if self.tasks == 0 {
            let expected = "a family with training tasks".to_owned();
            return setting("environment.family", expected, "one without".to_owned());
        }
        let collection = &self.collection;
        if let Some(task) = collection.select.named().iter().find(|task| **task >= self.tasks) {
            let expected = format!("tasks from 0 to {}", self.tasks - 1);
            return setting("collection.select", expected, task.to_string());
        }
        let ratio = collection.samples_per_insert;
        let least = Limiter::least_tolerance(ratio, self.trial_transitions(), sizes.samples());
        if (collection.tolerance as f64) < least {
            let least = least.ceil();
            let expected =
                format!("at least {least}, the transitions of one trial plus those of one update");
            return setting("collection.tolerance", expected, collection.tolerance.to_string());
        }
        let initial = u64::from(collection.initial_episodes) * self.horizon * u64::from(self.tasks);
        if self.budget <= initial {
            let expected = format!("more than the {initial} of the initial episodes");
            return setting("budget.env_steps", expected, self.budget.to_string());
        }
        Ok(())
    }

    fn ordinary_phases(&self) -> Vec<Phase> {
        let c = &self.collection;
        let phase = |latent, episodes, context| Phase {
            latent,
            episodes,
            context,
            behaviour: Behaviour::Policy,
        };
        let phases = [
            phase(LatentSource::Prior, c.prior_episodes, true),
            phase(LatentSource::Posterior, c.posterior_episodes, true),
            phase(LatentSource::Posterior, c.extra_episodes, false),
        ];
        let explore = c.explore.map(|explore| Phase {
            behaviour: explore.behaviour,
            ..phase(LatentSource::Prior, explore.episodes, true)
        });
        explore.into_iter().chain(phases).filter(|phase| phase.episodes > 0).collect()
    }
}

/// A trial on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    task: TaskRef,
    expected: u64,
    /// How often it was tried before, for an initial trial.
    initial: Option<u32>,
}

/// Why a training trial is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Experience before the first update.
    Initial {
        /// How often it was tried before.
        tries: u32,
    },
    /// The schedule.
    Ordinary,
}

/// The schedule's state.
#[derive(Debug)]
pub struct Collector {
    plan: Plan,
    progress: Progress,
}

/// Where the schedule is; what a checkpoint holds of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    open: BTreeMap<TrialId, Open>,
    /// Ordinary trials asked for.
    ordinary: u64,
    /// Failures of ordinary trials since the last that went well.
    failures: u32,
    /// How tasks have been going.
    performance: Performance,
}

/// Trials that fail again and again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "collect {what}: expected it to go well now and then, got {times} failures in a row: {why}"
)]
pub struct KeepsFailing {
    what: String,
    times: u32,
    why: String,
}

impl Collector {
    /// Nothing asked for yet.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self { plan, progress: Progress::default() }
    }

    /// Where it was.
    #[must_use]
    pub fn resume(plan: Plan, progress: Progress) -> Self {
        Self { plan, progress }
    }

    /// Where it is.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Why a trial that is on its way was asked for.
    #[must_use]
    pub fn reason(&self, trial: TrialId) -> Reason {
        match self.progress.open.get(&trial).and_then(|open| open.initial) {
            Some(tries) => Reason::Initial { tries },
            None => Reason::Ordinary,
        }
    }

    /// Takes up a trial that was asked for after the progress that this one resumed from.
    pub fn recall(&mut self, trial: &Trial, reason: Reason) {
        let initial = match reason {
            Reason::Initial { tries } => Some(tries),
            Reason::Ordinary => None,
        };
        self.progress.ordinary += u64::from(initial.is_none());
        self.note_open(trial.id, trial.task, trial.episodes(), initial);
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// One trial per training task with z from the prior.
    pub fn initial(&mut self, intake: &impl Intake) -> Vec<Trial> {
        self.missing_initial(intake, |_| true)
    }

    /// The same for the tasks that `lacks` experience and have no such trial on its way.
    pub fn missing_initial(
        &mut self,
        intake: &impl Intake,
        lacks: impl Fn(TaskRef) -> bool,
    ) -> Vec<Trial> {
        let open: BTreeSet<TaskRef> = self.progress.open.values().map(|open| open.task).collect();
        let tasks = (0..self.plan.tasks).map(|index| TaskRef { split: Split::Train, index });
        let missing: Vec<TaskRef> =
            tasks.filter(|task| !open.contains(task) && lacks(*task)).collect();
        missing.into_iter().map(|task| self.initial_trial(intake, task, 0)).collect()
    }

    fn initial_trial(&mut self, intake: &impl Intake, task: TaskRef, tries: u32) -> Trial {
        let episodes = self.plan.collection.initial_episodes;
        let phase = Phase {
            latent: LatentSource::Prior,
            episodes,
            context: true,
            behaviour: self.plan.collection.initial_behaviour,
        };
        self.open_trial(intake, task, vec![phase], Some(tries))
    }

    fn open_trial(
        &mut self,
        intake: &impl Intake,
        task: TaskRef,
        phases: Vec<Phase>,
        initial: Option<u32>,
    ) -> Trial {
        let episodes = phases.iter().map(|phase| phase.episodes).sum();
        let id = intake.expect_trial(task, Purpose::Train, episodes);
        self.note_open(id, task, episodes, initial);
        Trial {
            id,
            task,
            purpose: Purpose::Train,
            phases,
            seed: stream(self.plan.seed, Role::TrialSeed, id.0, 0).next_u64(),
            min_version: Version(0),
            beliefs: 0,
        }
    }

    fn note_open(&mut self, id: TrialId, task: TaskRef, episodes: u32, initial: Option<u32>) {
        let expected = u64::from(episodes) * self.plan.horizon;
        self.progress.open.insert(id, Open { task, expected, initial });
    }

    /// The next ordinary trial, if the limiter, the window of open trials and the budget allow.
    pub fn next(&mut self, limiter: &Limiter, sampled: u64, intake: &impl Intake) -> Option<Trial> {
        let committed = self.committed(intake);
        let pays = limiter.may_insert(committed, sampled, self.plan.trial_transitions());
        (pays && self.has_room(intake)).then(|| self.ordinary_trial(intake))
    }

    /// In lockstep: the ordinary trials of one iteration, as many as the window and the budget allow.
    pub fn round(&mut self, intake: &impl Intake) -> Vec<Trial> {
        std::iter::from_fn(|| self.has_room(intake).then(|| self.ordinary_trial(intake))).collect()
    }

    fn has_room(&self, intake: &impl Intake) -> bool {
        let window = self.plan.collection.open_trials as usize;
        self.progress.open.len() < window && self.committed(intake) < self.plan.budget
    }

    fn ordinary_trial(&mut self, intake: &impl Intake) -> Trial {
        let mut rng = stream(self.plan.seed, Role::ChooseTask, self.progress.ordinary, 0);
        self.progress.ordinary += 1;
        let number = self.progress.ordinary - 1;
        let tasks = self.plan.tasks;
        let index = match &self.plan.collection.select {
            Select::Random => rng.random_range(0..tasks),
            Select::RoundRobin => in_turn(number, tasks),
            Select::Performance { prefer } => {
                self.progress.performance.draw(*prefer, tasks, &mut rng)
            }
            Select::Fixed { task } => *task,
            Select::List { tasks: list } => {
                list[in_turn(number, u32::try_from(list.len()).unwrap_or(u32::MAX)) as usize]
            }
        };
        let task = TaskRef { split: Split::Train, index };
        self.open_trial(intake, task, self.plan.ordinary_phases(), None)
    }

    /// Takes an outcome that was acted on before.
    pub fn forget(&mut self, outcome: &TrialOutcome) {
        self.progress.performance.take(outcome);
        let open = self.progress.open.remove(&outcome.trial);
        if open.is_some_and(|open| open.initial.is_none()) {
            let failed = outcome.failure.is_some();
            self.progress.failures = if failed { self.progress.failures + 1 } else { 0 };
        }
    }

    /// Takes the outcome of a trial; gives a substitute for an initial trial that failed.
    ///
    /// # Errors
    /// [`KeepsFailing`] if an initial trial, or too many ordinary ones in a row, failed.
    pub fn close(
        &mut self,
        outcome: &TrialOutcome,
        intake: &impl Intake,
    ) -> Result<Option<Trial>, KeepsFailing> {
        let Some(open) = self.progress.open.remove(&outcome.trial) else {
            return Ok(None);
        };
        self.progress.performance.take(outcome);
        let Some(why) = outcome.failure.clone() else {
            self.progress.failures = 0;
            return Ok(None);
        };
        let Some(tries) = open.initial else {
            self.progress.failures += 1;
            let (what, times) = ("training trials".to_owned(), self.progress.failures);
            let give_up = times >= MOST_FAILURES;
            return if give_up { Err(KeepsFailing { what, times, why }) } else { Ok(None) };
        };
        let times = tries + 1;
        if times >= INITIAL_RETRIES {
            let what = format!("initial experience of task {}", open.task);
            return Err(KeepsFailing { what, times, why });
        }
        Ok(Some(self.initial_trial(intake, open.task, times)))
    }

    /// Transitions in the replay, plus those that open trials will still bring.
    #[must_use]
    pub fn committed(&self, intake: &impl Intake) -> u64 {
        let to_come = self.progress.open.iter().filter(|(id, _)| !intake.has_inserted(**id));
        intake.inserted() + to_come.map(|(_, open)| open.expected).sum::<u64>()
    }

    /// Trials on their way.
    #[must_use]
    pub fn open(&self) -> usize {
        self.progress.open.len()
    }

    /// Whether nothing more will come.
    #[must_use]
    pub fn is_done(&self, intake: &impl Intake) -> bool {
        self.progress.open.is_empty() && intake.inserted() >= self.plan.budget
    }
}

/// Who comes as number `number` of all, if `count` take turns.
fn in_turn(number: u64, count: u32) -> u32 {
    u32::try_from(number % u64::from(count.max(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use types::{End, EpisodeOutcome};

    /// Counts what trials bring, per trial.
    #[derive(Default)]
    struct Counts(RefCell<Vec<u64>>);

    impl Counts {
        fn store(&self, trial: &Trial, transitions: u64) {
            self.0.borrow_mut()[usize::try_from(trial.id.0).unwrap()] += transitions;
        }
    }

    impl Intake for Counts {
        fn expect_trial(&self, _: TaskRef, _: Purpose, _: u32) -> TrialId {
            self.0.borrow_mut().push(0);
            TrialId(self.0.borrow().len() as u64 - 1)
        }

        fn inserted(&self) -> u64 {
            self.0.borrow().iter().sum()
        }

        fn has_inserted(&self, trial: TrialId) -> bool {
            self.0.borrow()[usize::try_from(trial.0).unwrap()] > 0
        }
    }

    fn plan() -> Plan {
        let collection = Collection {
            mode: types::experiment::Mode::Async,
            initial_episodes: 2,
            prior_episodes: 2,
            posterior_episodes: 0,
            extra_episodes: 3,
            samples_per_insert: 10.0,
            tolerance: 2_000,
            open_trials: 4,
            max_lag: 10,
            select: Select::Random,
            explore: None,
            initial_behaviour: Behaviour::Policy,
        };
        Plan { seed: 3, collection, tasks: 5, horizon: 100, budget: 5_000 }
    }

    fn outcome(trial: &Trial, failure: Option<String>) -> TrialOutcome {
        let episode = EpisodeOutcome {
            task_return: 0.0,
            length: 100,
            end: End::Truncated,
            version: Version(0),
            beliefs: Vec::new(),
        };
        let episodes = if failure.is_some() { 0 } else { trial.episodes() as usize };
        TrialOutcome {
            trial: trial.id,
            task: trial.task,
            purpose: trial.purpose,
            episodes: vec![episode; episodes],
            failure,
        }
    }

    #[test]
    fn the_budget_is_met_and_the_window_never_exceeded() {
        let mut collector = Collector::new(plan());
        let counts = Counts::default();
        for trial in collector.initial(&counts) {
            counts.store(&trial, 200);
            assert_eq!(collector.close(&outcome(&trial, None), &counts), Ok(None));
        }
        assert_eq!(collector.committed(&counts), 1_000);
        let limiter = Limiter::new(10.0, 2_000, 1_000);
        let mut sampled = 0;
        while !collector.is_done(&counts) {
            let mut open = Vec::new();
            while let Some(trial) = collector.next(&limiter, sampled, &counts) {
                assert!(open.len() < 4, "more trials open than the window allows");
                open.push(trial);
            }
            assert!(!open.is_empty(), "nothing to collect at {}", collector.committed(&counts));
            for trial in open {
                counts.store(&trial, 500);
                collector.close(&outcome(&trial, None), &counts).unwrap();
            }
            sampled = 10 * (counts.inserted() - 1_000);
        }
        assert_eq!(counts.inserted(), 5_000);
    }

    #[test]
    fn tasks_come_as_they_are_selected() {
        let tasks = |select| {
            let mut plan = plan();
            plan.collection.select = select;
            plan.collection.open_trials = 8;
            let round = Collector::new(plan).round(&Counts::default());
            round.iter().map(|trial| trial.task.index).collect::<Vec<_>>()
        };
        assert_eq!(tasks(Select::RoundRobin), [0, 1, 2, 3, 4, 0, 1, 2]);
        assert_eq!(tasks(Select::Fixed { task: 3 }), [3; 8]);
        assert_eq!(tasks(Select::List { tasks: vec![4, 0, 0] }), [4, 0, 0, 4, 0, 0, 4, 0]);
        assert!(tasks(Select::Random).iter().any(|task| *task != 0));
        let mut plan = plan();
        plan.collection.select = Select::Fixed { task: 5 };
        let sizes = SampleSizes {
            tasks: 1,
            transitions: 1,
            source: crate::replay::sampler::LatentDraw::Set(1),
        };
        let refused = plan.check(sizes).unwrap_err().to_string();
        assert!(refused.contains("collection.select: expected tasks from 0 to 4"), "{refused}");
    }

    #[test]
    fn trials_that_keep_failing_are_given_up() {
        let mut collector = Collector::new(plan());
        let counts = Counts::default();
        let failed = |trial: &Trial| outcome(trial, Some("diverged".to_owned()));
        let mut trial = collector.initial(&counts).remove(0);
        for _ in 1..INITIAL_RETRIES {
            let again = collector.close(&failed(&trial), &counts).unwrap().unwrap();
            assert_eq!(again.task, trial.task);
            assert_ne!(again.seed, trial.seed);
            trial = again;
        }
        assert!(collector.close(&failed(&trial), &counts).is_err());

        let mut collector = Collector::new(plan());
        let limiter = Limiter::new(10.0, 2_000, 0);
        for _ in 1..MOST_FAILURES {
            let trial = collector.next(&limiter, 0, &counts).unwrap();
            assert_eq!(collector.close(&failed(&trial), &counts), Ok(None));
        }
        let trial = collector.next(&limiter, 0, &counts).unwrap();
        assert!(collector.close(&failed(&trial), &counts).is_err());
    }
}
