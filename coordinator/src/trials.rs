//! What is to be collected and who works on it. Pure.
//!
//! A trial waits, is leased, and is done with the first report. When the life that holds the lease
//! ends, the trial waits again in its old place in the queue, so that what was submitted first is
//! finished first.

use crate::ids::IdSet;
use crate::registry::LifeKey;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use types::{Purpose, Trial, TrialId, TrialOutcome, Version};

/// Place in the queue: evaluation before training, then in the order of submission.
type Place = (u8, u64);

/// A report that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("outcome of trial {trial}: expected {expected}, got {got}")]
pub struct InvalidOutcome {
    trial: TrialId,
    expected: String,
    got: String,
}

/// How many trials are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Submitted, not leased.
    pub waiting: u64,
    /// Being worked on.
    pub leased: u64,
    /// Reported, failed ones included.
    pub done: u64,
    /// Reported as given up.
    pub failed: u64,
    /// Taken back from a life that ended (each time counts).
    pub released: u64,
}

/// All trials of the run.
#[derive(Debug, Default)]
pub struct Trials {
    open: HashMap<TrialId, Open>,
    waiting: BTreeMap<Place, TrialId>,
    leases: BTreeMap<LifeKey, BTreeSet<TrialId>>,
    done: IdSet,
    submitted: u64,
    counts: Counts,
}

#[derive(Debug)]
struct Open {
    trial: Trial,
    place: Place,
    owner: Option<LifeKey>,
}

impl Trials {
    /// Whether a trial of this id was submitted before.
    #[must_use]
    pub fn knows(&self, id: TrialId) -> bool {
        self.open.contains_key(&id) || self.done.contains(id.0)
    }

    /// Trials waiting or leased.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Takes a trial in. False if its id is known already; then nothing changes.
    pub fn submit(&mut self, trial: Trial) -> bool {
        if self.knows(trial.id) {
            return false;
        }
        let rank = match trial.purpose {
            Purpose::Evaluate => 0,
            Purpose::Train => 1,
        };
        let place = (rank, self.submitted);
        self.submitted += 1;
        self.waiting.insert(place, trial.id);
        let open = Open { place, owner: None, trial };
        self.open.insert(open.trial.id, open);
        true
    }

    /// Leases up to `capacity` trials that weights of `version` may serve.
    pub fn lease(&mut self, owner: LifeKey, version: Version, capacity: usize) -> Vec<Trial> {
        let admitted = |(_, id): &(&Place, &TrialId)| {
            let open = self.open.get(id);
            open.is_some_and(|open| open.trial.min_version <= version)
        };
        let chosen: Vec<(Place, TrialId)> = self
            .waiting
            .iter()
            .filter(admitted)
            .take(capacity)
            .map(|(place, id)| (*place, *id))
            .collect();
        let mut leased = Vec::with_capacity(chosen.len());
        for (place, id) in chosen {
            self.waiting.remove(&place);
            if let Some(open) = self.open.get_mut(&id) {
                open.owner = Some(owner);
                leased.push(open.trial.clone());
                self.leases.entry(owner).or_default().insert(id);
            }
        }
        leased
    }

    /// Takes back what `owner` holds. How many trials that were.
    pub fn release(&mut self, owner: LifeKey) -> usize {
        let held = self.leases.remove(&owner).unwrap_or_default();
        for id in &held {
            if let Some(open) = self.open.get_mut(id) {
                open.owner = None;
                self.waiting.insert(open.place, *id);
            }
        }
        self.counts.released += held.len() as u64;
        held.len()
    }

    /// Checks an outcome against its trial; one of a trial that is done already needs no check.
    ///
    /// # Errors
    /// [`InvalidOutcome`] if there is no such trial, or it is another one.
    pub fn check(&self, outcome: &TrialOutcome) -> Result<(), InvalidOutcome> {
        let wrong =
            |expected: String, got: String| InvalidOutcome { trial: outcome.trial, expected, got };
        let Some(open) = self.open.get(&outcome.trial) else {
            return if self.done.contains(outcome.trial.0) {
                Ok(())
            } else {
                Err(wrong("a submitted trial".to_owned(), "an unknown id".to_owned()))
            };
        };
        let trial = &open.trial;
        if (trial.task, trial.purpose) != (outcome.task, outcome.purpose) {
            let name = |purpose, task| format!("{purpose:?} on {task}").to_lowercase();
            return Err(wrong(
                name(trial.purpose, trial.task),
                name(outcome.purpose, outcome.task),
            ));
        }
        let expected = trial.episodes() as usize;
        let got = outcome.episodes.len();
        let complete = got == expected || (outcome.failure.is_some() && got < expected);
        if complete {
            return Ok(());
        }
        Err(wrong(format!("{expected} episodes"), format!("{got} and no failure")))
    }

    /// Notes a checked outcome. False if the trial was done already; then nothing changes.
    pub fn report(&mut self, outcome: &TrialOutcome) -> bool {
        let Some(open) = self.open.remove(&outcome.trial) else {
            return false;
        };
        match open.owner {
            None => {
                self.waiting.remove(&open.place);
            }
            Some(owner) => self.forget_lease(owner, outcome.trial),
        }
        self.done.insert(outcome.trial.0);
        self.counts.done += 1;
        self.counts.failed += u64::from(outcome.failure.is_some());
        true
    }

    fn forget_lease(&mut self, owner: LifeKey, trial: TrialId) {
        if let Some(held) = self.leases.get_mut(&owner) {
            held.remove(&trial);
            if held.is_empty() {
                self.leases.remove(&owner);
            }
        }
    }

    /// The numbers, now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let waiting = self.waiting.len() as u64;
        Counts { waiting, leased: self.open.len() as u64 - waiting, ..self.counts }
    }
}
