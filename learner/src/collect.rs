//! Which training trials to ask for, and when: the schedule of PEARL's data collection.

use crate::replay::Limiter;
use rand::{Rng as _, RngExt as _};
use std::collections::BTreeMap;
use types::experiment::Collection;
use types::{
    LatentSource, Phase, Purpose, Role, Split, TaskRef, Trial, TrialId, TrialOutcome, Version,
    stream,
};

/// Times an initial trial is asked for again after a failure of the simulation.
const INITIAL_RETRIES: u32 = 5;

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
        u64::from(c.prior_episodes + c.posterior_episodes + c.extra_episodes) * self.horizon
    }

    fn ordinary_phases(&self) -> Vec<Phase> {
        let c = &self.collection;
        let phases = [
            (LatentSource::Prior, c.prior_episodes, true),
            (LatentSource::Posterior, c.posterior_episodes, true),
            (LatentSource::Posterior, c.extra_episodes, false),
        ];
        let phases = phases.map(|(latent, episodes, context)| Phase { latent, episodes, context });
        phases.into_iter().filter(|phase| phase.episodes > 0).collect()
    }
}

/// A trial on its way.
#[derive(Debug, Clone, Copy)]
struct Open {
    task: TaskRef,
    expected: u64,
    /// How often it was tried before, for an initial trial.
    initial: Option<u32>,
}

/// The schedule's state.
#[derive(Debug)]
pub struct Collector {
    plan: Plan,
    open: BTreeMap<TrialId, Open>,
    /// Transitions of trials that have ended.
    collected: u64,
    ordinary: u64,
}

/// An initial trial that failed too often.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected initial experience of task {task}, got {INITIAL_RETRIES} failures: {failure}")]
pub struct InitialFailed {
    task: TaskRef,
    failure: String,
}

impl Collector {
    /// Nothing asked for yet.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self { plan, open: BTreeMap::new(), collected: 0, ordinary: 0 }
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// One trial per training task with z from the prior. `number` gives each task's trial its id.
    pub fn initial(&mut self, number: impl Fn(TaskRef) -> TrialId) -> Vec<Trial> {
        let tasks = (0..self.plan.tasks).map(|index| TaskRef { split: Split::Train, index });
        tasks.map(|task| self.initial_trial(number(task), task, 0)).collect()
    }

    fn initial_trial(&mut self, id: TrialId, task: TaskRef, tries: u32) -> Trial {
        let episodes = self.plan.collection.initial_episodes;
        let phase = Phase { latent: LatentSource::Prior, episodes, context: true };
        self.open_trial(id, task, vec![phase], Some(tries))
    }

    fn open_trial(
        &mut self,
        id: TrialId,
        task: TaskRef,
        phases: Vec<Phase>,
        initial: Option<u32>,
    ) -> Trial {
        let trial = Trial {
            id,
            task,
            purpose: Purpose::Train,
            phases,
            seed: stream(self.plan.seed, Role::TrialSeed, id.0, 0).next_u64(),
            min_version: Version(0),
        };
        let expected = u64::from(trial.episodes()) * self.plan.horizon;
        self.open.insert(id, Open { task, expected, initial });
        trial
    }

    /// The next ordinary trial, if the limiter, the window of open trials and the budget allow.
    pub fn next(
        &mut self,
        limiter: &Limiter,
        sampled: u64,
        number: impl Fn(TaskRef) -> TrialId,
    ) -> Option<Trial> {
        let window = self.plan.collection.open_trials as usize;
        let room = self.open.len() < window && self.committed() < self.plan.budget;
        let insertion = self.plan.trial_transitions();
        if !room || !limiter.may_insert(self.committed(), sampled, insertion) {
            return None;
        }
        let mut rng = stream(self.plan.seed, Role::ChooseTask, self.ordinary, 0);
        self.ordinary += 1;
        let index = rng.random_range(0..self.plan.tasks);
        let task = TaskRef { split: Split::Train, index };
        let phases = self.plan.ordinary_phases();
        Some(self.open_trial(number(task), task, phases, None))
    }

    /// Takes the outcome of a trial; gives a substitute for an initial trial that failed.
    ///
    /// # Errors
    /// [`InitialFailed`] if it failed once too often.
    pub fn close(
        &mut self,
        outcome: &TrialOutcome,
        number: impl Fn(TaskRef) -> TrialId,
    ) -> Result<Option<Trial>, InitialFailed> {
        let Some(open) = self.open.remove(&outcome.trial) else {
            return Ok(None);
        };
        self.collected += outcome.episodes.iter().map(|e| u64::from(e.length)).sum::<u64>();
        let (Some(failure), Some(tries)) = (&outcome.failure, open.initial) else {
            return Ok(None);
        };
        let tries = tries + 1;
        if tries >= INITIAL_RETRIES {
            return Err(InitialFailed { task: open.task, failure: failure.clone() });
        }
        Ok(Some(self.initial_trial(number(open.task), open.task, tries)))
    }

    /// Transitions collected by trials that have ended, plus those that open ones will collect.
    #[must_use]
    pub fn committed(&self) -> u64 {
        self.collected + self.open.values().map(|open| open.expected).sum::<u64>()
    }

    /// Trials on their way.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Whether nothing more will come.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.open.is_empty() && self.committed() >= self.plan.budget
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use types::{End, EpisodeOutcome};

    fn plan() -> Plan {
        let collection = Collection {
            initial_episodes: 2,
            prior_episodes: 2,
            posterior_episodes: 0,
            extra_episodes: 3,
            samples_per_insert: 10.0,
            tolerance: 2_000,
            open_trials: 4,
            max_lag: 10,
        };
        Plan { seed: 3, collection, tasks: 5, horizon: 100, budget: 5_000 }
    }

    fn outcome(trial: &Trial, failure: Option<String>) -> TrialOutcome {
        let episode = EpisodeOutcome {
            task_return: 0.0,
            length: 100,
            end: End::Truncated,
            version: Version(0),
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
        let ids = Cell::new(0);
        let number = |_| TrialId(ids.replace(ids.get() + 1));
        for trial in collector.initial(number) {
            assert_eq!(collector.close(&outcome(&trial, None), number), Ok(None));
        }
        assert_eq!(collector.committed(), 1_000);
        let limiter = Limiter::new(10.0, 2_000, 1_000);
        let mut sampled = 0;
        while !collector.is_done() {
            let mut open = Vec::new();
            while let Some(trial) = collector.next(&limiter, sampled, number) {
                assert!(open.len() < 4, "more trials open than the window allows");
                open.push(trial);
            }
            assert!(!open.is_empty(), "nothing to collect at {}", collector.committed());
            for trial in open {
                collector.close(&outcome(&trial, None), number).unwrap();
            }
            sampled = 10 * (collector.committed() - 1_000);
        }
        assert_eq!(collector.committed(), 5_000);
    }

    #[test]
    fn a_failed_initial_trial_is_tried_again_with_another_seed_and_then_given_up() {
        let mut collector = Collector::new(plan());
        let ids = Cell::new(0);
        let number = |_| TrialId(ids.replace(ids.get() + 1));
        let mut trial = collector.initial(number).remove(0);
        for _ in 1..INITIAL_RETRIES {
            let failed = outcome(&trial, Some("diverged".to_owned()));
            let again = collector.close(&failed, number).unwrap().unwrap();
            assert_eq!(again.task, trial.task);
            assert_ne!(again.seed, trial.seed);
            trial = again;
        }
        let failed = outcome(&trial, Some("diverged".to_owned()));
        assert!(collector.close(&failed, number).is_err());
    }
}
