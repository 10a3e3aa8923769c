//! `coordinator train` with stand-ins: programs that speak to it over gRPC without physics or
//! tensors, programs that die, and programs that only wait for their parent.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use proto::v1;
use std::process::Stdio;
use std::time::Duration;
use support::install::{Installed, eventually, kill, runs};
use support::{Peer, outcome, trial};
use tokio_stream::StreamExt as _;

/// Shell commands that run `test` of this file as a stand-in program.
fn stand_in(test: &str) -> String {
    let this = std::env::current_exe().unwrap();
    let this = this.display();
    format!("STAND_IN=\"$*\" exec {this} --exact {test} --ignored --nocapture")
}

/// `--name value` of the command line that the stand-in was started with. `None` when the whole
/// test suite is run with `--ignored`: then there is nothing to stand in for.
fn option(name: &str) -> Option<String> {
    let line = std::env::var("STAND_IN").ok()?;
    let mut words = line.split(' ').skip_while(|word| *word != name);
    words.nth(1).map(str::to_owned)
}

#[tokio::test]
#[ignore = "stands in for the learner program"]
async fn learner() {
    let Some(address) = option("--coordinator") else {
        return;
    };
    assert!(option("--run-dir").is_some() && option("--listen").is_some());
    let mut peer = Peer::connect(&address).await;
    let joined = peer.register_learner().await.unwrap();
    let experiment: types::Experiment = serde_json::from_str(&joined.experiment).unwrap();
    let mut trials: Vec<v1::Trial> = (0..8).map(|id| trial(id, id >= 4)).collect();
    // The first trial kills the actor that takes it for the first time.
    trials[0].seed = 666;
    peer.submit(trials).await.unwrap();
    let request = v1::OutcomesRequest { from: 0, realign: false };
    let mut outcomes = peer.control.outcomes(request).await.unwrap().into_inner();
    let mut tasks = Vec::new();
    for number in 0..8 {
        let outcome = outcomes.next().await.unwrap().unwrap();
        if number == 2 && std::env::var_os("MORTAL_LEARNER").is_some() {
            die_once(&mut peer).await;
        }
        let returns = outcome.episodes.iter().map(|e| e.task_return).collect();
        if outcome.purpose == 2 {
            tasks.push(v1::TaskScore { task: outcome.task, returns, ..Default::default() });
        }
    }
    let mut progress = v1::LearnerProgress {
        phase: "done".to_owned(),
        env_steps: experiment.budget.env_steps,
        updates: 9,
        transitions_stored: 40,
        samples_per_insert: 1.5,
        evaluations: vec![v1::Evaluation {
            env_steps: 40,
            tasks,
            last: true,
            number: 1,
            ..v1::Evaluation::default()
        }],
        ..v1::LearnerProgress::default()
    };
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    while !peer.progress(progress.clone()).await.unwrap() {
        progress.evaluations.clear();
        ticks.tick().await;
    }
}

/// The first life ends by `kill -9` after something has come of it; the second one continues it.
async fn die_once(peer: &mut Peer) {
    let witness = std::path::Path::new("learner-died-once");
    let resumed = std::env::var("STAND_IN").unwrap().ends_with(" --resume");
    assert_eq!(resumed, witness.exists(), "what was saved is used from the second life on");
    if !resumed {
        let progress = v1::LearnerProgress { updates: 1, ..v1::LearnerProgress::default() };
        peer.progress(progress).await.unwrap();
        std::fs::write(witness, "").unwrap();
        kill(std::process::id(), "-KILL");
    }
}

#[tokio::test]
#[ignore = "stands in for a learner program that only waits"]
async fn idle_learner() {
    let Some(address) = option("--coordinator") else {
        return;
    };
    let mut peer = Peer::connect(&address).await;
    peer.register_learner().await.unwrap();
    let progress = v1::LearnerProgress {
        phase: "waiting for the end".to_owned(),
        ..v1::LearnerProgress::default()
    };
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    while !peer.progress(progress.clone()).await.unwrap() {
        ticks.tick().await;
    }
}

