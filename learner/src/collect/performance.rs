//! Choosing tasks by how they have been going (TIGR): more of those that improve least, or most.

use rand::{Rng, RngExt as _};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use types::experiment::Prefer;
use types::{TrialId, TrialOutcome};

/// Trials per task that are remembered.
const REMEMBERED: usize = 20;
/// How much less a change counts for each trial that came after it.
const FADING: f64 = 0.1;
/// Weights lie between these, so that no task is forgotten and none is all there is.
const RANGE: [f64; 2] = [0.05, 0.95];

/// Returns of the last episodes of the last trials of each task.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Performance {
    /// By trial, so that nothing depends on which outcome came in first.
    returns: BTreeMap<u32, BTreeMap<TrialId, f64>>,
    /// Trials that went well, by task.
    trials: BTreeMap<u32, u64>,
}

impl Performance {
    /// Takes the outcome of a training trial.
    pub(super) fn take(&mut self, outcome: &TrialOutcome) {
        // The last episode is the one that the policy knows most in.
        let Some(last) = outcome.episodes.last().filter(|_| outcome.failure.is_none()) else {
            return;
        };
        let returns = self.returns.entry(outcome.task.index).or_default();
        returns.insert(outcome.trial, last.task_return);
        while returns.len() > REMEMBERED {
            returns.pop_first();
        }
        *self.trials.entry(outcome.task.index).or_default() += 1;
    }

    /// Draws a task. Its weight is its improvement, the mean change of its return from trial to
    /// trial with weights e^(−0.1·age), mapped to 0.05 to 0.95 over all tasks (turned round for
    /// [`Prefer::Worst`]), and a bonus of up to 1 for tasks that have had fewer trials than others.
    pub(super) fn draw(&self, prefer: Prefer, tasks: u32, rng: &mut impl Rng) -> u32 {
        let weights = self.weights(prefer, tasks);
        let mut rest = rng.random::<f64>() * weights.iter().sum::<f64>();
        let chosen = weights.iter().position(|weight| {
            rest -= weight;
            rest < 0.0
        });
        chosen.and_then(|index| u32::try_from(index).ok()).unwrap_or(tasks.saturating_sub(1))
    }

    fn weights(&self, prefer: Prefer, tasks: u32) -> Vec<f64> {
        let improvements: Vec<f64> = (0..tasks).map(|task| self.improvement(task)).collect();
        let least = improvements.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = improvements.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let span = greatest - least;
        let most = (0..tasks).map(|task| self.count(task)).max().unwrap_or(0).max(1) as f64;
        let weight = |(task, improvement): (u32, f64)| {
            let part = if span > 0.0 { (improvement - least) / span } else { 0.5 };
            let part = match prefer {
                Prefer::Best => part,
                Prefer::Worst => 1.0 - part,
            };
            let bonus = 1.0 - self.count(task) as f64 / most;
            RANGE[0] + (RANGE[1] - RANGE[0]) * part + bonus
        };
        (0..tasks).zip(improvements).map(weight).collect()
    }

    fn improvement(&self, task: u32) -> f64 {
        let returns: Vec<f64> =
            self.returns.get(&task).map(|r| r.values().copied().collect()).unwrap_or_default();
        let changes = returns.windows(2).rev().map(|pair| pair[1] - pair[0]);
        let weighted = changes.enumerate().map(|(age, change)| {
            let weight = (-FADING * age as f64).exp();
            (weight * change, weight)
        });
        let (sum, weights) = weighted.fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
        if weights > 0.0 { sum / weights } else { 0.0 }
    }

    fn count(&self, task: u32) -> u64 {
        self.trials.get(&task).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{End, EpisodeOutcome, Purpose, Role, Split, TaskRef, Version, stream};

    fn outcome(trial: u64, index: u32, task_return: f64) -> TrialOutcome {
        let episode = EpisodeOutcome {
            task_return,
            length: 10,
            end: End::Truncated,
            version: Version(0),
            beliefs: Vec::new(),
        };
        TrialOutcome {
            trial: TrialId(trial),
            task: TaskRef { split: Split::Train, index },
            purpose: Purpose::Train,
            episodes: vec![episode],
            failure: None,
        }
    }

    #[test]
    fn tasks_that_stand_still_come_more_often_and_the_order_of_outcomes_does_not_matter() {
        // Task 0 improves, task 1 stands still, task 2 gets worse; equally many trials each.
        let slopes = [3.0, 0.0, -1.0];
        let outcomes: Vec<TrialOutcome> = (0..30)
            .map(|trial| {
                let task = trial % 3;
                let progress = slopes[usize::try_from(task).unwrap()] * (trial / 3) as f64;
                outcome(trial, u32::try_from(task).unwrap(), progress)
            })
            .collect();
        let mut forward = Performance::default();
        let mut backward = Performance::default();
        outcomes.iter().for_each(|outcome| forward.take(outcome));
        outcomes.iter().rev().for_each(|outcome| backward.take(outcome));
        assert_eq!(forward, backward);
        let shares = |prefer| {
            let mut counts = [0u32; 3];
            let mut rng = stream(1, Role::ChooseTask, 0, 0);
            (0..4000).for_each(|_| counts[forward.draw(prefer, 3, &mut rng) as usize] += 1);
            counts
        };
        let [best, middle, worst] = shares(Prefer::Worst);
        assert!(best < middle && middle < worst && best > 50, "{best} {middle} {worst}");
        let [best, middle, worst] = shares(Prefer::Best);
        assert!(best > middle && middle > worst && worst > 50, "{best} {middle} {worst}");
        // A task without trials has a bonus.
        let mut rng = stream(2, Role::ChooseTask, 0, 0);
        let fresh = (0..4000).filter(|_| forward.draw(Prefer::Best, 4, &mut rng) == 3).count();
        assert!(fresh > 1000, "{fresh}");
    }
}
