//! An actor from its registration to its end, against a coordinator and a learner in memory.

#![allow(clippy::unwrap_used, reason = "a test whose set-up does not work has failed")]

mod fixtures;
mod world;

use actor::{Error, Options};
use runtime::Stop;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use types::Purpose;
use world::{State, World, trial};

/// No test here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

fn spawn(world: &World, slot: Option<u32>) -> (JoinHandle<Result<(), Error>>, Stop) {
    spawn_with(world, slot, Duration::from_secs(3))
}

fn spawn_with(
    world: &World,
    slot: Option<u32>,
    grace: Duration,
) -> (JoinHandle<Result<(), Error>>, Stop) {
    let stop = Stop::new();
    let options = Options {
        coordinator: world.address.clone(),
        credentials: proto::Credentials::none(),
        slot,
        connect_timeout: Duration::from_secs(5),
        learner_timeout: PATIENCE,
        grace,
        board: std::sync::Arc::default(),
    };
    let told = stop.clone();
    (tokio::spawn(async move { actor::run(options, &told).await }), stop)
}

async fn end(actor: JoinHandle<Result<(), Error>>) -> Result<(), Error> {
    tokio::time::timeout(PATIENCE, actor).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn works_on_trials_follows_weights_and_leaves_when_told_to() {
    let purpose = |id| {
        if id % 4 == 3 { Purpose::Evaluate } else { Purpose::Train }
    };
    let mut state = State {
        trials: (0..60).map(|id| trial(id, purpose(id))).collect(),
        not_ready: 3,
        ..State::default()
    };
    state.trials[20].min_version = types::Version(2);
    let world = World::start(state).await;
    let start = Instant::now();
    let (actor, _stop) = spawn(&world, None);
    world.until(|s| s.outcomes.len() == 59).await;
    let first = world.state().first_stored.unwrap();
    assert!(first - start < Duration::from_secs(2));
    world.until(|s| s.stats.values().any(|s| s.waited_weights_s > 0.0)).await;
    world.publish(2);
    world.until(|s| s.outcomes.len() == 60).await;
    assert!(world.state().outcomes[&20].episodes.iter().all(|e| e.version == 2));
    world.until(|s| s.stats.values().all(|s| s.version == 2)).await;
    world.state().drain = true;
    end(actor).await.unwrap();
    let state = world.state();
    let stats = &state.stats[&100];
    let stored: u64 = state.stored[&100].iter().sum();
    assert_eq!(stats.transitions_sent, stored);
    assert_eq!(stats.transitions_acknowledged, stored);
    assert_eq!(stored, 45 * 3 * 20);
    assert_eq!(stats.env_steps, 60 * 3 * 20);
    assert_eq!((stats.trials_done, stats.trials_failed), (60, 0));
    assert!(stats.resident_bytes > 0 && stats.waited_lease_s > 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn told_to_stop_it_hands_over_what_it_has_and_leaves() {
    let world = World::start(State { endless: true, ..State::default() }).await;
    let (actor, stop) = spawn(&world, Some(3));
    world.until(|s| s.outcomes.len() > 20).await;
    let start = Instant::now();
    stop.cancel();
    end(actor).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(3));
    let state = world.state();
    let stored: u64 = state.stored[&100].iter().sum();
    let stats = &state.stats[&100];
    assert_eq!((stats.transitions_sent, stats.transitions_acknowledged), (stored, stored));
    let reported: u64 =
        state.outcomes.values().flat_map(|o| &o.episodes).map(|e| u64::from(e.length)).sum();
    assert_eq!(stored, reported, "trials in hand were finished");
    assert_eq!(state.registered, [(100, Some(3))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_time_to_finish_trials_are_given_up_but_nothing_sent_is_lost() {
    let world = World::start(State { endless: true, ..State::default() }).await;
    let (actor, stop) = spawn_with(&world, None, Duration::ZERO);
    world.until(|s| s.outcomes.len() > 20).await;
    stop.cancel();
    end(actor).await.unwrap();
    let state = world.state();
    let stored: u64 = state.stored[&100].iter().sum();
    let stats = &state.stats[&100];
    assert_eq!((stats.transitions_sent, stats.transitions_acknowledged), (stored, stored));
    assert!(state.outcomes.len() < state.leased[&100].len(), "some were given up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn declared_dead_it_comes_back_as_a_new_life_in_its_place() {
    let world = World::start(State {
        trials: (0..400).map(|id| trial(id, Purpose::Train)).collect(),
        ..State::default()
    })
    .await;
    let (actor, _stop) = spawn(&world, None);
    world.until(|s| s.outcomes.len() > 10).await;
    world.state().alive.clear();
    world.until(|s| s.outcomes.len() == 400).await;
    world.state().drain = true;
    end(actor).await.unwrap();
    assert_eq!(world.state().registered, [(100, None), (101, Some(6))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_lost_reply_leased_is_leased_again_within_the_same_life() {
    let world = World::start(State {
        trials: (0..60).map(|id| trial(id, Purpose::Train)).collect(),
        ..State::default()
    })
    .await;
    let (actor, _stop) = spawn(&world, None);
    for done in [5, 20, 40] {
        world.until(|s| s.outcomes.len() > done).await;
        world.state().lose_lease = true;
        world.until(|s| !s.lose_lease).await;
    }
    world.until(|s| s.outcomes.len() == 60).await;
    world.state().drain = true;
    end(actor).await.unwrap();
    let state = world.state();
    assert_eq!(state.registered.len(), 1);
    let stored: u64 = state.stored[&100].iter().sum();
    assert_eq!(state.stats[&100].transitions_acknowledged, stored);
    assert_eq!(stored, 60 * 3 * 20, "no trial ran twice");
    assert!(state.over.contains(&100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_learner_that_is_started_again_elsewhere_is_found_and_nothing_is_lost() {
    // Nobody listens at the first address: the actor has registered and waits.
    let state = State { endless: true, learner: Some(nowhere()), ..State::default() };
    let world = World::start(state).await;
    let (actor, _stop) = spawn(&world, None);
    world.until(|s| !s.stats.is_empty()).await;
    for door in 1..=3 {
        let address = world.open_learner_at(door).await;
        world.state().moved_to = Some(address);
        world.until(|s| s.stored_at.get(&door).is_some_and(|chunks| *chunks > 20)).await;
    }
    world.state().drain = true;
    end(actor).await.unwrap();
    let state = world.state();
    assert_eq!(state.registered.len(), 1, "the same life");
    let stored: u64 = state.stored[&100].iter().sum();
    assert_eq!((stored % 60, state.stats[&100].transitions_acknowledged), (0, stored));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_refused_chunk_is_fatal_and_says_why() {
    let world = World::start(State { endless: true, refuse: true, ..State::default() }).await;
    let (actor, _stop) = spawn(&world, None);
    let error = end(actor).await.unwrap_err().to_string();
    assert!(
        error.contains("InvalidArgument") && error.contains("expected 0 to 9, got 10"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_learner_that_takes_nothing_stops_the_environments() {
    let world = World::start(State { endless: true, silent: true, ..State::default() }).await;
    let (actor, _stop) = spawn(&world, None);
    world.until(|s| s.stats.values().any(|s| s.waited_upload_s > 0.5)).await;
    let stats = world.state().stats[&100];
    assert!(stats.transitions_sent <= 64 && stats.env_steps <= 64 + 4 * 8, "{stats:?}");
    world.state().alive.clear();
    world.until(|s| s.registered.len() == 2).await;
    actor.abort();
}

/// An address where nobody listens.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn nobody_at_the_address_is_one_clear_error_after_the_timeout() {
    let address = nowhere();
    let options = Options {
        coordinator: address.clone(),
        credentials: proto::Credentials::none(),
        slot: None,
        connect_timeout: Duration::from_millis(200),
        learner_timeout: PATIENCE,
        grace: Duration::ZERO,
        board: std::sync::Arc::default(),
    };
    let start = Instant::now();
    let error = actor::run(options, &Stop::new()).await.unwrap_err().to_string();
    assert!(start.elapsed() < Duration::from_secs(2));
    let expected = format!("expected a coordinator at {address} within 200ms");
    assert!(error.contains(&expected) && error.contains("refused"), "{error}");
}

/// Starts the program; its standard input stays open until the child is dropped.
fn program(world: &World, slot: &str) -> std::process::Child {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_actor"));
    command.args(["run", "--exit-with-parent", "--slot", slot]);
    command.args(["--coordinator", &world.address]);
    command.stdin(Stdio::piped()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Waits for the program to end, away from the tasks.
async fn ended(mut program: std::process::Child) -> ExitStatus {
    let wait = tokio::task::spawn_blocking(move || program.wait().unwrap());
    tokio::time::timeout(PATIENCE, wait).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_program_leaves_in_order_on_sigterm_and_when_its_parent_ends() {
    let endless = || State { endless: true, ..State::default() };
    for orphaned in [false, true] {
        let world = World::start(endless()).await;
        let start = Instant::now();
        let mut program = program(&world, "2");
        world.until(|s| s.outcomes.len() > 5).await;
        let first = world.state().first_stored.unwrap() - start;
        assert!(first < Duration::from_secs(2), "{first:?}");
        let stdin = program.stdin.take();
        if orphaned {
            drop(stdin);
        } else {
            let id = program.id().to_string();
            let kill = std::process::Command::new("kill").args(["-TERM", &id]).status();
            assert!(kill.unwrap().success());
        }
        assert!(ended(program).await.success());
        let state = world.state();
        let stored: u64 = state.stored[&100].iter().sum();
        assert_eq!(state.stats[&100].transitions_acknowledged, stored);
        assert_eq!(state.registered, [(100, Some(2))]);
    }
}

/// The one line that the program ends with when it waits a second for a learner, and its log.
async fn failure(world: &World) -> (String, String) {
    let logs = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_actor"));
    command.args(["run", "--learner-timeout", "1", "--coordinator", &world.address]);
    command.arg("--log-dir").arg(logs.path()).stdin(Stdio::null());
    let wait = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = tokio::time::timeout(PATIENCE, wait).await.unwrap().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error.trim_end().lines().count(), 1, "{error}");
    let files = std::fs::read_dir(logs.path()).unwrap();
    let log = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    (error, log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_run_without_a_learner_ends_the_program_with_one_clear_error() {
    let world = World::start(State { not_ready: u32::MAX, ..State::default() }).await;
    let ((error, log), at) = (failure(&world).await, &world.address);
    let expected = format!(
        "error: expected a learner to join the run at coordinator {at} within 1s, got none; start \
         one with `learner run --coordinator {at}`"
    );
    assert!(error.starts_with(&expected), "{error}");
    assert_eq!(log.matches("waiting for one").count(), 1, "{log}");
    assert!(world.state().registered.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nobody_at_the_learners_address_ends_the_program_with_one_clear_error() {
    let learner = nowhere();
    let world = World::start(State { learner: Some(learner.clone()), ..State::default() }).await;
    let (error, log) = failure(&world).await;
    let expected = format!("error: expected the learner at {learner}, got no answer for 1s: ");
    assert!(error.starts_with(&expected), "{error}");
    assert_eq!(error.matches("refused").count(), 1, "{error}");
    assert_eq!(log.matches("reconnecting").count(), 2, "each stream once: {log}");
}
