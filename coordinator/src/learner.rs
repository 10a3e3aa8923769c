//! The learner as the coordinator sees it: who it is, whether it answers, who may take its place.
//! Pure: the clock is passed in.

use crate::journal::Snapshot;
use crate::journal::record;
use crate::looks::excused;
use crate::registry::Now;
use crate::restore::newcomer;
use proto::v1::LearnerProgress;
use std::time::Duration;

/// A learner that is silent for longer may be replaced by another process; it reports twice a
/// second.
pub const SILENCE: Duration = Duration::from_secs(3);
/// A learner on this machine that is silent for longer is killed and started again.
pub const HUNG: Duration = Duration::from_secs(30);
/// How long a run waits for a learner that has gone, unless the user says otherwise.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A process that wants to be the learner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// `host:port` of its services.
    pub address: String,
    /// Where it runs.
    pub host: String,
    /// Its process there.
    pub pid: u32,
}

/// The learner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learner {
    /// Who it is.
    pub process: Newcomer,
    /// Which life of the learner this is: 1, 2, 3, …
    pub life: u64,
    /// When it was last heard of.
    pub heard: Now,
    /// Nothing has been heard of it yet: it was there before the coordinator was started again.
    pub presumed: bool,
}

impl Learner {
    /// How it is written down.
    pub(crate) fn record(&self) -> record::Learner {
        let Newcomer { address, host, pid } = self.process.clone();
        record::Learner { address, host, pid, life: self.life }
    }
}

/// What is said to a newcomer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// It is the learner now, in this life.
    Yes(u64),
    /// Another one was heard of a moment ago, and may or may not be dead.
    Doubtful,
    /// Another one has been heard of since this one asked.
    No,
}

/// The place of the one learner.
#[derive(Debug, Clone, Default)]
pub struct Seat {
    learner: Option<Learner>,
    lives: u64,
    /// Since when the place is empty, and how that came; `None` before the first learner.
    empty: Option<(Now, String)>,
    /// The learner has been told that it may leave.
    released: bool,
    reached: Reached,
}

/// The furthest that any life of the learner has come.
#[derive(Debug, Clone, Copy, Default)]
struct Reached {
    updates: u64,
    checkpoint: u64,
    stored: u64,
    /// How often that has grown.
    times: u64,
}

impl Seat {
    /// Whoever has the place, silent or not.
    #[must_use]
    pub fn learner(&self) -> Option<&Learner> {
        self.learner.as_ref()
    }

    /// `host:port` of the learner; empty while there is none.
    #[must_use]
    pub fn address(&self) -> &str {
        self.learner.as_ref().map_or("", |learner| &learner.process.address)
    }

    /// How many lives of the learner there have been.
    #[must_use]
    pub fn lives(&self) -> u64 {
        self.lives
    }

    /// Notes how far the learner is.
    pub fn note(&mut self, progress: &LearnerProgress) {
        let reached = &mut self.reached;
        let further = progress.updates > reached.updates
            || progress.checkpoint_updates > reached.checkpoint
            || progress.transitions_stored > reached.stored;
        reached.times += u64::from(further);
        reached.updates = reached.updates.max(progress.updates);
        reached.checkpoint = reached.checkpoint.max(progress.checkpoint_updates);
        reached.stored = reached.stored.max(progress.transitions_stored);
    }

    /// Grows whenever a life of the learner comes further than any before: updates, checkpoints,
    /// stored transitions.
    #[must_use]
    pub fn achieved(&self) -> u64 {
        self.reached.times
    }

    /// A process asks for the place; it has been asking since `asked`.
    ///
    /// Whoever has the place keeps it if it is heard of in the meantime, and loses it after
    /// [`SILENCE`]; after a restart of the coordinator, of silence since it was asked. The same process, or one in the same place (in a container the first process
    /// always has number 1), takes over at once.
    pub fn join(&mut self, process: &Newcomer, asked: Now, now: Now) -> Joined {
        if let Some(known) = &self.learner {
            let same = (&known.process.host, known.process.pid) == (&process.host, process.pid);
            if !same && known.heard > asked && !known.presumed {
                return Joined::No;
            }
            let silent_since = if known.presumed { asked } else { known.heard };
            if !same && now.saturating_sub(silent_since) <= SILENCE {
                return Joined::Doubtful;
            }
        }
        self.sit(process.clone(), self.lives + 1, now);
        Joined::Yes(self.lives)
    }

    /// `process` is the learner from now on, in the life `life`.
    pub(crate) fn sit(&mut self, process: Newcomer, life: u64, now: Now) {
        self.lives = life;
        self.learner = Some(Learner { process, life, heard: now, presumed: false });
        self.empty = None;
        self.released = false;
    }

    /// Takes a learner to have been heard of at `now`, though it was not.
    pub(crate) fn heard_again(&mut self, now: Now) {
        if let Some(learner) = &mut self.learner {
            learner.heard = now;
            learner.presumed = true;
        }
    }

    /// Writes down who it is.
    pub(crate) fn save(&self, snapshot: &mut Snapshot) {
        snapshot.learner_lives = self.lives;
        snapshot.learner = self.learner.as_ref().map(Learner::record);
    }

    /// Becomes what was written down.
    pub(crate) fn load(&mut self, snapshot: &Snapshot) {
        if let Some(learner) = &snapshot.learner {
            self.sit(newcomer(learner), learner.life, Now::ZERO);
        }
        self.lives = snapshot.learner_lives;
    }

