//! Processes that are killed, stopped and asked to leave, with the real programs: what must go on
//! goes on, what must end ends, and nothing is lost or doubled.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod cluster;

use cluster::{
    Process, SHORT, alive, check_files, children, eventually, quickstart, runs, signal, status,
    summary, updates, watch,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// `coordinator train` or `serve` of a short quickstart.
fn coordinate(command: &str, more: &[&str], folder: &Path) -> (Process, PathBuf) {
    let run_dir = folder.join("run");
    let config = quickstart();
    let mut arguments = vec![command, config.to_str().unwrap()];
    arguments.extend(["--run-dir", run_dir.to_str().unwrap()]);
    arguments.extend(SHORT.iter().chain(more).flat_map(|setting| ["--set", setting]));
    (Process::start("coordinator", &arguments, folder), run_dir)
}

fn resume(command: &str, run_dir: &Path, more: &[&str], folder: &Path) -> Process {
    let mut arguments = vec![command, "--resume", run_dir.to_str().unwrap()];
    arguments.extend(more.iter().flat_map(|setting| ["--set", setting]));
    Process::start("coordinator", &arguments, folder)
}

/// What the system promises its users; not a matter of speed, so it is asserted.
fn in_time(what: &str, since: Instant, seconds: u64) {
    let took = since.elapsed();
    assert!(took <= Duration::from_secs(seconds), "{what}: expected {seconds} s, took {took:.1?}");
}

/// The run trains, with so many actors.
fn trains(actors: usize) -> impl Fn(&Value) -> Option<u64> {
    move |status| {
        let there = alive(status).len() == actors && updates(status) > 20;
        there.then(|| updates(status))
    }
}

#[test]
fn a_learner_that_is_killed_is_back_soon_and_an_actor_that_is_killed_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let more = ["actors.count=2", "budget.env_steps=30000"];
    let (mut coordinator, run_dir) = coordinate("train", &more, folder.path());
    watch(&run_dir, "training with two actors", trains(2));
    let before = alive(&status(&run_dir).unwrap());

    let [learner] = children(coordinator.pid(), "learner")[..] else {
        panic!("one learner");
    };
    signal(learner, "-KILL");
    let killed = Instant::now();
    let at = updates(&status(&run_dir).unwrap());
    watch(&run_dir, "updates of another learner", |status| {
        let back = status["learner_lives"] == 2 && updates(status) > at;
        back.then_some(())
    });
    in_time("training after the learner was killed", killed, 15);
    let after = alive(&status(&run_dir).unwrap());
    assert_eq!(before, after, "the actors went on in the same lives");

    let (place, incarnation, pid) = after[0];
    signal(u32::try_from(pid).unwrap(), "-KILL");
    let killed = Instant::now();
    watch(&run_dir, "another life in the place of the actor that was killed", |status| {
        let next = alive(status).into_iter().find(|(other, ..)| *other == place)?;
        (next.1 > incarnation).then_some(())
    });
    in_time("another actor after one was killed", killed, 10);

    assert!(coordinator.end().success(), "{}", coordinator.said());
    let summary = summary(&run_dir);
    assert_eq!((&summary["result"], &summary["learner_lives"]), (&"done".into(), &2.into()));
    tests::summary::check_transitions(&summary).unwrap();
    check_files(&run_dir);
}

#[test]
fn a_run_of_which_everything_was_killed_is_continued_to_its_end_and_beyond() {
    let folder = tempfile::tempdir().unwrap();
    let more = ["actors.count=2", "budget.env_steps=40000"];
    let (mut coordinator, run_dir) = coordinate("train", &more, folder.path());
    watch(&run_dir, "training and an evaluation", |status| {
        (updates(status) > 200 && !status["eval"].is_null()).then_some(())
    });
    let first: BTreeSet<u64> =
        alive(&status(&run_dir).unwrap()).iter().map(|(_, incarnation, _)| *incarnation).collect();
    let busy = resume("train", &run_dir, &[], folder.path()).end();
    assert_eq!(busy.code(), Some(64), "somebody coordinates it");
    let members: Vec<u32> = ["learner", "actor"]
        .iter()
        .flat_map(|name| children(coordinator.pid(), name))
        .chain([coordinator.pid()])
        .collect();
    assert_eq!(members.len(), 4);
    for pid in &members {
        signal(*pid, "-KILL");
    }
    coordinator.end();

    let mut refused = resume("train", &run_dir, &["agent.discount=0.5"], folder.path());
    assert_eq!(refused.end().code(), Some(64));
    let said = refused.said();
    assert!(
        said.contains("agent.discount: expected the 0.3") && said.contains("got 0.5"),
        "{said}"
    );

    let mut continued = resume("train", &run_dir, &["actors.count=1"], folder.path());
    watch(&run_dir, "the run to go on", trains(1));
    let again = alive(&status(&run_dir).unwrap());
    assert!(again.iter().all(|(_, incarnation, _)| !first.contains(incarnation)), "{again:?}");
    assert!(continued.end().success(), "{}", continued.said());
    let ended = summary(&run_dir);
    assert_eq!(ended["result"], "done");
    tests::summary::check_transitions(&ended).unwrap();
    check_files(&run_dir);

    let mut done = resume("train", &run_dir, &[], folder.path());
    assert!(done.end().success());
    assert!(done.said().contains("the run is done, with its budget of 40000"), "{}", done.said());
    let mut more = resume("train", &run_dir, &["budget.env_steps=45000"], folder.path());
    assert!(more.end().success(), "{}", more.said());
    let ended = summary(&run_dir);
    assert_eq!(ended["result"], "done");
    assert!(ended["env_steps"].as_u64().unwrap() >= 45_000, "{}", ended["env_steps"]);
    check_files(&run_dir);
}

