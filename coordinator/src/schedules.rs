//! Random schedules of everything that can happen to trials, against what must hold in all of them.

use crate::journal::Entry;
use crate::learner::{Newcomer, PATIENCE};
use crate::registry::{LifeKey, Now, SILENCE};
use crate::state::{Ask, Lease, Rules, State};
use crate::status::About;
use crate::tasks::History;
use proptest::prelude::*;
use proto::v1::{ActorStats, LearnerProgress};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use types::{
    ActorId, Behaviour, End, EpisodeOutcome, LatentSource, Phase, Purpose, Split, TaskRef, Trial,
    TrialId, TrialOutcome, Version,
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
    let episode = EpisodeOutcome {
        task_return: 1.0,
        length: 5,
        end: End::Truncated,
        version: Version(0),
        beliefs: Vec::new(),
    };
    TrialOutcome {
        trial: trial.id,
        task: trial.task,
        purpose: trial.purpose,
        episodes: vec![episode; trial.episodes() as usize],
        failure: None,
    }
}

fn rules() -> Rules {
    Rules {
        max_lag: MAX_LAG,
        train_tasks: 10,
        test_tasks: 10,
        env_steps_budget: 100,
        learner_timeout: PATIENCE,
    }
}

fn learner(pid: u32) -> Newcomer {
    Newcomer { address: format!("127.0.0.1:{pid}"), host: String::new(), pid }
}

/// A numbered request of an actor that has lost nothing.
fn ask(version: u64, capacity: usize) -> Ask {
    Ask { version: Some(Version(version)), capacity, number: 0, holding: None }
}

impl World {
    fn new() -> Self {
        let mut state = State::new(rules());
        state.register_learner(&learner(1), Now::ZERO, Now::ZERO).unwrap();
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
            phases: vec![Phase {
                latent: LatentSource::Prior,
                episodes: 2,
                context: true,
                behaviour: Behaviour::Policy,
            }],
            seed: 1,
            min_version: Version(min_version),
            beliefs: 0,
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
        let answer = self.state.lease(key, &ask(version, capacity), self.now);
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
        assert!(!self.state.progress(0, progress, self.now).unwrap());
    }