#[tokio::test]
#[ignore = "stands in for the actor program"]
async fn actor() {
    let Some(address) = option("--coordinator") else {
        return;
    };
    let slot = option("--slot").unwrap().parse().unwrap();
    let mut peer = Peer::connect(&address).await;
    let key = loop {
        // Not before the learner.
        if let Ok(key) = peer.register(Some(slot)).await {
            break key;
        }
    };
    let mut stats = v1::ActorStats::default();
    loop {
        let reply = peer.lease(key, 1, 200).await.unwrap();
        for trial in reply.trials {
            let witness = std::path::Path::new("died-once");
            if trial.seed == 666 && !witness.exists() {
                std::fs::write(witness, "").unwrap();
                kill(std::process::id(), "-KILL");
            }
            if trial.purpose == 1 {
                stats.transitions_sent += 10;
                stats.transitions_acknowledged += 10;
            }
            peer.report(key, vec![outcome(&trial)]).await.unwrap();
            if std::env::var_os("MORTAL").is_some() {
                kill(std::process::id(), "-KILL");
            }
        }
        let drain = peer.heartbeat(key, stats).await.unwrap();
        if reply.drain && drain {
            return;
        }
    }
}

#[test]
fn a_run_with_a_dying_actor_ends_well_and_leaves_everything_behind() {
    let installed = Installed::new(&stand_in("actor"), &stand_in("learner"));
    let (code, out, error) = installed.run(&["train", "experiment.toml", "--seed", "11"]);
    assert_eq!(code, 0, "{out}\n{error}");
    assert!(out.contains("evaluation env_steps=40"), "{out}");
    assert!(out.contains("test_normalised=0.800"), "{out}");
    assert!(out.contains("coordinator plot runs/stand-in/"), "{out}");
    assert!(installed.path().join("died-once").exists());

    let run = installed.latest();
    let read = |file: &str| std::fs::read_to_string(run.join(file)).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&read("summary.json")).unwrap();
    assert_eq!(summary["result"], "done");
    assert_eq!(summary["trials"]["done"], 8);
    assert_eq!(summary["trials"]["released"], 1);
    assert_eq!(summary["transitions_sent"], 40);
    assert_eq!(summary["eval"]["test_return"], -2.0);
    assert_eq!(summary["eval"]["test_normalised"], 0.8);
    assert_eq!(summary["config"]["seed"], 11);
    let lives = summary["actors"].as_array().unwrap();
    let orderly = lives.iter().filter(|life| life["left_in_order"] == true);
    assert!(orderly.count() < lives.len(), "one was killed: {lives:?}");
    let effective: types::Experiment =
        runtime::config::load(&run.join("config.toml"), &[]).unwrap();
    assert_eq!(effective.seed, 11);
    let progress = read("progress.csv");
    let widths: Vec<usize> = progress.lines().map(|l| l.split(',').count()).collect();
    assert!(widths.len() >= 3 && widths.iter().all(|w| *w == widths[0]), "{progress}");
    assert_eq!(read("evaluations.jsonl").lines().count(), 1);
    for file in ["family.json", "logs/learner.log", "logs/actor-0.log", "logs/coordinator.log"] {
        assert!(run.join(file).exists(), "{file}");
    }
    assert!(!run.join("coordinator.addr").exists(), "nobody is there any more");
    let (code, out, error) = installed.run(&["plot", "runs/latest", "-o", "curve.svg"]);
    assert_eq!((code, out.trim()), (0, "curve.svg"), "{error}");
    let svg = std::fs::read_to_string(installed.path().join("curve.svg")).unwrap();
    assert!(svg.contains("stand-in: test"));
}

