//! Random schedules of everything that can happen to trials, against what must hold in all of them.

use crate::registry::{LifeKey, Now, SILENCE};
use crate::state::{LEARNER_LOST, Learner, Lease, Rules, State};
use crate::status::About;
use proptest::prelude::*;
use proto::v1::{ActorStats, LearnerProgress};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use types::{
    ActorId, End, EpisodeOutcome, LatentSource, Phase, Purpose, Split, TaskRef, Trial, TrialId,
    TrialOutcome, Version,
};

const PLACES: u32 = 3;
const MAX_LAG: u64 = 2;

#[derive(Debug, Clone)]
enum Event {
    Submit {
        evaluate: bool,
        min_version: u64,
    },
    Register {
        place: u32,
    },
    Lease {
        place: u32,
        version: u64,
        capacity: usize,
    },
    Report {
        place: u32,
        index: usize,
    },
    ReportAgain {
        index: usize,
    },
    Publish,
    /// Everybody but these places sends a heartbeat while time passes.
    Pass {
        silent: u32,
        millis: u64,
    },
    ProcessEnds {
        place: u32,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let place = 0..PLACES;
    prop_oneof![
        3 => (any::<bool>(), 0u64..4).prop_map(|(evaluate, min_version)| Event::Submit { evaluate, min_version }),
        2 => place.clone().prop_map(|place| Event::Register { place }),
        4 => (place.clone(), 0u64..6, 1usize..4)
            .prop_map(|(place, version, capacity)| Event::Lease { place, version, capacity }),
        4 => (place.clone(), 0usize..4).prop_map(|(place, index)| Event::Report { place, index }),
        1 => (0usize..20).prop_map(|index| Event::ReportAgain { index }),
        1 => Just(Event::Publish),
        2 => (0..1u32 << PLACES, 500u64..4000).prop_map(|(silent, millis)| Event::Pass { silent, millis }),
        1 => place.prop_map(|place| Event::ProcessEnds { place }),
    ]
}

/// The system under test and what a watcher knows of it.
struct World {
    state: State,
    now: Now,
    newest: u64,
    lives: HashMap<u32, LifeKey>,
    held: HashMap<LifeKey, Vec<Trial>>,
    submitted: Vec<Trial>,
    reported: Vec<TrialOutcome>,
}

fn outcome(trial: &Trial) -> TrialOutcome {
    let episode =
        EpisodeOutcome { task_return: 1.0, length: 5, end: End::Truncated, version: Version(0) };
    TrialOutcome {
        trial: trial.id,
        task: trial.task,
        purpose: trial.purpose,
        episodes: vec![episode; trial.episodes() as usize],
        failure: None,
    }
}

impl World {
    fn new() -> Self {
        let mut state = State::new(Rules { max_lag: MAX_LAG, train_tasks: 10, test_tasks: 10 });
        let learner = Learner {
            address: "127.0.0.1:1".to_owned(),
            host: String::new(),
            pid: 1,
            heard: Now::ZERO,
        };
        state.register_learner(learner).unwrap();
        Self {
            state,
            now: Now::ZERO,
            newest: 0,
            lives: HashMap::new(),
            held: HashMap::new(),
            submitted: Vec::new(),
            reported: Vec::new(),
        }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Submit { evaluate, min_version } => self.submit(evaluate, min_version),
            Event::Register { place } => self.register(place),
            Event::Lease { place, version, capacity } => self.lease(place, version, capacity),
            Event::Report { place, index } => self.report(place, index),
            Event::ReportAgain { index } => {
                if let (Some(outcome), Some(key)) =
                    (self.reported.get(index).cloned(), self.lives.values().next())
                {
                    self.state.report(*key, vec![outcome], self.now).unwrap();
                }
            }
            Event::Publish => self.publish(),
            Event::Pass { silent, millis } => self.pass(silent, millis),
            Event::ProcessEnds { place } => {
                // Pids are places here, so this is the process that registered last.
                self.state.process_ended(ActorId(place), place);
                if let Some(key) = self.lives.remove(&place) {
                    self.held.remove(&key);
                }
            }
        }
    }

    fn submit(&mut self, evaluate: bool, min_version: u64) {
        let trial = Trial {
            id: TrialId(self.submitted.len() as u64),
            task: TaskRef { split: if evaluate { Split::Test } else { Split::Train }, index: 3 },
            purpose: if evaluate { Purpose::Evaluate } else { Purpose::Train },
            phases: vec![Phase { latent: LatentSource::Prior, episodes: 2, context: true }],
            seed: 1,
            min_version: Version(min_version),
        };
        self.state.submit(vec![trial.clone(), trial.clone()]).unwrap();
        self.submitted.push(trial);
    }

    fn register(&mut self, place: u32) {
        let (key, _) =
            self.state.register(Some(ActorId(place)), String::new(), place, self.now).unwrap();
        if let Some(old) = self.lives.insert(place, key) {
            assert!(old.incarnation < key.incarnation);
            self.held.remove(&old);
        }
    }

