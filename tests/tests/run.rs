//! A whole run as a user has one: the real programs, real sockets, real signals.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

/// `target/<profile>/<name>`, seen from the test binary in `target/<profile>/deps/`.
fn program(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps.parent().unwrap().parent().unwrap().join(name);
    assert!(path.is_file(), "{} is missing: run `cargo build --release --bins`", path.display());
    path
}

fn quickstart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/quickstart.toml")
}

/// Transitions of any training trial: four episodes of 20 steps, none of which ends early.
const TRIAL: u64 = 80;
const ENV_STEPS: u64 = 30_000;
const ENVIRONMENTS: u64 = 4;

/// A run in progress; killed if a test fails before its end.
struct Run {
    coordinator: Child,
    run_dir: PathBuf,
    stderr: PathBuf,
}

impl Drop for Run {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        drop(self.coordinator.kill());
        drop(self.coordinator.wait());
    }
}

impl Run {
    /// A run of the quickstart that takes seconds, with three actors.
    fn start(folder: &Path) -> Self {
        let env_steps = format!("budget.env_steps={ENV_STEPS}");
        let environments = format!("actors.environments={ENVIRONMENTS}");
        let settings = [
            &env_steps,
            &environments,
            "actors.count=3",
            "collection.initial_episodes=4",
            "collection.prior_episodes=1",
            "collection.posterior_episodes=3",
            "collection.extra_episodes=0",
            "collection.samples_per_insert=40.0",
            "evaluation.every_env_steps=10000",
            "evaluation.repeats=1",
            "learner.device=cpu",
        ];
        let (run_dir, stderr) = (folder.join("run"), folder.join("stderr"));
        let coordinator = Command::new(program("coordinator"))
            .arg("train")
            .arg(quickstart())
            .args(settings.iter().flat_map(|setting| ["--set", setting]))
            .arg("--run-dir")
            .arg(&run_dir)
            .stdout(File::create(folder.join("stdout")).unwrap())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        Self { coordinator, run_dir, stderr }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap()
    }

    /// Asks for the status until `wanted` finds what it looks for.
    #[allow(
        clippy::disallowed_methods,
        reason = "what is waited for is on the other side of a poll"
    )]
    fn watch<T>(&mut self, wanted: impl Fn(&Value) -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(120);
        while Instant::now() < deadline {
            if let Some(found) = status(&self.run_dir).as_ref().and_then(&wanted) {
                return found;
            }
            let ended = self.coordinator.try_wait().unwrap();
            assert!(ended.is_none(), "the run has ended early: {}", self.said());
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("not seen within two minutes; the last status: {:?}", status(&self.run_dir));
    }
}

fn coordinator(arguments: &[&str]) -> Output {
    Command::new(program("coordinator")).args(arguments).output().unwrap()
}

/// What `coordinator status --json` says, once it says something.
fn status(run_dir: &Path) -> Option<Value> {
    let address = std::fs::read_to_string(run_dir.join("coordinator.addr")).ok()?;
    let output = coordinator(&["status", "--json", "--coordinator", address.trim()]);
    serde_json::from_slice(&output.stdout).ok()
}

fn alive(status: &Value) -> Vec<(u64, u64)> {
    let actors = status["actors"].as_array().unwrap().iter();
    let alive = actors.filter(|a| a["alive"] == true);
    alive.map(|a| (a["incarnation"].as_u64().unwrap(), a["pid"].as_u64().unwrap())).collect()
}

