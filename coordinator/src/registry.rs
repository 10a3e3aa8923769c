//! Who is alive. Pure: the clock is passed in.

use crate::journal::Snapshot;
use crate::looks::excused;
use crate::restore::{life_of, write_life};
use proto::WireError;
use proto::v1::ActorStats;
use std::collections::BTreeMap;
use std::time::Duration;
use types::{ActorId, Incarnation};

/// Time since the coordinator started.
pub type Now = Duration;

/// An actor that is silent for longer is dead.
pub const SILENCE: Duration = Duration::from_secs(3);

/// A process on this machine that is silent for longer is killed, and another one takes its place.
pub const FROZEN: Duration = Duration::from_secs(6);

/// Ended lives of which everything is remembered; of older ones only the totals are.
const REMEMBERED: usize = 4096;

/// Names one life of one actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LifeKey {
    /// The place in the fleet.
    pub actor: ActorId,
    /// Which life in that place.
    pub incarnation: Incarnation,
}

impl std::fmt::Display for LifeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "actor {} incarnation {}", self.actor, self.incarnation)
    }
}

/// What is known of one life.
#[derive(Debug, Clone)]
pub struct Life {
    /// Its name.
    pub key: LifeKey,
    /// Where it runs.
    pub host: String,
    /// Its process there.
    pub pid: u32,
    /// When it registered.
    pub born: Now,
    /// When it was last heard of.
    pub heard: Now,
    /// Its counters, as of then.
    pub stats: ActorStats,
    /// Whether it was told to finish and leave before its last heartbeat.
    pub told_to_leave: bool,
    /// Transitions that the learner has stored from it.
    pub stored: u64,
    /// Number of its newest request for work.
    pub newest_request: u64,
}

impl Life {
    /// Whether its own last count of acknowledged transitions is final: it was told to leave, and
    /// has nothing in flight. The count of a life that was killed is as old as its last heartbeat.
    #[must_use]
    pub fn left_in_order(&self) -> bool {
        self.told_to_leave && self.stats.transitions_sent == self.stats.transitions_acknowledged
    }

    /// Transitions of this life that were acknowledged: its own count if it left in order, else
    /// the learner's.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        if self.left_in_order() { self.stats.transitions_acknowledged } else { self.stored }
    }
}

/// All lives of all actors.
#[derive(Debug, Default)]
pub struct Registry {
    alive: BTreeMap<ActorId, Life>,
    ended: BTreeMap<Incarnation, Life>,
    forgotten: Totals,
    incarnations: u64,
    /// Grows with whatever comes of the lives in a place.
    achieved: BTreeMap<ActorId, u64>,
}

/// Sums over lives.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Totals {
    /// See [`Life::acknowledged`].
    pub acknowledged: u64,
    /// Seconds without a lease.
    pub waited_lease_s: f64,
    /// Seconds with a full spool.
    pub waited_upload_s: f64,
    /// Seconds without weights.
    pub waited_weights_s: f64,
}

impl Totals {
    fn add(&mut self, life: &Life) {
        self.acknowledged += life.acknowledged();
        self.waited_lease_s += life.stats.waited_lease_s;
        self.waited_upload_s += life.stats.waited_upload_s;
        self.waited_weights_s += life.stats.waited_weights_s;
    }
}

impl Registry {
    /// A life to be begun in the place `actor`, or in the lowest free one.
    #[must_use]
    pub fn newborn(&self, actor: Option<ActorId>, host: String, pid: u32, now: Now) -> Life {
        let actor = actor.unwrap_or_else(|| self.lowest_free());
        let key = LifeKey { actor, incarnation: Incarnation(self.incarnations + 1) };
        Life {
            key,
            host,
            pid,
            born: now,
            heard: now,
            stats: ActorStats::default(),
            told_to_leave: false,
            stored: 0,
            newest_request: 0,
        }
    }

    /// A life begins. Whose place it takes.
    pub fn begin(&mut self, life: Life) -> Option<LifeKey> {
        self.incarnations = self.incarnations.max(life.key.incarnation.0);
        let replaced = self.alive.insert(life.key.actor, life)?;
        let old = replaced.key;
        self.bury(replaced);
        Some(old)
    }

    /// Takes over the counts of a life.
    pub(crate) fn update(&mut self, newer: &Life) {
        if let Some(life) = self.living(newer.key) {
            life.stats = newer.stats;
            life.told_to_leave = newer.told_to_leave;
            life.stored = newer.stored;
        }
    }

    /// Takes all the living to have been heard of at `now`.
    pub(crate) fn heard_again(&mut self, now: Now) {
        for life in self.alive.values_mut() {
            life.heard = now;
        }
    }

    /// The coordinator was held up for so long, until `now`. Ended lives count too: whether their
    /// processes come back is heard as little as the rest.
    pub(crate) fn excuse(&mut self, held_up: Duration, now: Now) {
        for life in self.alive.values_mut().chain(self.ended.values_mut()) {
            life.heard = excused(life.heard, held_up, now);
        }
    }

    /// Writes all lives down.
    pub(crate) fn save(&self, snapshot: &mut Snapshot) {
        snapshot.incarnations = self.incarnations;
        snapshot.alive = self.alive.values().map(write_life).collect();
        snapshot.ended = self.ended.values().map(write_life).collect();
        snapshot.forgotten = Some(self.forgotten.into());
    }