    /// The learner reports, under the life that it was told (0: it was not told).
    ///
    /// # Errors
    /// [`NotSeated`] if there is no learner, or another one by now.
    pub fn heard(&mut self, life: u64, now: Now) -> Result<(), NotSeated> {
        match &mut self.learner {
            None => Err(NotSeated::Nobody),
            Some(learner) if life != 0 && life != learner.life => {
                Err(NotSeated::Replaced { life, by: learner.life })
            }
            Some(learner) => {
                learner.heard = now;
                learner.presumed = false;
                Ok(())
            }
        }
    }

    /// The process `pid` on this machine has ended, as `why` says. False if it was not the learner.
    pub fn ended(&mut self, pid: u32, why: String, now: Now) -> bool {
        let was = self.learner.take_if(|learner| learner.process.pid == pid).is_some();
        if was || self.learner.is_none() {
            self.empty = Some((now, why));
        }
        was
    }

    /// The learner may leave: it need not report any more.
    pub fn release(&mut self) {
        self.released = true;
    }

    /// Whether it may leave.
    #[must_use]
    pub fn is_released(&self) -> bool {
        self.released
    }

    /// Whether nobody has to be waited for: there never was a learner, or it may leave.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.released || (self.learner.is_none() && self.empty.is_none())
    }

    /// The coordinator was held up for so long, until `now`.
    pub(crate) fn excuse(&mut self, held_up: Duration, now: Now) {
        if let Some(learner) = &mut self.learner {
            learner.heard = excused(learner.heard, held_up, now);
        }
        if let Some((since, _)) = &mut self.empty {
            *since = excused(*since, held_up, now);
        }
    }

    /// How long nothing has been heard of a learner that is expected to be there.
    #[must_use]
    pub fn silent(&self, now: Now) -> Duration {
        let since = match (&self.learner, &self.empty) {
            (Some(learner), _) => learner.heard,
            (None, Some((since, _))) => *since,
            (None, None) => now,
        };
        now.saturating_sub(since)
    }

    /// What there is to say of the silence, if it is one.
    #[must_use]
    pub fn explain(&self, now: Now) -> Option<String> {
        let silent = self.silent(now);
        let seconds = silent.as_secs_f64();
        match (&self.learner, &self.empty) {
            (Some(learner), _) if silent > SILENCE => Some(format!(
                "expected the learner at {} to report, got nothing for {seconds:.0} s",
                learner.process.address
            )),
            (None, Some((_, why))) => Some(format!(
                "expected another learner after the last one ended ({why}), got none for \
                 {seconds:.0} s"
            )),
            _ => None,
        }
    }
}

/// A report of somebody who is not the learner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSeated {
    /// There is none.
    #[error("expected a learner that has registered, got a report of one that has not")]
    Nobody,
    /// There is another one.
    #[error(
        "expected a report of life {by} of the learner, got one of life {life}; another process has taken over"
    )]
    Replaced {
        /// Who reports.
        life: u64,
        /// Who is the learner.
        by: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32) -> Newcomer {
        Newcomer { address: format!("127.0.0.1:{pid}"), host: "here".to_owned(), pid }
    }

    fn at(seconds: f64) -> Now {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_second_learner_gets_in_only_once_the_first_is_silent() {
        let mut seat = Seat::default();
        assert_eq!(seat.join(&process(1), at(0.0), at(0.0)), Joined::Yes(1));
        seat.heard(1, at(1.0)).unwrap();
        assert_eq!(seat.join(&process(2), at(1.2), at(1.2)), Joined::Doubtful);
        let mut alive = seat.clone();
        alive.heard(1, at(1.5)).unwrap();
        assert_eq!(alive.join(&process(2), at(1.2), at(1.5)), Joined::No);
        // It has not been heard of: the other one asks on, and gets in.
        assert_eq!(seat.join(&process(2), at(1.2), at(4.0)), Joined::Doubtful);
        assert_eq!(seat.join(&process(2), at(1.2), at(4.1)), Joined::Yes(2));
        assert_eq!(seat.address(), "127.0.0.1:2");
        // The first wakes up: it is not the learner any more.
        assert_eq!(seat.heard(1, at(5.0)), Err(NotSeated::Replaced { life: 1, by: 2 }));
        seat.heard(2, at(5.0)).unwrap();
        // The same process, and one that is known to have ended, need not wait.
        assert_eq!(seat.join(&process(2), at(5.1), at(5.1)), Joined::Yes(3));
        assert!(seat.ended(2, "signal 9".to_owned(), at(5.2)));
        assert!(seat.explain(at(6.2)).unwrap().contains("signal 9"));
        assert_eq!(seat.join(&process(3), at(6.3), at(6.3)), Joined::Yes(4));
        assert_eq!(seat.explain(at(6.4)), None);
    }

    #[test]
    fn after_a_restart_of_the_coordinator_the_first_has_as_long_to_be_heard_of() {
        let mut seat = Seat::default();
        assert_eq!(seat.join(&process(1), at(0.0), at(0.0)), Joined::Yes(1));
        seat.heard_again(at(10.0));
        assert_eq!(seat.join(&process(2), at(1.0), at(3.9)), Joined::Doubtful);
        let mut alive = seat.clone();
        alive.heard(1, at(2.0)).unwrap();
        assert_eq!(alive.join(&process(2), at(1.0), at(2.1)), Joined::No);
        assert_eq!(seat.join(&process(2), at(1.0), at(4.1)), Joined::Yes(2));
    }
}