#[test]
fn learner_and_actors_keep_going_while_their_coordinator_is_killed_and_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut coordinator, run_dir) =
        coordinate("serve", &["budget.env_steps=60000"], folder.path());
    let address =
        eventually("an address", || std::fs::read_to_string(run_dir.join("coordinator.addr")).ok());
    let run = run_dir.to_str().unwrap();
    let at = ["run", "--coordinator", &address];
    let mut learner =
        Process::start("learner", &[&at[..], &["--run-dir", run]].concat(), folder.path());
    let mut actors = [0, 1].map(|_| Process::start("actor", &at, folder.path()));
    watch(&run_dir, "training with two actors", trains(2));
    let before = alive(&status(&run_dir).unwrap());
    let mut at = 0;
    for _ in 0..2 {
        signal(coordinator.pid(), "-KILL");
        coordinator.end();
        coordinator = resume("serve", &run_dir, &[], folder.path());
        let started = Instant::now();
        at = watch(&run_dir, "both actors and further updates", |status| {
            (alive(status).len() == 2 && updates(status) > at).then(|| updates(status))
        });
        in_time("control after the coordinator was started again", started, 5);
        assert_eq!(alive(&status(&run_dir).unwrap()), before, "the same lives, nobody was dead");
    }
    assert!(coordinator.end().success(), "{}", coordinator.said());
    assert!(learner.end().success(), "{}", learner.said());
    for actor in &mut actors {
        assert!(actor.end().success(), "{}", actor.said());
    }
    let summary = summary(&run_dir);
    assert_eq!((&summary["result"], &summary["learner_lives"]), (&"done".into(), &1.into()));
    assert_eq!(summary["actors"].as_array().unwrap().len(), 2, "{summary}");
    tests::summary::check_transitions(&summary).unwrap();
    check_files(&run_dir);
}

#[test]
fn asked_to_leave_every_program_hands_over_and_ends_and_a_killed_coordinator_leaves_no_orphans() {
    let folder = tempfile::tempdir().unwrap();
    let more = ["actors.count=2", "budget.env_steps=100000000"];
    let (mut coordinator, run_dir) = coordinate("train", &more, folder.path());
    watch(&run_dir, "training with two actors", trains(2));
    // An actor, then the learner: each leaves in order, and is started again.
    let (_, incarnation, pid) = alive(&status(&run_dir).unwrap())[0];
    signal(u32::try_from(pid).unwrap(), "-TERM");
    watch(&run_dir, "another actor", |status| {
        let all = alive(status);
        (all.len() == 2 && all.iter().all(|(_, other, _)| *other != incarnation)).then_some(())
    });
    let learner = children(coordinator.pid(), "learner")[0];
    signal(learner, "-TERM");
    let asked = Instant::now();
    eventually("the end of the learner", || (!runs(learner)).then_some(()));
    in_time("the end of the learner after SIGTERM", asked, 10);
    let at = watch(&run_dir, "another learner", |status| {
        (status["learner_lives"] == 2 && updates(status) > 20).then(|| updates(status))
    });
    // The whole run.
    signal(coordinator.pid(), "-TERM");
    let asked = Instant::now();
    assert!(coordinator.end().success(), "{}", coordinator.said());
    in_time("the end of the run after SIGTERM", asked, 10);
    let ended = summary(&run_dir);
    assert_eq!((&ended["result"], &ended["killed"]), (&"stopped".into(), &serde_json::json!([])));
    tests::summary::check_transitions(&ended).unwrap();
    // It goes on from there; this time its coordinator is killed.
    let mut coordinator = resume("train", &run_dir, &[], folder.path());
    watch(&run_dir, "the run to go on", |status| (updates(status) > at).then_some(()));
    let members: Vec<u32> =
        ["learner", "actor"].iter().flat_map(|n| children(coordinator.pid(), n)).collect();
    assert_eq!(members.len(), 3);
    signal(coordinator.pid(), "-KILL");
    coordinator.end();
    eventually("the end of all children", || members.iter().all(|pid| !runs(*pid)).then_some(()));
    a_second_signal_does_not_wait_for_anything(&run_dir, folder.path());
}

/// Not even for a learner that cannot leave.
fn a_second_signal_does_not_wait_for_anything(run_dir: &Path, folder: &Path) {
    let mut coordinator = resume("train", run_dir, &[], folder);
    watch(run_dir, "the run to go on", trains(2));
    let learner = children(coordinator.pid(), "learner")[0];
    signal(learner, "-STOP");
    let log = run_dir.join("logs/coordinator.log");
    // Those of earlier lives are in it as well.
    let noticed = || {
        let lines = std::fs::read_to_string(&log).unwrap();
        lines.matches("a second signal exits at once").count()
    };
    let before = noticed();
    signal(coordinator.pid(), "-TERM");
    eventually("the first signal noticed", || (noticed() > before).then_some(()));
    signal(coordinator.pid(), "-TERM");
    let asked = Instant::now();
    let (code, took) = (coordinator.end().code(), asked.elapsed());
    signal(learner, "-CONT");
    assert_eq!(code, Some(128 + 15));
    // Less than those who leave in order are given.
    assert!(took < Duration::from_secs(5), "{took:?}");
    eventually("the end of the learner", || (!runs(learner)).then_some(()));
    check_files(run_dir);
}
