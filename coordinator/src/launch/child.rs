//! One child process.

use super::Error;
use parking_lot::Mutex;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

/// What `kill -9` sends.
const SIGKILL: i32 = 9;

/// Ends all children by force, and remembers whom it had to. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Reaper {
    pub token: CancellationToken,
    /// Names of those that did not end by themselves.
    pub killed: Arc<Mutex<Vec<String>>>,
}

/// Of a log, this much at the end is read for an error.
const TAIL_BYTES: u64 = 8 * 1024;
/// And of that this many lines are shown.
const TAIL_LINES: usize = 15;

/// How to start a process.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub name: String,
    pub path: PathBuf,
    pub arguments: Vec<OsString>,
    /// Variables set unless the user has set them.
    pub environment: &'static [(&'static str, &'static str)],
    /// Standard output and error are appended to this file.
    pub log: PathBuf,
}

/// A running process. Killed when dropped.
#[derive(Debug)]
pub(super) struct Child {
    process: tokio::process::Child,
    name: String,
    log: PathBuf,
    /// Length of the log before this process wrote to it.
    log_start: u64,
}

impl Child {
    pub(super) fn start(program: &Program) -> Result<Self, Error> {
        let failed = |source| Error::Start { name: program.name.clone(), source };
        let open = || File::options().create(true).append(true).open(&program.log);
        let log = open().map_err(failed)?;
        let log_start = log.metadata().map_err(failed)?.len();
        let process = Command::new(&program.path)
            .args(&program.arguments)
            .envs(
                program
                    .environment
                    .iter()
                    .filter(|(name, _)| std::env::var_os(name).is_none())
                    .copied(),
            )
            // Held until the end and never written to: it closes when this process ends.
            .stdin(Stdio::piped())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            // Ctrl-C on the terminal reaches the coordinator alone, which ends the run in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        Ok(Self { process, name: program.name.clone(), log: program.log.clone(), log_start })
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id().unwrap_or(0)
    }

    /// Waits for its end, which the reaper brings about. Whether it had to is the second answer.
    pub(super) async fn wait(&mut self, reaper: &Reaper) -> Result<(ExitStatus, bool), Error> {
        // `Child::wait` would close the pipe, which means "the parent has ended".
        let pipe = self.process.stdin.take();
        let ended = tokio::select! {
            ended = self.process.wait() => Some(ended),
            () = reaper.token.cancelled() => None,
        };
        let by_force = ended.is_none();
        let ended = match ended {
            Some(ended) => ended,
            None => match self.process.start_kill() {
                Ok(()) => self.process.wait().await,
                Err(error) => Err(error),
            },
        };
        drop(pipe);
        let status = ended.map_err(|source| Error::Start {
            name: format!("{} (wait for its end)", self.name),
            source,
        })?;
        // It may have ended by itself at the last moment.
        let killed = by_force && status.signal() == Some(SIGKILL);
        if killed {
            reaper.killed.lock().push(self.name.clone());
        }
        Ok((status, killed))
    }

    /// The last lines this process has written.
    pub(super) fn tail(&self) -> String {
        let text = self.read_end().unwrap_or_else(|error| error.to_string());
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.len().saturating_sub(TAIL_LINES);
        match lines.get(first..).unwrap_or_default() {
            [] => "  (nothing was logged)".to_owned(),
            lines => format!("  {}", lines.join("\n  ")),
        }
    }

    fn read_end(&self) -> io::Result<String> {
        let mut file = File::open(&self.log)?;
        let end = file.metadata()?.len();
        let start = self.log_start.max(end.saturating_sub(TAIL_BYTES));
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
