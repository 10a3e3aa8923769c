//! What must hold at every look at a run. Pure: pictures of the run and the clock come in, what is
//! broken goes out.

use super::plan::Who;
use crate::process::Memory;
use proto::v1::{ActorStats, ActorStatus, LearnerProgress, StatusReply};
use std::collections::BTreeMap;

/// Counters of one report are read one after another while experience comes in.
const READING: u64 = 4_096;
/// Heap and stacks; a run as small as this needs a fraction of it.
const MOST_ANONYMOUS: [(Who, u64); 3] =
    [(Who::Coordinator, 256 << 20), (Who::Learner, 1 << 30), (Who::Actor(0), 128 << 20)];

/// What is known of one life of an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LifeSeen {
    /// Its place.
    pub actor: u32,
    /// Its process.
    pub pid: u32,
    /// Transitions it saw acknowledged, at least.
    pub acknowledged: u64,
    /// Weights it used last.
    pub version: u64,
}

/// Remembers what it has seen, and compares.
#[derive(Debug, Default)]
pub struct Invariants {
    lives: BTreeMap<u64, LifeSeen>,
    learner: LearnerProgress,
    /// Whether the learner has been killed since it was last seen.
    learner_killed: bool,
    peaks: BTreeMap<Who, Memory>,
}

impl Invariants {
    /// The lives seen so far, by incarnation.
    #[must_use]
    pub fn lives(&self) -> &BTreeMap<u64, LifeSeen> {
        &self.lives
    }

    /// The most memory each process was seen to hold.
    #[must_use]
    pub fn peaks(&self) -> &BTreeMap<Who, Memory> {
        &self.peaks
    }

    /// The next learner may have lost updates since the newest checkpoint.
    pub fn learner_is_killed(&mut self) {
        self.learner_killed = true;
    }

    /// Looks at a run; what is broken.
    pub fn look(&mut self, status: &StatusReply) -> Vec<String> {
        let mut broken = Vec::new();
        for actor in &status.actors {
            self.look_at_actor(actor, &mut broken);
        }
        // A learner that is starting has not read yet what it had.
        let learner = status.learner.clone().unwrap_or_default();
        if !learner.phase.is_empty() && learner.phase != "starting" {
            self.look_at_learner(learner, &mut broken);
        }
        broken
    }

    fn look_at_actor(&mut self, actor: &ActorStatus, broken: &mut Vec<String>) {
        let (Some(key), Some(stats)) = (actor.actor, actor.stats) else {
            broken.push("an actor without key or counters in the status".to_owned());
            return;
        };
        let now = LifeSeen {
            actor: key.actor,
            pid: actor.pid,
            acknowledged: stats.transitions_acknowledged,
            version: stats.version,
        };
        let name = format!("actor {} incarnation {}", key.actor, key.incarnation);
        if stats.transitions_acknowledged > stats.transitions_sent {
            let (acknowledged, sent) = (stats.transitions_acknowledged, stats.transitions_sent);
            broken.push(format!("{name}: acknowledged {acknowledged} of {sent} sent"));
        }
        // A coordinator that was started again knows the life, and has not heard of it yet.
        if stats == ActorStats::default() && self.lives.contains_key(&key.incarnation) {
            return;
        }
        let Some(before) = self.lives.insert(key.incarnation, now) else { return };
        if (before.actor, before.pid) != (now.actor, now.pid) {
            broken.push(format!("{name}: an incarnation given out twice, {before:?} and {now:?}"));
        }
        if now.version < before.version {
            let (from, to) = (before.version, now.version);
            broken.push(format!("{name}: weights went back from version {from} to {to}"));
        }
        if now.acknowledged < before.acknowledged {
            let (from, to) = (before.acknowledged, now.acknowledged);
            broken.push(format!("{name}: acknowledged transitions fell from {from} to {to}"));
        }
    }