fn env_steps(status: &Value) -> u64 {
    status["learner"]["env_steps"].as_u64().unwrap_or(0)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_run_survives_killed_actors_stores_each_transition_once_and_learns() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::start(folder.path());
    let mut killed = Vec::new();
    for at in [2_000, 8_000, 14_000] {
        let (incarnation, pid) = run.watch(|status| {
            let ready = env_steps(status) >= at;
            let fresh = alive(status).into_iter().find(|(life, _)| !killed.contains(life));
            fresh.filter(|_| ready)
        });
        let kill = Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
        assert!(kill.success());
        killed.push(incarnation);
    }
    assert!(run.coordinator.wait().unwrap().success(), "{}", run.said());

    let summary = json(&run.run_dir.join("summary.json"));
    let count = |key: &str| summary[key].as_u64().unwrap_or_else(|| panic!("{key}: {summary}"));
    assert!(count("transitions_acknowledged") <= count("transitions_stored"), "{summary}");
    // The last trial is asked for below the budget, and each is in the replay once.
    let env_steps = count("env_steps");
    assert!((ENV_STEPS..ENV_STEPS + TRIAL).contains(&env_steps), "{env_steps}");
    // Each life that was killed may have left transitions of one trial per environment, which
    // another life collected again.
    let left = count("transitions_stored") - env_steps;
    assert!(left < killed.len() as u64 * ENVIRONMENTS * TRIAL, "{left}");
    let ratio = summary["samples_per_insert"].as_f64().unwrap();
    assert!((ratio / 40.0 - 1.0).abs() < 0.05, "samples per insert: {ratio}");

    let lives = summary["actors"].as_array().unwrap();
    assert!(lives.len() > 3, "dead actors were not replaced: {lives:?}");
    let stored: u64 = lives.iter().map(|life| life["stored"].as_u64().unwrap()).sum();
    assert_eq!(stored, count("transitions_stored"));
    for life in lives {
        let (said, stored) = (life["acknowledged"].as_u64(), life["stored"].as_u64());
        if killed.contains(&life["incarnation"].as_u64().unwrap()) {
            assert!(said <= stored, "{life}");
        } else {
            assert_eq!(said, stored, "{life}");
        }
    }
    let score = summary["eval"]["test_normalised"].as_f64().unwrap();
    assert!(score > 0.3, "expected to have learned something, got {score}");

    evaluate_and_plot(&run.run_dir);
}

/// What one does with a finished run.
fn evaluate_and_plot(run_dir: &Path) {
    let run = run_dir.to_str().unwrap();
    let table = coordinator(&["eval", run, "--json"]);
    assert!(table.status.success(), "{}", String::from_utf8_lossy(&table.stderr));
    let scores: Value = serde_json::from_slice(&table.stdout).unwrap();
    assert!(scores["test_normalised"].as_f64().unwrap() > 0.3, "{scores}");

    let best = coordinator(&["eval", run, "--json", "--checkpoint", "best"]);
    let best: Value = serde_json::from_slice(&best.stdout).unwrap();
    assert!(best["test_normalised"].as_f64().unwrap() > 0.3, "{best}");

    let svg = run_dir.join("curve.svg");
    let plot = coordinator(&["plot", run, "-o", svg.to_str().unwrap()]);
    assert!(plot.status.success(), "{}", String::from_utf8_lossy(&plot.stderr));
    assert!(std::fs::read_to_string(&svg).unwrap().contains("<svg"));

    std::fs::remove_dir_all(run_dir.join("checkpoints")).unwrap();
    let missing = coordinator(&["eval", run]);
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(!missing.status.success() && said.contains("checkpoint"), "{said}");
}

#[test]
fn a_learner_without_a_coordinator_says_so() {
    let folder = tempfile::tempdir().unwrap();
    // A port that was free a moment ago and that nobody listens on.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let output = Command::new(program("learner"))
        .args(["run", "--connect-timeout", "1", "--coordinator", &address, "--run-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains(&address) && said.contains("coordinator serve"), "{said}");
}

#[test]
fn a_setting_that_cannot_work_with_the_family_ends_the_run_with_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(program("coordinator"))
        .arg("train")
        .arg(quickstart())
        .args(["--set", "collection.tolerance=10", "--run-dir"])
        .arg(folder.path().join("run"))
        // A backtrace must not push the error out of what is shown of the learner's log.
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("collection.tolerance") && said.contains("got 10"), "{said}");
}