#[test]
fn a_run_that_is_done_is_continued_only_with_a_larger_budget_and_nothing_is_written_twice() {
    let installed = Installed::new(&stand_in("actor"), &stand_in("learner"));
    let (code, _, error) = installed.run(&["train", "experiment.toml", "--seed", "11"]);
    assert_eq!(code, 0, "{error}");
    let resume = |more: &[&str]| {
        let mut arguments = vec!["train", "--resume", "runs/latest"];
        arguments.extend(more);
        installed.run(&arguments)
    };
    let (code, out, error) = resume(&[]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("the run is done, with its budget of 40 env steps"), "{out}");
    for (set, wanted) in [
        ("agent.discount=0.5", "agent.discount: expected the 0.99 that the run was begun with"),
        ("seed=12", "seed: expected the 11"),
        ("budget.env_steps=39", "budget.env_steps: expected at least the 40 of the run, got 39"),
    ] {
        let (code, _, error) = resume(&["--set", set]);
        assert!(code == 64 && error.contains(wanted), "{set}: {code} {error}");
    }
    let (code, out, error) = resume(&["--set", "budget.env_steps=80", "--set", "actors.count=1"]);
    assert_eq!(code, 0, "{out}\n{error}");
    let run = installed.latest();
    let read = |file: &str| std::fs::read_to_string(run.join(file)).unwrap();
    let effective: types::Experiment =
        runtime::config::load(&run.join("config.toml"), &[]).unwrap();
    assert_eq!((effective.budget.env_steps, effective.actors.count, effective.seed), (80, 1, 11));
    assert_eq!(read("evaluations.jsonl").lines().count(), 1);
    assert_eq!(read("progress.csv").matches("wall_s").count(), 1);
    let summary: serde_json::Value = serde_json::from_str(&read("summary.json")).unwrap();
    assert_eq!((&summary["trials"]["done"], &summary["learner_lives"]), (&8.into(), &2.into()));
    let lives = summary["actors"].as_array().unwrap().iter();
    let mut incarnations: Vec<u64> =
        lives.map(|life| life["incarnation"].as_u64().unwrap()).collect();
    let all = incarnations.len();
    incarnations.dedup();
    assert_eq!(incarnations.len(), all, "no incarnation twice");
}

