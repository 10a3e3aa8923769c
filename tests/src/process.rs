//! Programs of this workspace as processes of a test.

use anyhow::{Context as _, bail};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// What libraries of the learner read when they are loaded, as the coordinator sets it for a learner
/// that it starts.
pub const LEARNER_ENVIRONMENT: [(&str, &str); 3] = [
    ("GOMP_SPINCOUNT", "3000"),
    ("MALLOC_MMAP_THRESHOLD_", "1073741824"),
    ("MALLOC_TRIM_THRESHOLD_", "4294967296"),
];

/// The program `name`, which lies beside this one, or one folder up if this is a test.
///
/// # Errors
/// If it has not been built.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe().context("find this program")?;
    let folders = here.ancestors().skip(1).take(2);
    let mut candidates = folders.map(|folder| folder.join(name));
    match candidates.find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => bail!(
            "expected the program `{name}` beside {}; run `cargo build --release --bins`",
            here.display()
        ),
    }
}

/// A signal to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Terminate,
    /// SIGSTOP.
    Stop,
    /// SIGCONT.
    Continue,
}

impl Signal {
    fn flag(self) -> &'static str {
        match self {
            Self::Kill => "-KILL",
            Self::Terminate => "-TERM",
            Self::Stop => "-STOP",
            Self::Continue => "-CONT",
        }
    }
}

/// A running process. Killed, even if it is stopped, when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program`; what it says is appended to the file `log`. Its standard input is a pipe
    /// that closes when this process ends.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(
        program: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        environment: &[(String, String)],
        log: &Path,
    ) -> anyhow::Result<Self> {
        let open = || File::options().create(true).append(true).open(log);
        let output = open().with_context(|| format!("open {}", log.display()))?;
        let child = Command::new(program)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// Its id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn ended(&mut self) -> std::io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// If it is gone.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.pid().to_string();
        let status = Command::new("kill").args([signal.flag(), &pid]).status();
        let status = status.context("run `kill`")?;
        if !status.success() {
            bail!("expected a process {pid} to signal, got none");
        }
        Ok(())
    }

    /// Kills it and waits for its end.
    ///
    /// # Errors
    /// If the system does not let us.
    pub fn kill(&mut self) -> std::io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// The last lines of what it said.
    #[must_use]
    pub fn tail(&self, lines: usize) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join(" / ")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        self.kill().ok();
    }
}

/// Memory of a process in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// All that is in memory now.
    pub resident: u64,
    /// Of that, what no file could bring back: heap and stacks.
    pub anonymous: u64,
}

/// What the process `pid` holds in memory now.
///
/// # Errors
/// If there is no such process.
pub fn memory(pid: u32) -> anyhow::Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok());
        kib.map(|kib: u64| kib * 1024).with_context(|| format!("find {name} in {path}"))
    };
    Ok(Memory { resident: bytes("VmRSS:")?, anonymous: bytes("RssAnon:")? })
}

/// Processes, zombies apart, on whose command line `word` occurs; this one does not count.
///
/// # Errors
/// If `/proc` cannot be read.
pub fn mentioning(word: &str) -> anyhow::Result<Vec<u32>> {
    let entries = fs::read_dir("/proc").context("list /proc")?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let mentions = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        *pid != std::process::id() && String::from_utf8_lossy(&line).contains(word)
    };
    Ok(pids.filter(mentions).collect())
}