    fn pass(&mut self, silent: u32, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while self.now < end {
            self.now += Duration::from_millis(250);
            self.state.look(self.now);
            self.state.seat.heard(0, self.now).unwrap();
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

/// What two states would do next, seen from outside.
fn future(world: &World, mut state: State) -> Vec<String> {
    let now = world.now;
    let mut seen = Vec::new();
    for (place, key) in &world.lives {
        let life = state.registry.life(*key).map(|life| (life.pid, life.told_to_leave));
        seen.push(format!("{place} {key} {life:?}"));
    }
    seen.sort();
    let newborn = state.register(None, "there".to_owned(), 77, now).unwrap();
    seen.push(format!("{newborn:?}"));
    for version in [world.newest.saturating_sub(MAX_LAG + 1), world.newest] {
        seen.push(format!("{:?}", state.lease(newborn.0, &ask(version, 5), now)));
    }
    let known = world.submitted.iter().map(|trial| state.trials.knows(trial.id));
    seen.push(format!("{:?}", known.collect::<Vec<_>>()));
    let held = world.held.values().flatten().chain(&world.submitted);
    for trial in held {
        drop(state.report(newborn.0, vec![outcome(trial)], now));
    }
    seen.push(format!("{:?} {:?}", state.trials.counts(), state.outcomes.deliver(0, 10_000)));
    seen.push(format!("{:?}", state.register_learner(&learner(9), now, now)));
    seen
}

proptest! {
    /// The coordinator may be killed after any event: what it has written down is enough.
    #[test]
    fn a_restored_state_decides_as_the_one_before_it(
        events in proptest::collection::vec(event(), 1..60), snapshot in 0usize..60,
    ) {
        let mut world = World::new();
        let mut entries = vec![Entry::Snapshot(Box::default())];
        entries.extend(world.state.take_entries());
        for (number, event) in events.into_iter().enumerate() {
            world.apply(event);
            entries.extend(world.state.take_entries());
            if number == snapshot {
                entries = vec![Entry::Snapshot(Box::new(world.state.snapshot()))];
            }
            let mut restored = State::restore(rules(), entries.clone()).unwrap();
            prop_assert!(restored.take_entries().is_empty());
            let (mut before, mut after) = (world.state.snapshot(), restored.snapshot());
            // Counts of the living come with their next heartbeats.
            for life in before.alive.iter_mut().chain(&mut after.alive) {
                life.stats = None;
            }
            prop_assert_eq!(&before, &after);
            let mut copy = State::restore(
                rules(), vec![Entry::Snapshot(Box::new(world.state.snapshot()))],
            ).unwrap();
            // Both were heard of at the same time.
            for state in [&mut copy, &mut restored] {
                state.registry.heard_again(world.now);
                state.seat.heard_again(world.now);
            }
            prop_assert_eq!(future(&world, copy), future(&world, restored));
        }
    }
}

#[test]
fn members_are_not_held_dead_for_the_time_the_coordinator_was_away() {
    let mut world = World::new();
    world.register(0);
    world.submit(false, 0);
    world.lease(0, 0, 1);
    let entries = vec![Entry::Snapshot(Box::new(world.state.snapshot()))];
    let mut restored = State::restore(rules(), entries.clone()).unwrap();
    let grace = crate::restore::GRACE;
    assert_eq!(restored.tick(grace), []);
    restored.heartbeat(world.lives[&0], ActorStats::default(), grace).unwrap();
    assert_eq!(restored.tick(grace + SILENCE), []);
    // From then on silence is death, as ever.
    assert_eq!(restored.tick(grace + 2 * SILENCE), [world.lives[&0]]);
    assert_eq!(restored.trials.counts().waiting, 1);
    // Processes that ended with their coordinator are not waited for.
    let mut alone = State::restore(rules(), entries).unwrap();
    alone.begin_again();
    assert_eq!((alone.registry.count(), alone.trials.counts().waiting), (0, 1));
    assert!(alone.seat.learner().is_none());
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
    let report = |world: &mut World, phase: &str| {
        let (phase, env_steps) = (phase.to_owned(), 100);
        let progress = LearnerProgress { phase, env_steps, ..LearnerProgress::default() };
        world.state.progress(0, progress, world.now).unwrap()
    };
    assert!(!report(&mut world, "training"));
    assert!(!report(&mut world, "done"), "an actor may still hold transitions");
    let heartbeat = world.state.heartbeat(key, ActorStats::default(), world.now);
    assert!(heartbeat.unwrap().0, "told to leave");
    let lease = world.state.lease(key, &ask(0, 1), world.now);
    assert_eq!(lease.unwrap(), Lease::Leave);
    assert!(!report(&mut world, "done"));
    world.report(0, 0);
    assert!(report(&mut world, "done"));
}

/// Time passes in which nobody is heard of.
fn silence(world: &mut World, length: Duration) {
    let end = world.now + length;
    while world.now < end {
        world.now += Duration::from_millis(250);
        world.state.look(world.now);
        world.state.tick(world.now);
    }
}

#[test]
fn a_learner_that_has_gone_silent_for_good_ends_the_run() {
    let mut world = World::new();
    let status = |world: &World| world.state.status(&About::default(), History::Newest, world.now);
    world.publish();
    silence(&mut world, SILENCE);
    assert_ne!(status(&world).limit, "no-learner");
    silence(&mut world, Duration::from_secs(2));
    let line = status(&world).bottleneck;
    let expected = "no-learner: nobody trains; expected the learner at 127.0.0.1:1 to report, got \
                    nothing for 5 s; the run waits 300 s for one";
    assert!(line.starts_with(expected), "{line}");
    world.publish();
    assert_ne!(status(&world).limit, "no-learner");
    // The coordinator was held up: nobody was listened to.
    world.now += 2 * PATIENCE;
    silence(&mut world, PATIENCE);
    assert_eq!((world.state.stopping, world.state.progress.phase.as_str()), (None, "training"));
    silence(&mut world, Duration::from_millis(500));
    let why = "expected the learner at 127.0.0.1:1 to report, got nothing for 300 s";
    assert!(world.state.stopping.is_some() && world.state.seat.is_released());
    assert_eq!(world.state.progress.phase, "failed");
    assert_eq!(world.state.progress.failure, why);
    // It wakes up, and is told to leave; the run stays failed.
    let progress = LearnerProgress { phase: "done".to_owned(), ..LearnerProgress::default() };
    assert!(world.state.progress(0, progress, world.now).unwrap());
    assert_eq!(world.state.progress.phase, "failed");
    assert_eq!(world.state.progress.failure, why);
}

#[test]
fn the_run_waits_for_another_learner_and_actors_are_told_where_it_is() {
    let mut world = World::new();
    world.register(0);
    let key = world.lives[&0];
    let told =
        |world: &mut World| world.state.heartbeat(key, ActorStats::default(), world.now).unwrap().1;
    assert_eq!(told(&mut world), "127.0.0.1:1");
    world.now += Duration::from_millis(500);
    world.state.learner_ended(1, "signal: 9 (SIGKILL)".to_owned(), world.now);
    assert_eq!(told(&mut world), "");
    let line = world.state.status(&About::default(), History::Newest, world.now).bottleneck;
    assert!(line.contains("ended (signal: 9 (SIGKILL))") && line.contains("waits 300 s"), "{line}");
    assert!(world.state.register(None, String::new(), 5, world.now).is_err(), "no learner");
    silence(&mut world, PATIENCE - Duration::from_secs(1));
    world.state.register_learner(&learner(2), world.now, world.now).unwrap().unwrap();
    world.publish();
    world.register(1);
    silence(&mut world, PATIENCE - Duration::from_secs(1));
    assert_eq!(world.state.stopping, None, "patience starts anew");
    world.state.learner_ended(2, "exit status: 1".to_owned(), world.now);
    silence(&mut world, PATIENCE + Duration::from_secs(1));
    assert!(world.state.progress.failure.contains("exit status: 1"), "and ends");
}

#[test]
fn a_learner_that_leaves_before_the_budget_is_used_up_does_not_end_the_run() {
    let mut world = World::new();
    for (env_steps, ends) in [(99, false), (100, true)] {
        let progress =
            LearnerProgress { phase: "done".to_owned(), env_steps, ..LearnerProgress::default() };
        world.state.progress(0, progress, world.now).unwrap();
        assert_eq!(world.state.stopping.is_some(), ends);
        assert_eq!(world.state.progress.phase, if ends { "done" } else { "leaving" });
    }
}

#[test]
fn what_a_lost_answer_leased_and_what_a_life_leaves_goes_to_others() {
    let mut world = World::new();
    (0..6).for_each(|_| world.submit(false, 0));
    world.register(0);
    world.register(1);
    let key = world.lives[&0];
    let numbered = |number, holding: Option<&[u64]>| Ask {
        number,
        holding: holding.map(|ids| ids.iter().copied().map(TrialId).collect()),
        ..ask(0, 2)
    };
    let ids = |lease: Result<Lease, _>| match lease.unwrap() {
        Lease::Work(trials) => trials.iter().map(|t| t.id.0).collect::<Vec<_>>(),
        _ => vec![],
    };
    let state = &mut world.state;
    assert_eq!(ids(state.lease(key, &numbered(1, None), world.now)), [0, 1]);
    // This answer is lost; the next request says so, and gets the same trials.
    assert_eq!(ids(state.lease(key, &numbered(2, None), world.now)), [2, 3]);
    assert_eq!(ids(state.lease(key, &numbered(3, Some(&[0, 1])), world.now)), [2, 3]);
    // One that arrives late is granted nothing, and takes nothing back.
    assert_eq!(ids(state.lease(key, &numbered(2, Some(&[])), world.now)), [0; 0]);
    assert_eq!(state.trials.counts().leased, 4);
    state.life_over(key);
    state.life_over(key);
    assert_eq!(state.trials.counts().leased, 0);
    assert!(state.heartbeat(key, ActorStats::default(), world.now).is_err());
    let other = world.lives[&1];
    assert_eq!(ids(world.state.lease(other, &ask(0, 9), world.now)), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn what_was_lost_is_collected_again_and_a_report_from_before_does_not_count() {
    let mut world = World::new();
    world.submit(false, 0);
    world.register(0);
    world.lease(0, 0, 1);
    world.report(0, 0);
    let (trial, first) = (world.submitted[0].clone(), world.lives[&0]);
    world.state.submit(vec![trial.clone()]).unwrap();
    assert_eq!(world.state.trials.counts().waiting, 0, "it is known");
    world.state.recollect(vec![trial.clone(), trial.clone()]).unwrap();
    assert_eq!(world.state.trials.counts().waiting, 1);
    world.state.report(first, vec![outcome(&trial)], world.now).unwrap();
    assert_eq!(world.state.trials.counts().waiting, 1, "that report was sent twice");
    world.register(1);
    world.lease(1, 0, 1);
    world.report(1, 0);
    assert_eq!(world.state.outcomes.end(), 2);
    assert_eq!((world.state.trials.counts().done, world.state.trials.open_count()), (1, 0));
}

#[test]
fn a_learner_that_is_done_or_may_leave_need_not_report() {
    for phase in ["done", "training"] {
        let mut world = World::new();
        let progress = LearnerProgress { phase: phase.to_owned(), ..LearnerProgress::default() };
        world.state.stop(world.now);
        assert!(world.state.progress(0, progress, world.now).unwrap());
        silence(&mut world, 2 * PATIENCE);
        assert_eq!(world.state.progress.phase, phase);
    }
    let mut world = World::new();
    world.state = State::new(rules());
    silence(&mut world, 2 * PATIENCE);
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
    world.state.progress(0, progress, world.now).unwrap();
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
    world.state.progress(0, progress, world.now).unwrap();
    assert!(grown(end(&mut world, 0)), "the learner's count came late");
    assert_eq!(end(&mut world, 1), 0, "places are counted each for itself");
}
