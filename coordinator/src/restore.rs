//! A state from what was written down of it, and the other way round. Pure.
//!
//! Restoring takes the same way as deciding did: each record is applied by the functions that the
//! decision itself went through.

use crate::journal::record::{self, Counts, Entry, Held, OpenTrial, Snapshot};
use crate::learner::Newcomer;
use crate::registry::{Life, LifeKey, Now, Totals};
use crate::state::{Rules, State};
use proto::WireError;
use proto::v1;
use std::time::Duration;
use types::{Trial, TrialId, TrialOutcome};

/// How long the members of a restored run have to be heard of again: the coordinator was away, not
/// they.
pub const GRACE: Duration = Duration::from_secs(10);

impl State {
    /// What must be remembered since the last call.
    pub fn take_entries(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    /// All that must be remembered.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot {
            version: self.progress.version,
            wall_s: self.wall_s,
            newest_evaluation: self.newest_evaluation.clone(),
            unrecorded: self.unrecorded.clone(),
            evaluations: self.evaluations.ranges(),
            quarantined: self.quarantine.all(),
            ..Snapshot::default()
        };
        self.registry.save(&mut snapshot);
        self.trials.save(&mut snapshot);
        self.outcomes.save(&mut snapshot);
        self.seat.save(&mut snapshot);
        snapshot
    }

    /// The state that `entries`, which begin with a snapshot, came to. Everybody who was there is
    /// taken to have been heard of just now, and has [`GRACE`].
    ///
    /// # Errors
    /// If a record is none of this release.
    pub fn restore(rules: Rules, entries: Vec<Entry>) -> Result<Self, WireError> {
        let mut state = Self::new(rules);
        for entry in entries {
            state.apply(entry)?;
        }
        state.entries.clear();
        state.registry.heard_again(GRACE);
        state.seat.heard_again(GRACE);
        Ok(state)
    }

    fn apply(&mut self, entry: Entry) -> Result<(), WireError> {
        match entry {
            Entry::Snapshot(snapshot) => self.load(*snapshot)?,
            Entry::Born(life) => {
                let life = life_of(life)?;
                self.begin(life);
            }
            Entry::Ended(life) => {
                let life = life_of(life)?;
                self.registry.update(&life);
                self.end(life.key);
            }
            Entry::Leased(Held { by, trials }) => {
                self.trials.lease_these(key_of(by)?, &ids(trials));
            }
            Entry::Holds(Held { by, trials }) => {
                self.trials.release_others(key_of(by)?, &ids(trials));
            }
            Entry::Submitted(work) => {
                for trial in trials_of(work.trials)? {
                    self.trials.submit(trial);
                }
            }
            Entry::Recollected(work) => {
                for trial in trials_of(work.trials)? {
                    self.trials.recollect(trial);
                }
            }
            Entry::Reported(reported) => {
                let key = key_of(reported.by)?;
                for outcome in reported.outcomes {
                    self.take(key, TrialOutcome::try_from(outcome)?);
                }
            }
            Entry::Confirmed(position) => self.outcomes.confirm(position),
            Entry::WrittenDown(position) => self.outcomes.written_down(position),
            Entry::Realigned(position) => self.outcomes.realign(position),
            Entry::Seated(learner) => self.seat.sit(newcomer(&learner), learner.life, Now::ZERO),
            Entry::Unseated(record::Unseated { pid, why }) => {
                self.seat.ended(pid, why, Now::ZERO);
            }
            Entry::Evaluated(evaluation) => self.evaluated(evaluation),
            Entry::Recorded(number) => self.recorded(number),
            Entry::Version(version) => self.progress.version = version,
            Entry::Wall(seconds) => self.wall_s = seconds,
        }
        Ok(())
    }

    fn load(&mut self, snapshot: Snapshot) -> Result<(), WireError> {
        self.registry.load(&snapshot)?;
        self.trials.load(&snapshot)?;
        self.outcomes.load(&snapshot)?;
        self.seat.load(&snapshot);
        self.evaluations.load(&snapshot.evaluations);
        self.progress.version = snapshot.version;
        self.wall_s = snapshot.wall_s;
        self.newest_evaluation = snapshot.newest_evaluation;
        self.unrecorded = snapshot.unrecorded;
        self.quarantine = crate::quarantine::Quarantine::restore(snapshot.quarantined)?;
        Ok(())
    }
}

/// How a life is written down.
pub(crate) fn write_life(life: &Life) -> record::Life {
    record::Life {
        key: Some(wire(life.key)),
        host: life.host.clone(),
        pid: life.pid,
        stats: Some(life.stats),
        told_to_leave: life.told_to_leave,
        stored: life.stored,
    }
}

/// A life that was written down; its times begin anew.
pub(crate) fn life_of(life: record::Life) -> Result<Life, WireError> {
    Ok(Life {
        key: key_of(life.key)?,
        host: life.host,
        pid: life.pid,
        born: Now::ZERO,
        heard: Now::ZERO,
        stats: life.stats.unwrap_or_default(),
        told_to_leave: life.told_to_leave,
        stored: life.stored,
        newest_request: 0,
    })
}

pub(crate) fn wire(key: LifeKey) -> v1::ActorKey {
    proto::convert::actor_key(key.actor, key.incarnation)
}

pub(crate) fn key_of(wire: Option<v1::ActorKey>) -> Result<LifeKey, WireError> {
    let (actor, incarnation) = proto::convert::read_actor_key(wire)?;
    Ok(LifeKey { actor, incarnation })
}

pub(crate) fn held(by: LifeKey, trials: impl IntoIterator<Item = TrialId>) -> Held {
    Held { by: Some(wire(by)), trials: trials.into_iter().map(|id| id.0).collect() }
}

pub(crate) fn newcomer(learner: &record::Learner) -> Newcomer {
    let record::Learner { address, host, pid, .. } = learner.clone();
    Newcomer { address, host, pid }
}

fn ids(trials: Vec<u64>) -> Vec<TrialId> {
    trials.into_iter().map(TrialId).collect()
}

fn trials_of(trials: Vec<v1::Trial>) -> Result<Vec<Trial>, WireError> {
    trials.into_iter().map(TryInto::try_into).collect()
}

/// How an open trial is written down.
pub(crate) fn write_open(
    trial: &Trial,
    place: u64,
    owner: Option<LifeKey>,
    again: bool,
) -> OpenTrial {
    OpenTrial { trial: Some(trial.clone().into()), place, owner: owner.map(wire), again }
}

impl From<crate::trials::Counts> for Counts {
    fn from(counts: crate::trials::Counts) -> Self {
        Self { done: counts.done, failed: counts.failed, released: counts.released }
    }
}

impl From<Totals> for record::Totals {
    fn from(totals: Totals) -> Self {
        Self {
            acknowledged: totals.acknowledged,
            waited_lease_s: totals.waited_lease_s,
            waited_upload_s: totals.waited_upload_s,
            waited_weights_s: totals.waited_weights_s,
        }
    }
}

impl From<record::Totals> for Totals {
    fn from(totals: record::Totals) -> Self {
        Self {
            acknowledged: totals.acknowledged,
            waited_lease_s: totals.waited_lease_s,
            waited_upload_s: totals.waited_upload_s,
            waited_weights_s: totals.waited_weights_s,
        }
    }
}
