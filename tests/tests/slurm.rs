//! Runs under Slurm, on a real cluster of one node: the scripts are accepted, a run ends well, and
//! a job that is requeued takes its run up again.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod launch;

use launch::*;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A cluster of one node; ends with this value, and its jobs with it.
struct Cluster {
    folder: tempfile::TempDir,
}

impl Cluster {
    /// `None`, and loudly so, where there cannot be one.
    fn start() -> Option<Self> {
        let what = "Slurm on a cluster of one node";
        let needed = ["slurmctld", "slurmd", "sbatch", "munged"];
        if let Some(missing) = needed.iter().find(|name| !installed(name)) {
            let packages = "apt-get install slurmctld slurmd slurm-client munge";
            skip(what, &format!("there is no {missing}: {packages}"));
            return None;
        }
        if succeed(Command::new("id").arg("-u")).trim() != "0" {
            skip(what, "slurmd wants to be root");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let cluster = Self { folder };
        let ports = [free_port().to_string(), free_port().to_string()];
        succeed(cluster.control("start").args(ports));
        Some(cluster)
    }

    fn control(&self, action: &str) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("slurm/cluster");
        let mut command = Command::new(script);
        command.arg(action).arg(self.folder.path().join("cluster"));
        command
    }

    /// A tool that talks to this cluster. The jobs it submits are reached by a name that every
    /// machine knows.
    fn on(&self, command: &mut Command) -> String {
        succeed(self.prepare(command))
    }

    fn prepare<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let configuration = self.folder.path().join("cluster/slurm.conf");
        command.env("SLURM_CONF", configuration).env("PROTEUS_HOST", "127.0.0.1")
    }

    fn tool(&self, name: &str, arguments: &[&str]) -> String {
        self.on(Command::new(name).args(arguments))
    }

    /// Jobs that wait or run.
    fn jobs(&self) -> String {
        self.tool("squeue", &["--noheader", "--format", "%i %j %T %r"])
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("jobs: {}", self.jobs());
            for file in std::fs::read_dir(self.folder.path()).unwrap().flatten() {
                let shown = Command::new("sh")
                    .args(["-c", "tail -n 30 \"$0\"/slurm-*.out \"$0\"/run/logs/* 2>/dev/null"])
                    .arg(file.path())
                    .output();
                eprintln!("{}", shown.map(|output| said(&output)).unwrap_or_default());
            }
        }
        drop(self.prepare(Command::new("scancel").args(["--user", "root"])).output());
        drop(self.control("stop").output());
    }
}

/// A run that was submitted.
struct Run<'a> {
    cluster: &'a Cluster,
    folder: PathBuf,
    /// The job of coordinator and learner.
    job: String,
}

impl<'a> Run<'a> {
    fn submit(cluster: &'a Cluster, name: &str, set: &[&str]) -> Self {
        let folder = cluster.folder.path().join(name);
        let arguments = ["submit", "--target", "slurm", "--insecure", "--actors", "3"];
        let mut submit = coordinator(arguments);
        submit.args(["--cpus", "2", "--memory", "2000", "-o"]).arg(&folder).args(small(set));
        let answer = cluster.on(&mut submit);
        let words = answer.split_whitespace();
        let job = words.skip_while(|word| *word != "job").nth(1).unwrap().to_owned();
        Self { cluster, folder, job }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("run")
    }

    fn watch<T>(&self, what: &str, wanted: impl Fn(&Value) -> Option<T>) -> T {
        eventually(what, Duration::from_secs(120), || {
            status(&self.path(), &[]).as_ref().and_then(&wanted)
        })
    }

    /// Whether the job of coordinator and learner is in this state.
    fn is(&self, state: &str) -> bool {
        let arguments = ["--noheader", "--jobs", &self.job, "--format", "%T"];
        self.cluster.tool("squeue", &arguments).trim() == state
    }

    /// Waits for the end of all its jobs; the summary.
    fn end(&self) -> Value {
        eventually("the end of all jobs", Duration::from_secs(180), || {
            self.cluster.jobs().trim().is_empty().then_some(())
        });
        summary(&self.path()).unwrap_or_else(|| panic!("no summary in {}", self.path().display()))
    }
}

fn alive(status: &Value) -> usize {
    status["actors"].as_array().unwrap().iter().filter(|actor| actor["alive"] == true).count()
}

#[test]
fn slurm_takes_the_scripts_and_runs_them_to_the_end() {
    let Some(cluster) = Cluster::start() else { return };
    let folder = cluster.folder.path().join("checked");
    let options = ["render", "--target", "slurm", "--actors", "5", "--gpu", "--insecure", "-o"];
    let more = ["--sbatch=--partition=all", "--sbatch=--comment=a_comment"];
    succeed(coordinator(options).arg(&folder).args(more).args(small(&[])));
    for script in ["run.sbatch", "actors.sbatch"] {
        let path = folder.join(script);
        cluster.on(Command::new("sbatch").arg("--test-only").arg(&path));
        succeed(Command::new("bash").arg("-n").arg(&path));
    }
    // The test can fail: what Slurm cannot give is refused.
    let none = ["--sbatch=--partition=none"];
    succeed(coordinator(options).arg(&folder).args(none).args(small(&[])));
    let mut refused = Command::new("sbatch");
    refused.arg("--test-only").arg(folder.join("run.sbatch"));
    assert!(!cluster.prepare(&mut refused).output().unwrap().status.success());

    let run = Run::submit(&cluster, "whole", &["budget.env_steps=20000"]);
    run.watch("all elements of the array at work", |status| (alive(status) == 3).then_some(()));
    let summary = run.end();
    assert_eq!((&summary["result"], &summary["failure"]), (&"done".into(), &Value::Null));
    assert_exactly_once(&summary);
    goes_on_where_it_was_when_requeued(&cluster);
}

/// As after a preemption: the job of coordinator and learner is ended, waits, and starts again.
fn goes_on_where_it_was_when_requeued(cluster: &Cluster) {
    let run = Run::submit(cluster, "requeued", &["budget.env_steps=10000000"]);
    let before = run.watch("a checkpoint", |status| {
        let saved = run.path().join("checkpoints/latest").exists();
        (saved && env_steps(status) > 4_000).then(|| env_steps(status))
    });
    cluster.tool("scontrol", &["requeue", &run.job]);
    // It would let two minutes pass before it starts the job again.
    eventually("the job back in the queue", Duration::from_secs(60), || {
        run.is("PENDING").then_some(())
    });
    let job = format!("jobid={}", run.job);
    cluster.tool("scontrol", &["update", &job, "starttime=now"]);
    eventually("the job started again", Duration::from_secs(60), || {
        run.is("RUNNING").then_some(())
    });
    let first = run.watch("the run taken up again", |status| {
        Some(env_steps(status)).filter(|steps| *steps > 0)
    });
    assert!(first >= before, "{first} steps after the requeue, {before} before it");
    run.watch("steps of the actors, which have found it again", |status| {
        (alive(status) == 3 && env_steps(status) > first + 1_000).then_some(())
    });
    succeed(&mut coordinator(["stop", "--run-dir", run.path().to_str().unwrap()]));
    let summary = run.end();
    assert_eq!((&summary["result"], &summary["failure"]), (&"stopped".into(), &Value::Null));
    let count = |key: &str| summary[key].as_u64().unwrap();
    assert!(count("env_steps") > first + 1_000);
    tests::summary::check_transitions(&summary).unwrap();
}