    fn lease(&mut self, place: u32, version: u64, capacity: usize) {
        let Some(key) = self.lives.get(&place).copied() else {
            return;
        };
        let answer = self.state.lease(key, Some(Version(version)), capacity, self.now);
        let Ok(Lease::Work(trials)) = answer else {
            return;
        };
        assert!(!trials.is_empty() && trials.len() <= capacity);
        assert!(version + MAX_LAG >= self.newest, "weights too old");
        assert!(trials.iter().all(|t| t.min_version.0 <= version));
        let ranks: Vec<bool> = trials.iter().map(|t| t.purpose == Purpose::Train).collect();
        assert!(ranks.is_sorted(), "evaluation first");
        let others: HashSet<TrialId> = self.held.values().flatten().map(|t| t.id).collect();
        assert!(trials.iter().all(|t| !others.contains(&t.id)), "leased twice");
        self.held.entry(key).or_default().extend(trials);
    }

    fn report(&mut self, place: u32, index: usize) {
        let Some(key) = self.lives.get(&place).copied() else {
            return;
        };
        let held = self.held.entry(key).or_default();
        if index < held.len() {
            let outcome = outcome(&held.remove(index));
            self.state.report(key, vec![outcome.clone()], self.now).unwrap();
            self.reported.push(outcome);
        }
    }

    fn publish(&mut self) {
        self.newest += 1;
        let progress = LearnerProgress {
            version: self.newest,
            phase: "training".to_owned(),
            ..LearnerProgress::default()
        };
        assert!(!self.state.progress(progress, self.now).unwrap());
    }

    fn pass(&mut self, silent: u32, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while self.now < end {
            self.now += Duration::from_millis(250);
            self.state.learner.as_mut().unwrap().heard = self.now;
            for (place, key) in &self.lives {
                if silent & (1 << place) == 0 {
                    // A life that was silent for too long before may be over.
                    drop(self.state.heartbeat(*key, ActorStats::default(), self.now));
                }
            }
            for dead in self.state.tick(self.now) {
                self.held.remove(&dead);
                self.lives.retain(|_, key| *key != dead);
            }
        }
    }

    /// One good actor finishes everything that is left.
    fn finish(&mut self) {
        self.pass(u32::MAX, 4000);
        assert!(self.lives.is_empty(), "{SILENCE:?} of silence is death");
        self.register(0);
        let newest = self.newest.max(10);
        loop {
            self.lease(0, newest, 7);
            let key = self.lives[&0];
            if self.held.get(&key).is_none_or(Vec::is_empty) {
                return;
            }
            self.report(0, 0);
        }
    }
}

proptest! {
    #[test]
    fn every_trial_is_done_exactly_once_whatever_happens(
        events in proptest::collection::vec(event(), 1..120),
    ) {
        let mut world = World::new();
        for event in events {
            world.apply(event);
        }
        world.finish();
        let counts = world.state.trials.counts();
        prop_assert_eq!((counts.waiting, counts.leased), (0, 0));
        let outcomes = world.state.outcomes.deliver(0, usize::MAX).unwrap();
        let mut done: Vec<u64> = outcomes.iter().map(|o| o.trial.0).collect();
        done.sort_unstable();
        let all: Vec<u64> = (0..world.submitted.len() as u64).collect();
        prop_assert_eq!(done, all);
    }
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let mut world = World::new();
    world.submit(false, 0);
    world.register(0);
    world.lease(0, 0, 1);
    let key = world.lives[&0];
    let good = outcome(&world.submitted[0]);
    let mut unknown = good.clone();
    unknown.trial = TrialId(99);
    let mut other_task = good.clone();
    other_task.task.index = 4;
    let mut short = good.clone();
    short.episodes.pop();
    for wrong in [unknown, other_task, short.clone()] {
        let both = vec![good.clone(), wrong];
        assert!(world.state.report(key, both, world.now).is_err());
        assert_eq!(world.state.outcomes.end(), 0, "all or nothing");
    }
    short.failure = Some("diverged".to_owned());
    world.state.report(key, vec![short, good], world.now).unwrap();
    let counts = world.state.trials.counts();
    assert_eq!((counts.done, counts.failed), (1, 1), "the first report counts");
}

#[test]
fn the_learner_stays_until_the_actors_have_handed_over() {
    let mut world = World::new();
    world.register(0);
    world.submit(false, 0);
    world.lease(0, 0, 1);
    let key = world.lives[&0];
    let ask = |world: &mut World, phase: &str| {
        let progress = LearnerProgress { phase: phase.to_owned(), ..LearnerProgress::default() };
        world.state.progress(progress, world.now).unwrap()
    };
    assert!(!ask(&mut world, "training"));
    assert!(!ask(&mut world, "done"), "an actor may still hold transitions");
    let heartbeat = world.state.heartbeat(key, ActorStats::default(), world.now);
    assert!(heartbeat.unwrap(), "told to leave");
    let lease = world.state.lease(key, Some(Version(0)), 1, world.now);
    assert_eq!(lease.unwrap(), Lease::Leave);
    assert!(!ask(&mut world, "done"));
    world.report(0, 0);
    assert!(ask(&mut world, "done"));
}

