//! Which fault comes when: a function of the seed alone.

use rand::RngExt as _;
use rand::seq::SliceRandom as _;
use std::fmt;
use std::time::Duration;
use types::{Role, stream};

/// Who can be hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// The coordinator.
    Coordinator,
    /// The learner.
    Learner,
    /// The actor in this place.
    Actor(u32),
}

/// A connection between two processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Between {
    /// An actor and the learner: experience and weights.
    ActorLearner(u32),
    /// An actor and the coordinator.
    ActorCoordinator(u32),
    /// The learner and the coordinator.
    LearnerCoordinator,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// `kill -9`; started again `away` later.
    Kill {
        /// Whom.
        who: Who,
        /// Until it is started again.
        away: Duration,
    },
    /// `kill -9` of coordinator and learner at once; both started again `away` later.
    KillBoth {
        /// Until they are started again.
        away: Duration,
    },
    /// SIGSTOP, and SIGCONT after `time`.
    Pause {
        /// Whom.
        who: Who,
        /// How long.
        time: Duration,
    },
    /// Nothing passes, and nobody is told.
    Silence {
        /// Where.
        link: Between,
        /// How long.
        time: Duration,
    },
    /// Connections break, and new ones are refused.
    Cut {
        /// Where.
        link: Between,
        /// How long.
        time: Duration,
    },
    /// Everything comes late, each way.
    Delay {
        /// Where.
        link: Between,
        /// How late.
        by: Duration,
        /// How long.
        time: Duration,
    },
    /// One byte of what an actor sends to the learner is changed on the way.
    Corrupt {
        /// Which actor.
        actor: u32,
    },
    /// A stranger sends garbage to the learner.
    Garbage {
        /// How many messages.
        messages: u32,
    },
    /// The disk of experience log and checkpoints is full.
    FullDisk {
        /// How long.
        time: Duration,
    },
    /// The wall clock of a process jumps, and stays there.
    ClockJump {
        /// Whose.
        who: Who,
        /// How far, in seconds; negative is back in time.
        seconds: i64,
    },
}

/// One step of the schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Quiet time before.
    pub after: Duration,
    /// What then goes wrong.
    pub fault: Fault,
}

/// Names of what can go wrong, without saying whom it hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
#[allow(missing_docs, reason = "the same names as in `Fault`, one for each target")]
pub enum Kind {
    KillActor,
    KillLearner,
    KillCoordinator,
    KillBoth,
    PauseActor,
    PauseLearner,
    PauseCoordinator,
    SilenceActorLearner,
    SilenceActorCoordinator,
    SilenceLearnerCoordinator,
    Cut,
    Delay,
    Corrupt,
    Garbage,
    FullDisk,
    ClockJump,
}

impl Kind {
    /// All there are.
    pub const ALL: [Self; 16] = [
        Self::KillActor,
        Self::KillLearner,
        Self::KillCoordinator,
        Self::KillBoth,
        Self::PauseActor,
        Self::PauseLearner,
        Self::PauseCoordinator,
        Self::SilenceActorLearner,
        Self::SilenceActorCoordinator,
        Self::SilenceLearnerCoordinator,
        Self::Cut,
        Self::Delay,
        Self::Corrupt,
        Self::Garbage,
        Self::FullDisk,
        Self::ClockJump,
    ];
}

/// The schedule of a seed: rounds in which each kind comes once, in an order of their own.
#[derive(Debug, Clone)]
pub struct Plan {
    seed: u64,
    actors: u32,
    kinds: Vec<Kind>,
    round: Vec<Kind>,
    steps: u64,
}

impl Plan {
    /// Of all `kinds`, against `actors` actors (at least one).
    #[must_use]
    pub fn new(seed: u64, actors: u32, kinds: &[Kind]) -> Self {
        Self { seed, actors: actors.max(1), kinds: kinds.to_vec(), round: Vec::new(), steps: 0 }
    }

