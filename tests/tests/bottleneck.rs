//! What limits a run is brought about on purpose, with the real programs; `status` must name it.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use serde_json::Value;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::proxy::{Proxy, Rules, Shape};

/// A verdict must be the same for so many looks at it, one after another.
const LOOKS: usize = 4;
/// How long it may take to come about.
const PATIENCE: Duration = Duration::from_secs(120);

/// Two runs at a time would be each other's bottleneck.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// `target/<profile>/<name>`, seen from the test binary in `target/<profile>/deps/`.
fn program(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps.parent().unwrap().parent().unwrap().join(name);
    assert!(path.is_file(), "{} is missing: run `cargo build --release --bins`", path.display());
    path
}

fn free_port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// A run without end whose processes are started one by one, and killed when this is dropped.
struct Run {
    folder: TempDir,
    processes: Vec<Child>,
    /// Between the actors and the learner.
    proxy: Proxy,
    learner: SocketAddr,
    environment: Vec<(&'static str, PathBuf)>,
    _alone: MutexGuard<'static, ()>,
}

impl Drop for Run {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // Both fail only if it has ended.
            drop(process.kill());
            drop(process.wait());
        }
    }
}

impl Run {
    /// The quickstart with these settings, its learner behind a proxy.
    fn start(settings: &[&str], actors: usize) -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let learner = free_port();
        let mut run = Self {
            folder: tempfile::tempdir().unwrap(),
            processes: Vec::new(),
            proxy: Proxy::start(learner).unwrap(),
            learner,
            environment: Vec::new(),
            _alone: alone,
        };
        run.serve(settings);
        run.learn();
        for _ in 0..actors {
            run.spawn("actor", &["run", "--coordinator", &run.address()]);
        }
        run
    }

    fn serve(&mut self, settings: &[&str]) {
        let common = [
            "budget.env_steps=1000000000",
            "collection.initial_episodes=1",
            "collection.prior_episodes=1",
            "collection.posterior_episodes=3",
            "collection.tolerance=20000",
            "evaluation.every_env_steps=1000000000",
            "replay.transitions_per_task=2000",
            "learner.device=cpu",
        ];
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/quickstart.toml");
        let run_dir = self.run_dir();
        let mut arguments = vec!["serve", config.to_str().unwrap(), "--run-dir"];
        arguments.push(run_dir.to_str().unwrap());
        arguments.extend(common.iter().chain(settings).flat_map(|setting| ["--set", setting]));
        self.spawn("coordinator", &arguments);
        self.until("the coordinator's address", || run_dir.join("coordinator.addr").exists());
    }

    fn learn(&mut self) {
        let (listen, advertise) = (self.learner.to_string(), self.proxy.address().to_string());
        let (address, run_dir) = (self.address(), self.run_dir());
        let run_dir = run_dir.to_str().unwrap();
        let arguments = ["run", "--coordinator", &address, "--run-dir", run_dir];
        let arguments = [&arguments[..], &["--listen", &listen, "--advertise", &advertise]];
        self.spawn("learner", &arguments.concat());
    }

    fn spawn(&mut self, name: &str, arguments: &[&str]) {
        let log = self.folder.path().join(format!("{name}-{}.log", self.processes.len()));
        let log = File::create(log).unwrap();
        let process = Command::new(program(name))
            .args(arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.processes.push(process);
    }

    fn run_dir(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn address(&self) -> String {
        let file = self.run_dir().join("coordinator.addr");
        std::fs::read_to_string(file).unwrap().trim().to_owned()
    }

    fn logs(&self) -> String {
        let files = std::fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path());
        let logs = files.filter(|path| path.extension().is_some_and(|ending| ending == "log"));
        logs.map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "what is waited for is on the other side of a poll"
    )]
    fn until(&self, what: &str, mut seen: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !seen() {
            assert!(Instant::now() < deadline, "not seen in time: {what}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    fn status(&self) -> Option<Value> {
        let mut status = Command::new(program("coordinator"));
        status.args(["status", "--json", "--coordinator", &self.address()]);
        serde_json::from_slice(&status.output().unwrap().stdout).ok()
    }

    /// Waits until the verdict is this one for some time; gives the last status.
    fn expect(&self, limit: &str) -> Value {
        let (mut last, mut in_a_row) = (Value::Null, 0);
        let mut said = Vec::new();
        let began = Instant::now();
        let mut look = || {
            last = self.status().unwrap_or_default();
            let hit = last["limit"] == limit;
            in_a_row = if hit { in_a_row + 1 } else { 0 };
            let line = last["bottleneck"].as_str().unwrap_or("no answer").to_owned();
            if said.last().is_none_or(|(_, before): &(f64, String)| before != &line) {
                said.push((began.elapsed().as_secs_f64(), line));
            }
            in_a_row >= LOOKS
        };
        let deadline = Instant::now() + PATIENCE;
        let mut found = false;
        self.until("a verdict", || {
            found = look();
            found || Instant::now() + Duration::from_secs(1) > deadline
        });
        assert!(found, "expected {limit}, got {said:#?}\n{}", self.logs());
        let line = last["bottleneck"].as_str().unwrap();
        eprintln!("after {:.0} s: {line}", began.elapsed().as_secs_f64());
        assert!(line.starts_with(&format!("{limit}: ")), "{line}");
        last
    }
}

fn spent(status: &Value, who: &str, cause: &str) -> f64 {
    status["spent"][who][cause].as_f64().unwrap_or_else(|| panic!("{who}, {cause}: {status}"))
}

/// Steps that take their time: physics, one environment, few updates.
const SLOW_ACTOR: [&str; 4] = [
    "environment.family=cheetah-vel",
    "actors.environments=1",
    "collection.samples_per_insert=0.05",
    "learner.publish_every=1000",
];

#[test]
fn many_updates_per_transition_make_it_the_learner() {
    let run = Run::start(&["collection.samples_per_insert=2000"], 1);
    let status = run.expect("learner");
    assert!(spent(&status, "actors", "held_back") > spent(&status, "actors", "stepping"));
}

#[test]
fn slow_environments_and_few_updates_make_it_the_actors_until_there_are_none() {
    let mut run = Run::start(&SLOW_ACTOR, 1);
    let status = run.expect("actors");
    assert!(spent(&status, "learner", "data") > spent(&status, "learner", "update"));
    let mut actor = run.processes.pop().unwrap();
    actor.kill().unwrap();
    actor.wait().unwrap();
    run.expect("no-actors");
}

#[test]
fn one_trial_at_a_time_for_two_actors_makes_it_the_limiter() {
    let settings = [&SLOW_ACTOR[..], &["collection.open_trials=1"]].concat();
    Run::start(&settings, 2).expect("limiter");
}

#[test]
fn a_slow_way_to_the_learner_makes_it_the_link() {
    let settings = [&SLOW_ACTOR[..], &["actors.unacknowledged=1024"]].concat();
    let run = Run::start(&settings, 1);
    let to_target = Shape { bytes_per_s: Some(100_000), ..Shape::default() };
    run.proxy.set(Rules { to_target, ..Rules::default() });
    run.expect("link");
    // And not for ever.
    run.proxy.set(Rules::default());
    let status = run.expect("actors");
    assert!(spent(&status, "actors", "upload") < spent(&status, "actors", "stepping"));
}

#[test]
fn a_slow_way_back_for_every_version_makes_it_the_weights() {
    let settings = ["collection.max_lag=0", "learner.publish_every=1"];
    let run = Run::start(&settings, 1);
    let to_client = Shape { bytes_per_s: Some(100_000), ..Shape::default() };
    run.proxy.set(Rules { to_client, ..Rules::default() });
    let status = run.expect("weights");
    assert!(spent(&status, "actors", "weights") > spent(&status, "actors", "upload"));
}

#[test]
fn a_learner_that_stands_still_is_said_to_be_missing() {
    let run = Run::start(&["collection.samples_per_insert=1"], 1);
    run.until("updates", || run.status().is_some_and(|s| s["updates_per_s"] != 0.0));
    let learner = run.processes[1].id().to_string();
    assert!(Command::new("kill").args(["-STOP", &learner]).status().unwrap().success());
    run.expect("no-learner");
    assert!(Command::new("kill").args(["-CONT", &learner]).status().unwrap().success());
    run.until("the learner", || run.status().is_some_and(|s| s["limit"] != "no-learner"));
}