#[test]
fn actors_that_are_killed_at_work_are_started_again_as_often_as_it_takes() {
    let installed = Installed::new(&stand_in("actor"), &stand_in("learner"));
    let mut command = installed.coordinator(&["train", "experiment.toml", "--actors", "1"]);
    // Every life ends by `kill -9` after one trial.
    let output = command.env("MORTAL", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let summary = std::fs::read(installed.latest().join("summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&summary).unwrap();
    assert_eq!(summary["result"], "done");
    assert_eq!(summary["trials"]["done"], 8);
    assert!(summary["actors"].as_array().unwrap().len() >= 8, "{}", summary["actors"]);
}

#[test]
fn a_dying_learner_ends_the_run_with_its_last_words() {
    let installed = Installed::new("cat >/dev/null", "echo out of luck >&2; exit 3");
    let (code, _, error) = installed.run(&["train", "experiment.toml"]);
    assert_eq!(code, 1, "{error}");
    for part in ["the learner ended with exit status: 3", "out of luck", "learner.log"] {
        assert!(error.contains(part), "expected {part:?} in {error}");
    }
    let summary = std::fs::read_to_string(installed.latest().join("summary.json")).unwrap();
    assert!(summary.contains("\"result\": \"failed\""), "{summary}");
}

#[test]
fn a_learner_that_is_killed_is_started_again_and_the_run_goes_on() {
    let installed = Installed::new(&stand_in("actor"), &stand_in("learner"));
    let mut command = installed.coordinator(&["train", "experiment.toml", "--actors", "1"]);
    let output = command.env("MORTAL_LEARNER", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(installed.path().join("learner-died-once").exists());
    let summary = std::fs::read(installed.latest().join("summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&summary).unwrap();
    assert_eq!((&summary["result"], &summary["trials"]["done"]), (&"done".into(), &8.into()));
}

#[test]
fn a_learner_that_comes_no_further_ends_the_run_with_its_last_words() {
    // It is killed before it has done anything, every time.
    let installed = Installed::new("cat >/dev/null", "echo again >&2; kill -KILL $$");
    let (code, _, error) = installed.run(&["train", "experiment.toml", "--actors", "1"]);
    assert_eq!(code, 1, "{error}");
    for part in ["the learner died 5 times in a row", "SIGKILL", "again", "learner.log"] {
        assert!(error.contains(part), "expected {part:?} in {error}");
    }
}

#[test]
fn an_actor_that_cannot_live_ends_the_run_with_its_last_words() {
    let installed = Installed::new("echo no wheels >&2; exit 4", "cat >/dev/null");
    let (code, _, error) = installed.run(&["train", "experiment.toml", "--actors", "1"]);
    assert_eq!(code, 1, "{error}");
    for part in ["actor 0 died 5 times in a row", "exit status: 4", "no wheels"] {
        assert!(error.contains(part), "expected {part:?} in {error}");
    }
}

#[test]
fn no_process_is_left_when_the_coordinator_is_killed() {
    let wait = "echo $$ >> pids; exec cat >/dev/null";
    let installed = Installed::new(wait, wait);
    let mut coordinator = installed.coordinator(&["train", "experiment.toml", "--quiet"]);
    let mut coordinator = coordinator.spawn().unwrap();
    let pids = eventually("a learner and two actors", || {
        let pids = std::fs::read_to_string(installed.path().join("pids")).ok()?;
        let pids: Vec<u32> = pids.lines().filter_map(|l| l.parse().ok()).collect();
        (pids.len() == 3 && pids.iter().all(|pid| runs(*pid))).then_some(pids)
    });
    kill(coordinator.id(), "-KILL");
    coordinator.wait().unwrap();
    eventually("the end of all children", || pids.iter().all(|pid| !runs(*pid)).then_some(()));
    // What it left behind does not make others believe that it lives.
    let (code, _, error) = installed.run(&["status"]);
    assert_eq!(code, 1);
    assert!(error.contains("got no answer"), "{error}");
}

#[test]
fn a_run_can_be_looked_at_and_stopped_from_outside() {
    // These heed nothing: patience ends, and they are killed.
    let installed = Installed::new("cat >/dev/null", "cat >/dev/null");
    let mut command = installed.coordinator(&["train", "experiment.toml", "--quiet"]);
    let coordinator = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let status: serde_json::Value = eventually("an answer", || {
        let (code, out, _) = installed.run(&["status", "--json"]);
        (code == 0).then(|| serde_json::from_str(&out).unwrap())
    });
    assert_eq!(status["experiment"], "stand-in");
    assert_eq!(status["learner"]["phase"], "starting");
    let (code, page, _) = installed.run(&["status"]);
    assert!(code == 0 && page.contains("none have registered"), "{page}");
    let mut watch = installed.coordinator(&["status", "--watch"]);
    let watch = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    assert_eq!(installed.run(&["stop"]).0, 0);
    let ended = coordinator.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let (out, error) =
        (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(out.contains("their time was up: actor-0, actor-1, learner"), "{out}");
    assert!(error.contains("the learner had to be killed"), "{error}");
    let summary = std::fs::read(installed.latest().join("summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&summary).unwrap();
    assert_eq!(summary["result"], "failed");
    assert_eq!(summary["killed"], serde_json::json!(["actor-0", "actor-1", "learner"]));
    // Whoever was watching is told, and that is no error.
    let watched = watch.wait_with_output().unwrap();
    let out = String::from_utf8_lossy(&watched.stdout);
    let error = String::from_utf8_lossy(&watched.stderr);
    assert_eq!(watched.status.code(), Some(0), "{out}\n{error}");
    assert!(out.ends_with("the run has ended\n"), "{out}\n{error}");
}

#[test]
fn actors_that_had_to_be_killed_are_named_and_are_no_failure() {
    // The actors heed nothing; the learner leaves when told.
    let installed = Installed::new("cat >/dev/null", &stand_in("idle_learner"));
    let command = ["train", "experiment.toml", "--quiet", "--actors", "1"];
    let mut coordinator = installed.coordinator(&command);
    let coordinator = coordinator.stdout(Stdio::piped()).spawn().unwrap();
    eventually("a learner", || {
        let (code, out, _) = installed.run(&["status"]);
        (code == 0 && out.contains("waiting for the end")).then_some(())
    });
    assert_eq!(installed.run(&["stop"]).0, 0);
    let ended = coordinator.wait_with_output().unwrap();
    let out = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.status.code(), Some(0), "{out}");
    assert!(out.contains("their time was up: actor-0\n"), "{out}");
    let summary = std::fs::read_to_string(installed.latest().join("summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["result"], "stopped");
    assert_eq!(summary["killed"], serde_json::json!(["actor-0"]));
}