    /// Becomes what was written down.
    ///
    /// # Errors
    /// If a life has no name.
    pub(crate) fn load(&mut self, snapshot: &Snapshot) -> Result<(), WireError> {
        for life in &snapshot.alive {
            self.begin(life_of(life.clone())?);
        }
        for life in &snapshot.ended {
            self.bury(life_of(life.clone())?);
        }
        self.incarnations = snapshot.incarnations;
        self.forgotten = snapshot.forgotten.unwrap_or_default().into();
        Ok(())
    }

    /// The life in the place of `key`, if it is that one.
    #[must_use]
    pub fn life(&self, key: LifeKey) -> Option<&Life> {
        self.alive.get(&key.actor).filter(|life| life.key == key)
    }

    fn lowest_free(&self) -> ActorId {
        let mut candidate = 0;
        for id in self.alive.keys() {
            if id.0 > candidate {
                break;
            }
            candidate = id.0.saturating_add(1);
        }
        ActorId(candidate)
    }

    /// Notes a heartbeat. `None` if that life is over, or never was.
    pub fn heartbeat(
        &mut self,
        key: LifeKey,
        stats: ActorStats,
        draining: bool,
        now: Now,
    ) -> Option<&Life> {
        let life = self.alive.get_mut(&key.actor).filter(|life| life.key == key)?;
        let before = life.stats;
        if stats.trials_done > before.trials_done
            || stats.transitions_acknowledged > before.transitions_acknowledged
        {
            *self.achieved.entry(key.actor).or_default() += 1;
        }
        life.heard = now;
        life.stats = stats;
        life.told_to_leave |= draining;
        Some(life)
    }

    /// Notes that a life was heard of by another call than a heartbeat. False if it is over.
    pub fn touch(&mut self, key: LifeKey, now: Now) -> bool {
        self.living(key).map(|life| life.heard = now).is_some()
    }

    /// Notes the number of a request for work. False if a later one came before it; 0 is not
    /// numbered.
    pub fn is_newest_request(&mut self, key: LifeKey, number: u64) -> bool {
        let Some(life) = self.living(key).filter(|_| number > 0) else {
            return true;
        };
        life.newest_request = life.newest_request.max(number);
        life.newest_request == number
    }

    fn living(&mut self, key: LifeKey) -> Option<&mut Life> {
        self.alive.get_mut(&key.actor).filter(|life| life.key == key)
    }

    /// The lives that have been silent for too long.
    #[must_use]
    pub fn silent(&self, now: Now) -> Vec<LifeKey> {
        let silent = |life: &&Life| now.saturating_sub(life.heard) > SILENCE;
        self.alive.values().filter(silent).map(|life| life.key).collect()
    }

    /// The life in the place `actor` if it is the process `pid`.
    ///
    /// The second answer has grown since the process before if something has come of this place in
    /// the meantime: a trial was done, transitions were acknowledged or stored. News of the process
    /// before that arrive late count as well.
    #[must_use]
    pub fn of_process(&self, actor: ActorId, pid: u32) -> (Option<LifeKey>, u64) {
        let key = self.alive.get(&actor).filter(|life| life.pid == pid).map(|life| life.key);
        (key, self.achieved.get(&actor).copied().unwrap_or(0))
    }

    /// Whether the process `pid` in the place `actor` was declared dead, is not known to have ended,
    /// and has not come back: it does not run, or not enough to say so.
    #[must_use]
    pub fn is_frozen(&self, actor: ActorId, pid: u32, now: Now) -> bool {
        let is_its = |life: &&Life| life.key.actor == actor && life.pid == pid;
        if self.alive.get(&actor).is_some_and(|life| life.pid == pid) {
            return false;
        }
        let last = self.ended.values().rev().find(is_its);
        last.is_some_and(|life| now.saturating_sub(life.heard) > FROZEN)
    }

    /// Notes that a life has done a trial.
    pub fn note_done(&mut self, key: LifeKey) {
        *self.achieved.entry(key.actor).or_default() += 1;
    }

    /// Ends a life; it as it was at its end. `None` if it is over already.
    pub fn end(&mut self, key: LifeKey) -> Option<Life> {
        self.life(key)?;
        let life = self.alive.remove(&key.actor)?;
        self.bury(life.clone());
        Some(life)
    }

    fn bury(&mut self, life: Life) {
        self.ended.insert(life.key.incarnation, life);
        if self.ended.len() > REMEMBERED
            && let Some((_, oldest)) = self.ended.pop_first()
        {
            self.forgotten.add(&oldest);
        }
    }

    /// Notes what the learner has stored from a life. Ignored if it is forgotten.
    pub fn note_stored(&mut self, key: LifeKey, transitions: u64) {
        let life = match self.alive.get_mut(&key.actor) {
            Some(life) if life.key == key => Some(life),
            _ => self.ended.get_mut(&key.incarnation),
        };
        if let Some(life) = life.filter(|life| life.key == key) {
            if transitions > life.stored {
                *self.achieved.entry(key.actor).or_default() += 1;
            }
            life.stored = transitions;
        }
    }

    /// Whether this key was given out in this run.
    #[must_use]
    pub fn has_been(&self, key: LifeKey) -> bool {
        (1..=self.incarnations).contains(&key.incarnation.0)
    }

    /// The living, by place.
    pub fn alive(&self) -> impl Iterator<Item = &Life> {
        self.alive.values()
    }

    /// Number of the living.
    #[must_use]
    pub fn count(&self) -> usize {
        self.alive.len()
    }

    /// The ended lives that are remembered, oldest first.
    pub fn ended(&self) -> impl Iterator<Item = &Life> {
        self.ended.values()
    }

    /// Sums over all lives there have been.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = self.forgotten;
        for life in self.alive.values().chain(self.ended.values()) {
            totals.add(life);
        }
        totals
    }
}
