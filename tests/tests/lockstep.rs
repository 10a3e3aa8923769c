//! Lockstep and resume with the real programs: the same bits for any number of actors, and whatever
//! was killed on the way.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// `target/<profile>/<name>`, seen from the test binary in `target/<profile>/deps/`.
fn program(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps.parent().unwrap().parent().unwrap().join(name);
    assert!(path.is_file(), "{} is missing: run `cargo build --release --bins`", path.display());
    path
}

/// Makes some 2,400 updates.
const SETTINGS: [&str; 9] = [
    "collection.mode=lockstep",
    "budget.env_steps=16000",
    "actors.environments=4",
    "learner.device=cpu",
    "learner.checkpoint_seconds=1.0",
    "learner.checkpoints=2",
    "replay.segment_mib=1",
    "evaluation.every_env_steps=6000",
    "evaluation.repeats=1",
];

/// A run in progress; killed if a test fails before its end.
struct Run {
    coordinator: Child,
    run_dir: PathBuf,
}

impl Drop for Run {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        drop(self.coordinator.kill());
        drop(self.coordinator.wait());
    }
}

/// An experiment of `configs/` made small.
struct Small {
    config: &'static str,
    settings: &'static [&'static str],
}

/// PEARL: one update moves everything.
const PEARL: Small = Small { config: "quickstart.toml", settings: &SETTINGS };

/// Turns of encoder and agent, some cut short by held-out episodes; windows, labels, normalised rows.
const TIGR: Small = Small {
    config: "tigr/toy1d-multi-task-cpu.toml",
    settings: &[
        "collection.mode=lockstep",
        "budget.env_steps=24000",
        "collection.samples_per_insert=16.0",
        "actors.environments=4",
        "learner.device=cpu",
        "learner.checkpoint_seconds=0.5",
        "inference.training.updates=40",
        "inference.training.agent_updates=100",
        "inference.training.batch=32",
        "inference.training.validation={ fraction = 0.2, every = 5, patience = 10 }",
        "evaluation.every_env_steps=20000",
        "evaluation.train_tasks=2",
        "replay.segment_mib=1",
    ],
};

/// The same with a Dirichlet-process prior, fitted from the first cycle on.
const MELTS: Small = Small {
    config: "melts/cheetah-multi-task-cpu.toml",
    settings: &[
        "environment.family=toy1d-multi-task",
        "collection.mode=lockstep",
        "budget.env_steps=24000",
        "collection.samples_per_insert=16.0",
        "actors.environments=4",
        "learner.device=cpu",
        "learner.checkpoint_seconds=0.5",
        "inference.training.updates=20",
        "inference.training.agent_updates=100",
        "inference.training.batch=32",
        "inference.prior.latents=512",
        "inference.prior.refit.start=0",
        "evaluation.every_env_steps=20000",
        "evaluation.train_tasks=2",
        "replay.segment_mib=1",
    ],
};

impl Run {
    fn start(small: &Small, folder: &Path, actors: u32) -> Self {
        let run_dir = folder.join(format!("run-{actors}"));
        let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs");
        let config = configs.join(small.config);
        let mut train = Command::new(program("coordinator"));
        train.arg("train").arg(config).args(["--actors", &actors.to_string()]);
        train.args(small.settings.iter().flat_map(|setting| ["--set", setting]));
        Self { coordinator: spawn(train.arg("--run-dir").arg(&run_dir), &run_dir), run_dir }
    }

    /// Starts what is killed again.
    fn resume(&mut self) {
        let mut train = Command::new(program("coordinator"));
        train.args(["train", "--resume"]).arg(&self.run_dir);
        self.coordinator = spawn(&mut train, &self.run_dir);
    }

    fn said(&self) -> String {
        std::fs::read_to_string(said(&self.run_dir)).unwrap()
    }

    fn end(mut self) -> Outcome {
        assert!(self.coordinator.wait().unwrap().success(), "{}", self.said());
        Outcome::of(&self.run_dir)
    }