    fn fault(kind: Kind, actors: u32, rng: &mut impl rand::Rng) -> Fault {
        let actor = rng.random_range(0..actors);
        let mut millis = |low: u64, high: u64| Duration::from_millis(rng.random_range(low..=high));
        let away = millis(100, 1_500);
        // Actors are declared dead after 3 s of silence: some of these are longer, some are not.
        let time = millis(1_000, 6_000);
        let by = millis(50, 400);
        let link = Self::link(rng, actor);
        match kind {
            Kind::KillActor => Fault::Kill { who: Who::Actor(actor), away },
            Kind::KillLearner => Fault::Kill { who: Who::Learner, away },
            Kind::KillCoordinator => Fault::Kill { who: Who::Coordinator, away },
            Kind::KillBoth => Fault::KillBoth { away },
            Kind::PauseActor => Fault::Pause { who: Who::Actor(actor), time },
            Kind::PauseLearner => Fault::Pause { who: Who::Learner, time },
            Kind::PauseCoordinator => Fault::Pause { who: Who::Coordinator, time },
            Kind::SilenceActorLearner => {
                Fault::Silence { link: Between::ActorLearner(actor), time }
            }
            Kind::SilenceActorCoordinator => {
                Fault::Silence { link: Between::ActorCoordinator(actor), time }
            }
            Kind::SilenceLearnerCoordinator => {
                Fault::Silence { link: Between::LearnerCoordinator, time }
            }
            Kind::Cut => Fault::Cut { link, time },
            Kind::Delay => Fault::Delay { link, by, time },
            Kind::Corrupt => Fault::Corrupt { actor },
            Kind::Garbage => Fault::Garbage { messages: rng.random_range(1..=50) },
            Kind::FullDisk => Fault::FullDisk { time },
            Kind::ClockJump => {
                let who = match rng.random_range(0..3) {
                    0 => Who::Coordinator,
                    1 => Who::Learner,
                    _ => Who::Actor(actor),
                };
                let seconds = rng.random_range(60..=86_400);
                let back = rng.random_bool(0.5);
                Fault::ClockJump { who, seconds: if back { -seconds } else { seconds } }
            }
        }
    }

    fn link(rng: &mut impl rand::Rng, actor: u32) -> Between {
        match rng.random_range(0..3) {
            0 => Between::ActorLearner(actor),
            1 => Between::ActorCoordinator(actor),
            _ => Between::LearnerCoordinator,
        }
    }
}

impl Iterator for Plan {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let mut rng = stream(self.seed, Role::Fault, self.steps, 0);
        self.steps += 1;
        if self.round.is_empty() {
            self.round.clone_from(&self.kinds);
            self.round.shuffle(&mut rng);
        }
        let kind = self.round.pop()?;
        let after = Duration::from_millis(rng.random_range(100..=1_000));
        Some(Step { after, fault: Self::fault(kind, self.actors, &mut rng) })
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coordinator => write!(f, "coordinator"),
            Self::Learner => write!(f, "learner"),
            Self::Actor(place) => write!(f, "actor {place}"),
        }
    }
}

impl fmt::Display for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ActorLearner(place) => write!(f, "actor {place} and the learner"),
            Self::ActorCoordinator(place) => write!(f, "actor {place} and the coordinator"),
            Self::LearnerCoordinator => write!(f, "the learner and the coordinator"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = Duration::as_secs_f64;
        match self {
            Self::Kill { who, away } => {
                write!(f, "kill -9 of the {who}, started again after {:.1} s", s(away))
            }
            Self::KillBoth { away } => {
                let away = s(away);
                write!(f, "kill -9 of coordinator and learner, started again after {away:.1} s")
            }
            Self::Pause { who, time } => write!(f, "{who} stopped for {:.1} s", s(time)),
            Self::Silence { link, time } => {
                write!(f, "silence between {link} for {:.1} s", s(time))
            }
            Self::Cut { link, time } => {
                write!(f, "no connection between {link} for {:.1} s", s(time))
            }
            Self::Delay { link, by, time } => {
                let late = by.as_millis();
                write!(f, "{late} ms delay each way between {link} for {:.1} s", s(time))
            }
            Self::Corrupt { actor } => {
                write!(f, "a byte changed on the way from actor {actor} to the learner")
            }
            Self::Garbage { messages } => write!(f, "{messages} garbage messages to the learner"),
            Self::FullDisk { time } => write!(f, "full disk for {:.1} s", s(time)),
            Self::ClockJump { who, seconds } => {
                write!(f, "wall clock of the {who} jumps by {seconds:+} s")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_seed_is_a_schedule_and_another_seed_is_another() {
        let steps = |seed| Plan::new(seed, 3, &Kind::ALL).take(40).collect::<Vec<_>>();
        assert_eq!(steps(7), steps(7));
        assert_ne!(steps(7), steps(8));
    }

    #[test]
    fn every_kind_comes_in_every_round() {
        let round = Kind::ALL.len();
        let plan = Plan::new(3, 2, &Kind::ALL);
        let shown: Vec<String> = plan.take(3 * round).map(|step| step.fault.to_string()).collect();
        for faults in shown.chunks(round) {
            for word in ["kill -9 of the learner", "full disk", "garbage", "wall clock", "stopped"]
            {
                assert!(faults.iter().any(|fault| fault.contains(word)), "{word}: {faults:?}");
            }
        }
        let different: BTreeSet<&String> = shown.iter().collect();
        assert!(different.len() > 2 * round, "{different:?}");
    }
}
