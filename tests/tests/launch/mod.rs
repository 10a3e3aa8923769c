//! What the tests of the launchers have in common.

#![allow(dead_code, reason = "each test uses a part of it")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// `target/<profile>/<name>`, seen from the test binary in `target/<profile>/deps/`.
pub(crate) fn program(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps.parent().unwrap().parent().unwrap().join(name);
    assert!(path.is_file(), "{} is missing: run `cargo build --release --bins`", path.display());
    path
}

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The quickstart, made small enough for a test, with what is set besides.
pub(crate) fn small(set: &[&str]) -> Vec<String> {
    let small = [
        "actors.environments=4",
        "collection.posterior_episodes=3",
        "collection.samples_per_insert=16.0",
        "evaluation.every_env_steps=10000",
        "evaluation.repeats=1",
        "learner.checkpoint_seconds=2.0",
        "learner.device=cpu",
    ];
    let settings = small.iter().chain(set).flat_map(|setting| ["--set", setting]);
    let mut arguments: Vec<String> = settings.map(str::to_owned).collect();
    arguments.push(root().join("configs/quickstart.toml").to_str().unwrap().to_owned());
    arguments
}

/// `coordinator` with arguments.
pub(crate) fn coordinator<S: AsRef<std::ffi::OsStr>>(
    arguments: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(program("coordinator"));
    command.args(arguments);
    // A user's own settings must not leak in.
    command.env_remove("PROTEUS_TLS_DIR").env_remove("PROTEUS_TOKEN_FILE");
    command
}

/// Runs a command that must succeed; what it prints.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?} failed: {}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Everything a command has said.
pub(crate) fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// Whether a program is on the PATH.
pub(crate) fn installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Tells that something was not tested, loudly.
pub(crate) fn skip(what: &str, why: &str) {
    eprintln!("\n==== SKIPPED: {what}\n==== because {why}\n");
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What `coordinator status --json` says of a run, once it says something.
pub(crate) fn status(run: &Path, credentials: &[String]) -> Option<Value> {
    let arguments = ["status", "--json", "--run-dir", run.to_str().unwrap()];
    let output = coordinator(arguments).args(credentials).output().unwrap();
    serde_json::from_slice(&output.stdout).ok()
}

/// Certificates of every role and a token, below `folder`; as options of the coordinator.
pub(crate) fn credentials(folder: &Path) -> Vec<String> {
    let certificates = folder.join("certs");
    let certificates = certificates.to_str().unwrap();
    let token = format!("{certificates}/token");
    succeed(&mut coordinator(["certs", "init", "--output", certificates]));
    for role in ["coordinator", "learner", "actor", "user"] {
        succeed(&mut coordinator(["certs", "issue", "--ca", certificates, "--role", role]));
    }
    succeed(&mut coordinator(["certs", "token", "--output", &token]));
    ["--tls", certificates, "--token-file", &token].map(str::to_owned).to_vec()
}

/// Transitions that the learner has.
pub(crate) fn env_steps(status: &Value) -> u64 {
    status["learner"]["env_steps"].as_u64().unwrap_or(0)
}

/// Asks until `ask` has an answer. What it waits for is on the other side of a poll.
#[allow(clippy::disallowed_methods, reason = "what is waited for is on the other side of a poll")]
pub(crate) fn eventually<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("{what}: not seen within {limit:?}");
}

/// The summary of a run, once there is one.
pub(crate) fn summary(run: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(run.join("summary.json")).ok()?).ok()
}

/// Whether every transition that was acknowledged is stored, once: by the learner's own counts, and by
/// those of each actor that left in order.
pub(crate) fn assert_exactly_once(summary: &Value) {
    assert!(summary["env_steps"].as_u64() > Some(0), "{summary}");
    tests::summary::check_transitions(summary).unwrap();
}
