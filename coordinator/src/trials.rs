//! What is to be collected and who works on it. Pure.
//!
//! A trial waits, is leased, and is done with the first report. When the life that holds the lease
//! ends, the trial waits again in its old place in the queue, so that what was submitted first is
//! finished first.

use crate::ids::IdSet;
use crate::journal::Snapshot;
use crate::journal::record;
use crate::registry::LifeKey;
use crate::restore::{key_of, write_open};
use proto::WireError;
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
    /// It was done before: a report of that time may come again, and does not count.
    again: bool,
}

impl Trials {
    /// Whether a trial of this id was submitted before.
    #[must_use]
    pub fn knows(&self, id: TrialId) -> bool {
        self.open.contains_key(&id) || self.done.contains(id.0)
    }

    /// Whether the trial is waiting or leased.
    #[must_use]
    pub fn is_open(&self, id: TrialId) -> bool {
        self.open.contains_key(&id)
    }

    /// Trials waiting or leased.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    /// Takes a trial in. False if its id is known already; then nothing changes.
    pub fn submit(&mut self, trial: Trial) -> bool {
        let new = !self.knows(trial.id);
        if new {
            self.put(trial, false);
        }
        new
    }

    fn put(&mut self, trial: Trial, again: bool) {
        let rank = match trial.purpose {
            Purpose::Evaluate => 0,
            Purpose::Train => 1,
        };
        let place = (rank, self.submitted);
        self.submitted += 1;
        self.waiting.insert(place, trial.id);
        let open = Open { place, owner: None, trial, again };
        self.open.insert(open.trial.id, open);
    }

    /// Takes a trial in although it may be done. False if it is open; then nothing changes.
    pub fn recollect(&mut self, trial: Trial) -> bool {
        if self.is_open(trial.id) {
            return false;
        }
        let again = self.done.remove(trial.id.0);
        self.counts.done -= u64::from(again);
        self.put(trial, again);
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
        let chosen: Vec<TrialId> = chosen.into_iter().map(|(_, id)| id).collect();
        self.lease_these(owner, &chosen)
    }

    /// Leases those of `trials` that wait.
    pub fn lease_these(&mut self, owner: LifeKey, trials: &[TrialId]) -> Vec<Trial> {
        let mut leased = Vec::with_capacity(trials.len());
        for id in trials {
            if let Some(open) = self.open.get_mut(id).filter(|open| open.owner.is_none()) {
                self.waiting.remove(&open.place);
                open.owner = Some(owner);
                leased.push(open.trial.clone());
                self.leases.entry(owner).or_default().insert(*id);
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

    /// Takes back what is leased to `owner` and is not among `holding`: it never got there. How many
    /// trials that were.
    pub fn release_others(&mut self, owner: LifeKey, holding: &[TrialId]) -> usize {
        let leased = self.leases.get(&owner).into_iter().flatten();
        let lost: Vec<TrialId> = leased.filter(|id| !holding.contains(id)).copied().collect();
        for id in &lost {
            self.forget_lease(owner, *id);
            if let Some(open) = self.open.get_mut(id) {
                open.owner = None;
                self.waiting.insert(open.place, *id);
            }
        }
        self.counts.released += lost.len() as u64;
        lost.len()
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

    /// Notes a checked outcome that `from` reports; gives its trial. `None` if it does not count;
    /// then nothing changes.
    pub fn report(&mut self, from: LifeKey, outcome: &TrialOutcome) -> Option<Trial> {
        let counts = |open: &&Open| !open.again || open.owner == Some(from);
        self.open.get(&outcome.trial).filter(counts)?;
        let open = self.open.remove(&outcome.trial)?;
        match open.owner {
            None => {
                self.waiting.remove(&open.place);
            }
            Some(owner) => self.forget_lease(owner, outcome.trial),
        }
        self.done.insert(outcome.trial.0);
        self.counts.done += 1;
        self.counts.failed += u64::from(outcome.failure.is_some());
        Some(open.trial)
    }

    fn forget_lease(&mut self, owner: LifeKey, trial: TrialId) {
        if let Some(held) = self.leases.get_mut(&owner) {
            held.remove(&trial);
            if held.is_empty() {
                self.leases.remove(&owner);
            }
        }
    }

    /// Writes all of it down.
    pub(crate) fn save(&self, snapshot: &mut Snapshot) {
        let mut open: Vec<&Open> = self.open.values().collect();
        open.sort_by_key(|open| open.place.1);
        let written = open.iter().map(|o| write_open(&o.trial, o.place.1, o.owner, o.again));
        snapshot.open = written.collect();
        snapshot.submitted = self.submitted;
        snapshot.done = self.done.ranges();
        snapshot.counts = Some(self.counts.into());
    }

    /// Becomes what was written down.
    ///
    /// # Errors
    /// If a trial is none of this release.
    pub(crate) fn load(&mut self, snapshot: &Snapshot) -> Result<(), WireError> {
        for open in &snapshot.open {
            let trial = open.trial.clone().ok_or(WireError::Missing("open.trial"))?;
            let trial = Trial::try_from(trial)?;
            let id = trial.id;
            self.submitted = open.place;
            self.put(trial, open.again);
            if open.owner.is_some() {
                self.lease_these(key_of(open.owner)?, &[id]);
            }
        }
        self.submitted = snapshot.submitted;
        self.done.load(&snapshot.done);
        let counts = snapshot.counts.unwrap_or_default();
        let record::Counts { done, failed, released } = counts;
        self.counts = Counts { done, failed, released, ..Counts::default() };
        Ok(())
    }

    /// The numbers, now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let waiting = self.waiting.len() as u64;
        Counts { waiting, leased: self.open.len() as u64 - waiting, ..self.counts }
    }
}
