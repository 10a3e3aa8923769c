//! A full disk under the run directory: said, waited out, and nothing lost. Needs root, for a small
//! file system of its own.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use coordinator::run::Recorder;
use coordinator::{Beginning, Server, Setup, journal};
use proto::tonic::Code;
use proto::v1;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use support::{Peer, experiment, family, outcome, trial};

/// A file system of one MiB; unmounted when dropped.
struct Small {
    folder: tempfile::TempDir,
}

impl Small {
    /// `None`, said aloud, where it cannot be had.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(folder.path());
        let output = mount.output();
        if output.as_ref().is_ok_and(|output| output.status.success()) {
            return Some(Self { folder });
        }
        let said =
            output.map_or_else(|e| e.to_string(), |o| String::from_utf8_lossy(&o.stderr).into());
        eprintln!(
            "SKIPPED: a full disk was not tested: no tmpfs can be mounted here ({})",
            said.trim()
        );
        None
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves no room at all. Deleting the file makes room again.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("filler");
        let mut file = File::create(&path).unwrap();
        for size in [65_536, 4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        path
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.path()).status();
        assert!(unmounted.unwrap().success() || std::thread::panicking());
    }
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_answered_and_is_not_lost() {
    let Some(disk) = Small::mount() else {
        return;
    };
    let credentials = proto::Credentials::none();
    let setup = Setup {
        experiment: &experiment(),
        family: &family(),
        run_dir: disk.path(),
        beginning: Beginning::New,
        learner_timeout: Duration::from_secs(300),
        credentials: &credentials,
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::start(setup, listener).unwrap();
    let mut learner = Peer::connect(&server.address().to_string()).await;
    learner.register_learner().await.unwrap();
    let mut actor = Peer::connect(&server.address().to_string()).await;
    let key = actor.register(None).await.unwrap();
    learner.submit(vec![trial(0, false)]).await.unwrap();
    let leased = actor.lease(key, 1, 0).await.unwrap().trials;

    let mut beating = actor.clone();
    let heartbeats = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(500));
        loop {
            ticks.tick().await;
            beating.heartbeat(key, v1::ActorStats::default()).await.unwrap();
        }
    });
    let filler = disk.fill();
    let many = || (1..2000).map(|id| trial(id, false)).collect();
    let refused = learner.submit(many()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().contains("No space left"), "{refused}");
    let report = actor.report(key, vec![outcome(&leased[0])]).await;
    assert_eq!(report.unwrap_err().code(), Code::Unavailable);
    // The run lives on meanwhile, and says what is wrong.
    actor.heartbeat(key, v1::ActorStats::default()).await.unwrap();
    learner.progress(v1::LearnerProgress::default()).await.unwrap();
    let status = actor.control.status(v1::StatusRequest::default()).await.unwrap().into_inner();
    assert!(status.disk.contains("control.journal") && status.disk.contains("No space left"));

    std::fs::remove_file(filler).unwrap();
    while let Err(status) = learner.submit(many()).await {
        assert_eq!(status.code(), Code::Unavailable, "{status}");
    }
    actor.report(key, vec![outcome(&leased[0])]).await.unwrap();
    assert_eq!(server.handle().status().disk, "");
    assert!(!heartbeats.is_finished(), "the actor was alive all the time");
    heartbeats.abort();
    let loaded = journal::load(&disk.path().join(journal::FILE)).unwrap();
    assert_eq!(loaded.lost, 0);
    server.close().await;
    let setup = Setup {
        experiment: &experiment(),
        family: &family(),
        run_dir: disk.path(),
        beginning: Beginning::Continued(loaded.entries),
        learner_timeout: Duration::from_secs(300),
        credentials: &credentials,
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::start(setup, listener).unwrap();
    let status = server.handle().status();
    assert_eq!((status.trials_done, status.trials_waiting), (1, 1999));
    server.close().await;
}

#[test]
fn evaluations_are_recorded_once_there_is_room_and_no_line_is_torn() {
    let Some(disk) = Small::mount() else {
        return;
    };
    let status = v1::StatusReply::default();
    let evaluation = |number| v1::Evaluation {
        number,
        tasks: vec![v1::TaskScore {
            task: Some(v1::TaskRef { split: 2, index: 0 }),
            returns: vec![-1.0; 400],
            ..v1::TaskScore::default()
        }],
        ..v1::Evaluation::default()
    };
    let seconds = Duration::from_secs;
    let open = || Recorder::open(disk.path(), &experiment().inference, &family()).unwrap();
    let mut recorder = open();
    recorder.evaluation(&status, &evaluation(1), seconds(1)).unwrap();
    let filler = disk.fill();
    let mut attempts = 0;
    // What is left of the last page takes a few lines.
    while recorder.evaluation(&status, &evaluation(2 + attempts), seconds(2)).is_ok() {
        attempts += 1;
    }
    let next = 2 + attempts;
    assert!(recorder.evaluation(&status, &evaluation(next), seconds(3)).is_err());
    std::fs::remove_file(filler).unwrap();
    recorder.evaluation(&status, &evaluation(next), seconds(4)).unwrap();
    // A run that is continued knows what is there.
    let mut recorder = open();
    for number in [1, next, next + 1] {
        recorder.evaluation(&status, &evaluation(number), seconds(5)).unwrap();
    }
    let lines = std::fs::read_to_string(disk.path().join("evaluations.jsonl")).unwrap();
    let read = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let numbers: Vec<u64> = lines.lines().map(|l| read(l)["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=next + 1).collect::<Vec<_>>());
    let table = std::fs::read_to_string(disk.path().join("progress.csv")).unwrap();
    let widths: Vec<usize> = table.lines().map(|line| line.split(',').count()).collect();
    assert!(widths.iter().all(|width| *width == widths[0]), "{table}");
}