    /// Asks for the status until `wanted` finds what it looks for.
    #[allow(
        clippy::disallowed_methods,
        reason = "what is waited for is on the other side of a poll"
    )]
    fn watch<T>(&mut self, wanted: impl Fn(&Value) -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(180);
        while Instant::now() < deadline {
            if let Some(found) = self.status().as_ref().and_then(&wanted) {
                return found;
            }
            let ended = self.coordinator.try_wait().unwrap();
            assert!(ended.is_none(), "the run has ended early: {}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("not seen within three minutes; the last status: {:?}", self.status());
    }

    fn status(&self) -> Option<Value> {
        let address = std::fs::read_to_string(self.run_dir.join("coordinator.addr")).ok()?;
        let mut status = Command::new(program("coordinator"));
        let output = status.args(["status", "--json", "--coordinator", address.trim()]).output();
        serde_json::from_slice(&output.ok()?.stdout).ok()
    }

    /// Waits for update number `updates`.
    fn reach(&mut self, updates: u64) {
        self.watch(|status| (status["learner"]["updates"].as_u64()? >= updates).then_some(()));
    }

    /// The process of the learner, from what it logs: it says so when it registers.
    fn learner(&self) -> String {
        let log = std::fs::read_to_string(self.run_dir.join("logs/coordinator.log")).unwrap();
        let registered = log.lines().rfind(|line| line.contains("learner registered")).unwrap();
        let (_, pid) = registered.rsplit_once("pid=").unwrap();
        pid.split_whitespace().next().unwrap().to_owned()
    }
}

fn said(run_dir: &Path) -> PathBuf {
    run_dir.with_extension("stderr")
}

fn spawn(command: &mut Command, run_dir: &Path) -> Child {
    let said = File::options().create(true).append(true).open(said(run_dir)).unwrap();
    command.stdout(said.try_clone().unwrap()).stderr(said).spawn().unwrap()
}

fn kill(pid: &str) {
    assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
}

/// What must not depend on anything but the seed.
#[derive(Debug, PartialEq)]
struct Outcome {
    updates: u64,
    env_steps: u64,
    /// SHA-256 of parameters, targets and Adam's moments.
    learner: String,
    /// SHA-256 of all rows of the replay.
    replay: String,
    /// All evaluations, without the time they took.
    evaluations: Vec<Value>,
}

impl Outcome {
    fn of(run_dir: &Path) -> Self {
        let checkpoints = run_dir.join("checkpoints");
        let latest = std::fs::read_to_string(checkpoints.join("latest")).unwrap();
        let json = |name: &str| -> Value {
            serde_json::from_slice(&std::fs::read(checkpoints.join(&latest).join(name)).unwrap())
                .unwrap()
        };
        let (state, manifest) = (json("state.json"), json("manifest.json"));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let lines = std::fs::read_to_string(run_dir.join("evaluations.jsonl")).unwrap();
        let evaluation = |line: &str| {
            let mut evaluation: Value = serde_json::from_str(line).unwrap();
            evaluation.as_object_mut().unwrap().remove("wall_s");
            evaluation
        };
        Self {
            updates: state["updates"].as_u64().unwrap(),
            env_steps: state["env_steps"].as_u64().unwrap(),
            learner: text(&manifest["files"]["learner.safetensors"]["sha256"]),
            replay: text(&state["replay_digest"]),
            evaluations: lines.lines().map(evaluation).collect(),
        }
    }
}

/// Three cuts, 500 updates and more from each other: the learner, which the coordinator starts again;
/// an actor and the learner at once; the coordinator, with which everything ends, and the newest
/// checkpoint torn.
#[test]
fn a_seed_gives_the_same_bits_whoever_collects_and_whatever_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let alone = Run::start(&PEARL, folder.path(), 1).end();
    assert!(alone.updates >= 2_000, "{alone:?}");
    assert_eq!(alone.evaluations.len(), 3);
    assert_eq!(Run::start(&PEARL, folder.path(), 8).end(), alone);

    let mut run = Run::start(&PEARL, folder.path(), 2);
    run.reach(500);
    kill(&run.learner());
    run.reach(1_050);
    let actor = run.watch(|status| {
        let alive = status["actors"].as_array()?.iter().find(|actor| actor["alive"] == true);
        Some(alive?["pid"].to_string())
    });
    kill(&actor);
    kill(&run.learner());
    run.reach(1_600);
    run.coordinator.kill().unwrap();
    run.coordinator.wait().unwrap();
    tear_newest_checkpoint(&run.run_dir);
    run.resume();
    assert_eq!(run.end(), alone);
}

/// The learner is killed in the middle of a cycle, and again some updates later.
#[test]
fn methods_that_take_turns_give_the_same_bits_too() {
    for small in [TIGR, MELTS] {
        let folder = tempfile::tempdir().unwrap();
        let alone = Run::start(&small, folder.path(), 1).end();
        assert!(alone.updates >= 400, "{alone:?}");
        let mut run = Run::start(&small, folder.path(), 3);
        for updates in [150, 320] {
            run.reach(updates);
            kill(&run.learner());
        }
        assert_eq!(run.end(), alone, "{}", small.config);
    }
}

/// Cuts a file of the newest checkpoint short, as a disk may.
fn tear_newest_checkpoint(run_dir: &Path) {
    let folders = std::fs::read_dir(run_dir.join("checkpoints")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> =
        folders.filter(|path| path.join("learner.safetensors").is_file()).collect();
    folders.sort();
    let [older @ .., newest] = &folders[..] else { panic!("no checkpoint") };
    assert!(!older.is_empty(), "expected a checkpoint to fall back to");
    let torn = File::options().write(true).open(newest.join("learner.safetensors")).unwrap();
    torn.set_len(torn.metadata().unwrap().len() / 2).unwrap();
}