/// Time passes in which nobody is heard of.
fn silence(world: &mut World, length: Duration) {
    let end = world.now + length;
    while world.now < end {
        world.now += Duration::from_millis(250);
        world.state.tick(world.now);
    }
}

#[test]
fn a_learner_that_has_gone_silent_ends_the_run() {
    let mut world = World::new();
    let line = |world: &World| world.state.status(&About::default(), world.now).bottleneck;
    world.publish();
    silence(&mut world, SILENCE);
    assert!(!line(&world).contains("does not answer"), "{}", line(&world));
    silence(&mut world, Duration::from_secs(2));
    assert_eq!(
        line(&world),
        "learner: it does not answer; expected the learner at 127.0.0.1:1 to report, got nothing \
         for 5 s"
    );
    world.publish();
    assert!(!line(&world).contains("does not answer"), "{}", line(&world));
    // The coordinator was held up: nobody was listened to.
    world.now += 2 * LEARNER_LOST;
    silence(&mut world, LEARNER_LOST);
    assert_eq!((world.state.stopping, world.state.progress.phase.as_str()), (None, "training"));
    silence(&mut world, Duration::from_millis(500));
    let why = "expected the learner at 127.0.0.1:1 to report, got nothing for 30 s";
    assert!(world.state.stopping.is_some() && world.state.learner_released);
    assert_eq!(world.state.progress.phase, "failed");
    assert_eq!(world.state.progress.failure, why);
    // It wakes up, and is told to leave; the run stays failed.
    let progress = LearnerProgress { phase: "done".to_owned(), ..LearnerProgress::default() };
    assert!(world.state.progress(progress, world.now).unwrap());
    assert_eq!(world.state.progress.phase, "failed");
    assert_eq!(world.state.progress.failure, why);
}

#[test]
fn a_learner_that_is_done_or_may_leave_need_not_report() {
    for phase in ["done", "training"] {
        let mut world = World::new();
        let progress = LearnerProgress { phase: phase.to_owned(), ..LearnerProgress::default() };
        world.state.stop(world.now);
        assert!(world.state.progress(progress, world.now).unwrap());
        silence(&mut world, 2 * LEARNER_LOST);
        assert_eq!(world.state.progress.phase, phase);
    }
    let mut world = World::new();
    world.state.learner = None;
    silence(&mut world, 2 * LEARNER_LOST);
    assert_eq!(world.state.stopping, None, "nobody is expected before the first has registered");
}

#[test]
fn transitions_of_a_killed_life_are_counted_by_the_learner() {
    let mut world = World::new();
    let stats = |acknowledged| ActorStats {
        transitions_sent: 100,
        transitions_acknowledged: acknowledged,
        ..ActorStats::default()
    };
    world.register(0);
    let killed = world.lives[&0];
    world.state.heartbeat(killed, stats(60), world.now).unwrap();
    world.state.process_ended(killed.actor, 0);
    world.register(1);
    let orderly = world.lives[&1];
    world.state.stop(world.now);
    world.state.heartbeat(orderly, stats(100), world.now).unwrap();
    let stored = [(killed, 75), (orderly, 100)].map(|(key, transitions)| proto::v1::StoredFrom {
        actor: Some(proto::convert::actor_key(key.actor, key.incarnation)),
        transitions,
    });
    let progress = LearnerProgress { stored: stored.to_vec(), ..LearnerProgress::default() };
    world.state.progress(progress, world.now).unwrap();
    assert_eq!(world.state.registry.totals().acknowledged, 175);
}

#[test]
fn what_comes_of_a_place_is_seen_when_its_process_ends() {
    let mut world = World::new();
    let end = |world: &mut World, place| {
        let achieved = world.state.process_ended(ActorId(place), place);
        world.lives.remove(&place);
        achieved
    };
    assert_eq!(end(&mut world, 0), 0, "it never registered");
    world.register(0);
    let key = world.lives[&0];
    world.state.heartbeat(key, ActorStats::default(), world.now).unwrap();
    assert_eq!(end(&mut world, 0), 0, "it registered, and nothing more");
    let mut last = 0;
    let mut grown = |now: u64| std::mem::replace(&mut last, now) < now;
    world.register(0);
    world.submit(false, 0);
    world.lease(0, 0, 1);
    world.report(0, 0);
    assert!(grown(end(&mut world, 0)), "a trial is done, though no heartbeat told");
    world.register(0);
    let key = world.lives[&0];
    let stats = ActorStats { transitions_acknowledged: 10, ..ActorStats::default() };
    world.state.heartbeat(key, stats, world.now).unwrap();
    assert!(grown(end(&mut world, 0)), "transitions were acknowledged");
    assert!(!grown(end(&mut world, 0)));
    let stored = proto::v1::StoredFrom {
        actor: Some(proto::convert::actor_key(key.actor, key.incarnation)),
        transitions: 20,
    };
    let progress = LearnerProgress { stored: vec![stored], ..LearnerProgress::default() };
    world.state.progress(progress, world.now).unwrap();
    assert!(grown(end(&mut world, 0)), "the learner's count came late");
    assert_eq!(end(&mut world, 1), 0, "places are counted each for itself");
}