    fn look_at_learner(&mut self, now: LearnerProgress, broken: &mut Vec<String>) {
        let before = &self.learner;
        let never_less = [
            ("stored transitions", before.transitions_stored, now.transitions_stored),
            ("environment steps", before.env_steps, now.env_steps),
            ("published version", before.version, now.version),
        ];
        for (what, from, to) in never_less {
            if to < from {
                broken.push(format!("learner: {what} fell from {from} to {to}"));
            }
        }
        let (stored, acknowledged) = (now.transitions_stored, now.transitions_acknowledged);
        if acknowledged > stored + READING {
            broken
                .push(format!("learner: {stored} transitions stored, {acknowledged} acknowledged"));
        }
        let settled = now.transitions_inserted + now.transitions_discarded;
        if settled > stored + READING {
            broken
                .push(format!("learner: {settled} of {stored} transitions inserted or discarded"));
        }
        let least = match self.learner_killed {
            true => before.checkpoint_updates,
            false => before.updates,
        };
        if now.updates < least {
            let (from, to) = (before.updates, now.updates);
            broken.push(format!("learner: updates fell from {from} to {to}, below {least}"));
        }
        if now.phase == "failed" {
            broken.push(format!("learner: {}", now.failure));
        }
        // The report of the learner before may be the newest for a while.
        self.learner_killed &= now.updates == before.updates;
        self.learner = now;
    }

    /// Looks at the memory of a process; what is broken.
    pub fn look_at_memory(&mut self, who: Who, memory: Memory) -> Option<String> {
        let peak = self.peaks.entry(who).or_default();
        peak.resident = peak.resident.max(memory.resident);
        peak.anonymous = peak.anonymous.max(memory.anonymous);
        let kind = match who {
            Who::Actor(_) => Who::Actor(0),
            other => other,
        };
        let most = MOST_ANONYMOUS.iter().find(|(limited, _)| *limited == kind)?.1;
        let mib = |bytes: u64| bytes >> 20;
        (memory.anonymous > most).then(|| {
            format!(
                "{who}: {} MiB of memory, at most {} expected",
                mib(memory.anonymous),
                mib(most)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::v1::ActorKey;

    fn status(updates: u64, stored: u64, version: u64) -> StatusReply {
        let stats = ActorStats {
            version,
            transitions_sent: stored,
            transitions_acknowledged: stored,
            ..ActorStats::default()
        };
        let actor = ActorStatus {
            actor: Some(ActorKey { actor: 0, incarnation: 1 }),
            pid: 9,
            stats: Some(stats),
            ..ActorStatus::default()
        };
        let learner = LearnerProgress {
            phase: "training".to_owned(),
            updates,
            version,
            transitions_stored: stored,
            transitions_acknowledged: stored,
            checkpoint_updates: updates / 10 * 10,
            ..LearnerProgress::default()
        };
        StatusReply { learner: Some(learner), actors: vec![actor], ..StatusReply::default() }
    }

    #[test]
    fn a_run_that_goes_on_breaks_nothing_and_one_that_goes_back_does() {
        let mut invariants = Invariants::default();
        assert!(invariants.look(&status(10, 5_000, 1)).is_empty());
        assert!(invariants.look(&status(25, 9_000, 2)).is_empty());
        let broken = invariants.look(&status(24, 8_000, 1)).join("; ");
        for word in ["stored transitions fell", "updates fell", "weights went back", "acknowledged"]
        {
            assert!(broken.contains(word), "{word}: {broken}");
        }
    }

    #[test]
    fn a_killed_learner_may_lose_what_came_after_its_checkpoint_and_no_more() {
        let mut invariants = Invariants::default();
        assert!(invariants.look(&status(25, 5_000, 2)).is_empty());
        invariants.learner_is_killed();
        let starting = LearnerProgress { phase: "starting".to_owned(), ..Default::default() };
        let starting = StatusReply { learner: Some(starting), ..StatusReply::default() };
        assert!(invariants.look(&starting).is_empty());
        assert!(invariants.look(&status(20, 5_000, 3)).is_empty());

        invariants.learner_is_killed();
        let broken = invariants.look(&status(19, 5_000, 3));
        assert!(broken.iter().any(|what| what.contains("below 20")), "{broken:?}");
    }

    #[test]
    fn more_acknowledged_than_stored_is_broken_beyond_what_is_read_at_different_moments() {
        let mut invariants = Invariants::default();
        let mut picture = status(1, 10_000, 1);
        picture.learner.as_mut().unwrap().transitions_acknowledged = 20_000;
        assert!(invariants.look(&picture)[0].contains("10000 transitions stored, 20000"));
    }
}
