//! The coordinator program with stand-ins beside it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with the coordinator and programs of ours called `actor` and `learner`.
pub(crate) struct Installed {
    folder: tempfile::TempDir,
}

impl Installed {
    /// `run` is what each does when told to run, as shell commands; `actor` also describes the
    /// family of the tests.
    pub(crate) fn new(actor_run: &str, learner_run: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("coordinator");
        let built = env!("CARGO_BIN_EXE_coordinator");
        if std::fs::hard_link(built, &program).is_err() {
            std::fs::copy(built, &program).unwrap();
        }
        let family = serde_json::to_string(&super::family()).unwrap();
        let describe = format!(
            "describe) case \"$*\" in *flat*) echo '{family}';; \
             *) echo 'error: no family as in '\"$*\"', did you mean flat?' >&2; exit 1;; esac;;"
        );
        let script =
            |run: &str| format!("#!/bin/sh\ncase \"$1\" in\n{describe}\nrun) {run};;\nesac\n");
        let installed = Self { folder };
        installed.write("actor", &script(actor_run));
        installed.write("learner", &script(learner_run));
        super::experiment_file(installed.path());
        installed
    }

    /// Puts a program of this name beside the coordinator.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.path().join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The coordinator with arguments, working in the folder.
    pub(crate) fn coordinator(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path().join("coordinator"));
        command.args(arguments).current_dir(self.path());
        command
    }

    /// Runs it to the end: exit code, standard output, standard error.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.coordinator(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or(-1);
        (code, text(output.stdout), text(output.stderr))
    }

    /// The directory of the newest run.
    pub(crate) fn latest(&self) -> PathBuf {
        self.path().join("runs/latest")
    }
}

/// Asks again until there is an answer.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while std::time::Instant::now() < deadline {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
    panic!("{what} did not come about within 20 s");
}

/// Whether a process runs; one that has ended and not been waited for does not.
pub(crate) fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

pub(crate) fn kill(pid: u32, signal: &str) {
    let status = Command::new("kill").args([signal, &pid.to_string()]).status();
    assert!(status.unwrap().success(), "kill {signal} {pid}");
}
