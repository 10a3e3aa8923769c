//! Every process of a run tells its numbers in a format that Prometheus reads, and its health.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(120);

/// `target/<profile>/<name>`, seen from the test binary in `target/<profile>/deps/`.
fn program(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps.parent().unwrap().parent().unwrap().join(name);
    assert!(path.is_file(), "{} is missing: run `cargo build --release --bins`", path.display());
    path
}

fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

/// A process with its metrics; killed when dropped.
struct Process {
    child: Child,
    metrics: SocketAddr,
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Process {
    fn start(folder: &Path, name: &str, arguments: &[&str]) -> Self {
        let port = free_port();
        let log = File::create(folder.join(format!("{name}.log"))).unwrap();
        let child = Command::new(program(name))
            .args(arguments)
            .args(["--metrics", &port])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, metrics: format!("127.0.0.1:{port}").parse().unwrap() }
    }

    /// Status code and body.
    fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.metrics).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let code = head.split(' ').nth(1)?.parse().ok()?;
        Some((code, body.to_owned()))
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "what is waited for is on the other side of a poll"
    )]
    fn until(&self, path: &str, wanted: impl Fn(u16, &str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut last = None;
        while Instant::now() < deadline {
            last = self.get(path);
            if let Some((code, body)) = &last
                && wanted(*code, body)
            {
                return body.clone();
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{path} of {}: not seen in time; last: {last:?}", self.metrics);
    }

    /// Waits until a number is above 0, and checks the page it is on.
    fn samples(&self, positive: &str) -> BTreeMap<String, f64> {
        let found = |body: &str| samples(body).get(positive).is_some_and(|value| *value > 0.0);
        samples(&self.until("/metrics", |code, body| code == 200 && found(body)))
    }
}

/// All samples of a page by name and labels. Fails if the page is not what the format asks for.
fn samples(page: &str) -> BTreeMap<String, f64> {
    assert!(page.ends_with("# EOF\n"), "{page}");
    let mut kinds = BTreeMap::new();
    let mut helped = Vec::new();
    let mut samples = BTreeMap::new();
    for line in page.lines().filter(|line| *line != "# EOF") {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').unwrap();
            assert!(!text.is_empty(), "{line}");
            helped.push(name);
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(helped.last(), Some(&name), "help comes first");
            assert!(kinds.insert(name, kind).is_none(), "{name} comes twice");
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(name.chars().all(legal), "{line}");
            assert!(name.starts_with("proteus_") || name.starts_with("process_"), "{line}");
            let suffixes = ["_total", "_bucket", "_sum", "_count"];
            let base = suffixes.iter().find_map(|suffix| {
                let base = name.strip_suffix(suffix)?;
                kinds.contains_key(base).then_some((base, *suffix))
            });
            let (base, suffix) = base.unwrap_or((name, ""));
            match kinds.get(base) {
                Some(&"counter") => assert_eq!(suffix, "_total", "{line}"),
                Some(&"gauge") => assert_eq!(suffix, "", "{line}"),
                Some(&"histogram") => assert_ne!(suffix, "_total", "{line}"),
                other => panic!("{line}: {other:?}"),
            }
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
            assert!(samples.insert(series.to_owned(), value).is_none(), "{series} comes twice");
        }
    }
    samples
}

#[test]
fn numbers_and_health_of_all_processes_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = folder.path().join("run");
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/quickstart.toml");
    let run = run_dir.to_str().unwrap();
    let arguments = ["serve", config.to_str().unwrap(), "--run-dir", run];
    let settings = ["--set", "budget.env_steps=100000000", "--set", "learner.device=cpu"];
    let serve = [&arguments[..], &settings].concat();
    let coordinator = Process::start(folder.path(), "coordinator", &serve);
    let why = coordinator.until("/healthz", |code, _| code == 503);
    assert!(why.contains("no learner"), "{why}");
    let address = std::fs::read_to_string(run_dir.join("coordinator.addr")).unwrap();
    let address = address.trim();

    let actor = Process::start(folder.path(), "actor", &["run", "--coordinator", address]);
    let why = actor.until("/healthz", |code, _| code == 503);
    assert!(why.contains("not registered"), "{why}");

    let join = ["run", "--coordinator", address, "--run-dir", run];
    let mut learner = Process::start(folder.path(), "learner", &join);
    for process in [&coordinator, &actor, &learner] {
        process.until("/healthz", |code, body| code == 200 && body == "ok\n");
    }

    let told = actor.samples("proteus_actor_transitions_acknowledged_total");
    let sent = told["proteus_actor_transitions_sent_total"];
    assert!(told["proteus_actor_env_steps_total"] >= sent, "{told:?}");
    assert!(told["process_resident_memory_bytes"] > 1e6, "{told:?}");
    let told = learner.samples("proteus_learner_updates_total");
    let count = told["proteus_learner_lag_versions_count"];
    assert_eq!(told["proteus_learner_lag_versions_bucket{le=\"+Inf\"}"], count);
    let told = coordinator.samples("proteus_coordinator_updates_total");
    assert_eq!(told["proteus_coordinator_actors"], 1.0, "{told:?}");
    assert!(told["proteus_coordinator_actor_env_steps_total{actor=\"0\"}"] > 0.0);
    let limits = told.keys().filter(|series| series.starts_with("proteus_coordinator_bottleneck{"));
    assert_eq!(limits.count(), 1);

    // The learner dies: the others say so.
    learner.child.kill().unwrap();
    let why = coordinator.until("/healthz", |code, _| code == 503);
    assert!(why.contains("learner"), "{why}");
    let why = actor.until("/healthz", |code, _| code == 503);
    assert!(why.contains("learner"), "{why}");
}
