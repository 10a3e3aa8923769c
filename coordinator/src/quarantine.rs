//! Trials that failed, by task: what a user needs to see one fail again. Pure.

use proto::v1::Quarantined;
use std::collections::BTreeMap;
use types::{Split, TaskRef, TrialOutcome};

/// Tasks told of in one status; those that failed most often come first.
const TOLD: usize = 64;
/// Characters of a reason that are kept.
const REASON: usize = 400;

/// Failures of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failures {
    count: u64,
    seed: u64,
    why: String,
}

/// Failures of all tasks. As large as the family at most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quarantine {
    tasks: BTreeMap<(u8, u32), Failures>,
}

impl Quarantine {
    /// Notes an outcome of a trial of `seed`, if it is a failure.
    pub fn note(&mut self, outcome: &TrialOutcome, seed: u64) {
        let Some(why) = &outcome.failure else {
            return;
        };
        let failures = self.tasks.entry(key(outcome.task)).or_insert_with(|| Failures {
            count: 0,
            seed,
            why: String::new(),
        });
        failures.count += 1;
        failures.seed = seed;
        failures.why = why.chars().take(REASON).collect();
    }

    /// The tasks that failed most often, those first.
    #[must_use]
    pub fn told(&self) -> Vec<Quarantined> {
        let mut all = self.all();
        all.sort_by_key(|task| std::cmp::Reverse(task.count));
        all.truncate(TOLD);
        all
    }

    /// All of them, by task.
    #[must_use]
    pub fn all(&self) -> Vec<Quarantined> {
        let told = |((split, index), failures): (&(u8, u32), &Failures)| Quarantined {
            task: Some(proto::v1::TaskRef { split: (*split).into(), index: *index }),
            count: failures.count,
            seed: failures.seed,
            why: failures.why.clone(),
        };
        self.tasks.iter().map(told).collect()
    }

    /// What [`Quarantine::all`] said.
    ///
    /// # Errors
    /// If a task is no task.
    pub fn restore(all: Vec<Quarantined>) -> Result<Self, proto::WireError> {
        let mut tasks = BTreeMap::new();
        for Quarantined { task, count, seed, why } in all {
            let task: TaskRef =
                task.ok_or(proto::WireError::Missing("quarantined.task"))?.try_into()?;
            tasks.insert(key(task), Failures { count, seed, why });
        }
        Ok(Self { tasks })
    }
}

/// Sorts training tasks first.
fn key(task: TaskRef) -> (u8, u32) {
    let split = match task.split {
        Split::Train => 1,
        Split::Test => 2,
    };
    (split, task.index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Purpose, TrialId};

    #[test]
    fn failures_are_counted_by_task_with_the_last_seed_and_reason() {
        let mut quarantine = Quarantine::default();
        let failed = |split, index, why: &str| TrialOutcome {
            trial: TrialId(0),
            task: TaskRef { split, index },
            purpose: Purpose::Train,
            episodes: vec![],
            failure: Some(why.to_owned()),
        };
        quarantine.note(&failed(Split::Test, 0, "slow"), 1);
        for (seed, why) in [(7, "first"), (8, "second")] {
            quarantine.note(&failed(Split::Train, 5, why), seed);
        }
        quarantine.note(&TrialOutcome { failure: None, ..failed(Split::Train, 6, "") }, 9);
        let told = quarantine.told();
        let of = |task: &Quarantined| (task.task.unwrap().index, task.count, task.seed);
        assert_eq!(told.iter().map(of).collect::<Vec<_>>(), [(5, 2, 8), (0, 1, 1)]);
        assert_eq!(told[0].why, "second");
        assert_eq!(Quarantine::restore(quarantine.all()).unwrap(), quarantine);
    }
}
