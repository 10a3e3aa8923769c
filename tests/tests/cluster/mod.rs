//! Real programs on this machine, looked at from outside.

#![allow(dead_code, reason = "each test file uses a part of it")]

use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Whatever is waited for comes within this, on a busy machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// `target/<profile>/<name>`, seen from the test binary in `target/<profile>/deps/`.
pub(crate) fn program(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps.parent().unwrap().parent().unwrap().join(name);
    assert!(path.is_file(), "{} is missing: run `cargo build --release --bins`", path.display());
    path
}

pub(crate) fn quickstart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/quickstart.toml")
}

/// Changes to the quickstart that make its phases short.
pub(crate) const SHORT: [&str; 9] = [
    "actors.environments=4",
    "collection.prior_episodes=1",
    "collection.posterior_episodes=3",
    "collection.samples_per_insert=16.0",
    "evaluation.every_env_steps=10000",
    "evaluation.repeats=1",
    "learner.device=cpu",
    "learner.checkpoint_seconds=1.0",
    "replay.segment_mib=1",
];

/// Asks until there is an answer.
#[allow(clippy::disallowed_methods, reason = "what is waited for is on the other side of a poll")]
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not come about within {PATIENCE:?}");
}

/// A process that is killed if a test fails before its end.
pub(crate) struct Process {
    child: Child,
    pub(crate) log: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Process {
    /// Starts a program; what it says goes to a file in `folder`. Its standard input stays open.
    pub(crate) fn start(name: &str, arguments: &[&str], folder: &Path) -> Self {
        let count = std::fs::read_dir(folder).unwrap().count();
        let log = folder.join(format!("{name}-{count}.out"));
        let out = File::create(&log).unwrap();
        let child = Command::new(program(name))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("the end of a process", || child.try_wait().unwrap())
    }
}

pub(crate) fn signal(pid: u32, signal: &str) {
    let status = Command::new("kill").args([signal, &pid.to_string()]).status();
    assert!(status.unwrap().success(), "kill {signal} {pid}");
}

/// Whether a process runs; one that has ended and not been waited for does not.
pub(crate) fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// The children of a process that are called `name`.
pub(crate) fn children(parent: u32, name: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let pid = entry.file_name().to_string_lossy().parse::<u32>();
        let stat = std::fs::read_to_string(entry.path().join("stat"));
        if let (Ok(pid), Ok(stat)) = (pid, stat)
            && let Some((head, tail)) = stat.split_once(") ")
            && head.ends_with(&format!("({name}"))
            && tail.split(' ').nth(1) == Some(&parent.to_string())
            && !tail.starts_with('Z')
        {
            found.push(pid);
        }
    }
    found
}

/// What `coordinator status --json` says, once it says something.
pub(crate) fn status(run_dir: &Path) -> Option<Value> {
    let address = std::fs::read_to_string(run_dir.join("coordinator.addr")).ok()?;
    let output = Command::new(program("coordinator"))
        .args(["status", "--json", "--coordinator", address.trim()])
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).ok()
}

/// Asks for the status until `wanted` finds what it looks for.
pub(crate) fn watch<T>(run_dir: &Path, what: &str, wanted: impl Fn(&Value) -> Option<T>) -> T {
    eventually(what, || status(run_dir).as_ref().and_then(&wanted))
}

pub(crate) fn updates(status: &Value) -> u64 {
    status["learner"]["updates"].as_u64().unwrap()
}

/// Place, incarnation and process of those who are alive.
pub(crate) fn alive(status: &Value) -> Vec<(u64, u64, u64)> {
    let number = |actor: &Value, key: &str| actor[key].as_u64().unwrap();
    let actors = status["actors"].as_array().unwrap().iter();
    let alive = actors.filter(|actor| actor["alive"] == true);
    alive.map(|a| (number(a, "actor"), number(a, "incarnation"), number(a, "pid"))).collect()
}

pub(crate) fn summary(run_dir: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(run_dir.join("summary.json")).unwrap()).unwrap()
}

/// What must be true of the files of a run, however often it was interrupted.
pub(crate) fn check_files(run_dir: &Path) {
    let table = std::fs::read_to_string(run_dir.join("progress.csv")).unwrap();
    assert_eq!(table.matches("wall_s").count(), 1, "one header: {table}");
    let widths: Vec<usize> = table.lines().map(|line| line.split(',').count()).collect();
    assert!(widths.iter().all(|width| *width == widths[0]), "whole rows: {table}");
    let wall = table.lines().skip(1).map(|line| line.split(',').next().unwrap().parse::<f64>());
    let wall: Vec<f64> = wall.map(Result::unwrap).collect();
    assert!(wall.is_sorted(), "time goes on: {wall:?}");
    let lines = std::fs::read_to_string(run_dir.join("evaluations.jsonl")).unwrap();
    let numbers: Vec<u64> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["number"].as_u64().unwrap())
        .collect();
    let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, expected, "each evaluation once, in order");
}
