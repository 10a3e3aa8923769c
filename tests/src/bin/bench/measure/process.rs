//! An actor as a process of its own.

use anyhow::{Context as _, bail};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The program `actor`, which is built beside this one.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe().context("find this program")?;
    let program = here.with_file_name("actor");
    if !program.is_file() {
        bail!("expected the actor at {}; run `cargo build --release -p actor`", program.display());
    }
    Ok(program)
}

/// A running actor. It ends when this is dropped, and if this process is killed, too: it watches
/// the pipe at its standard input.
#[derive(Debug)]
pub(crate) struct Actor {
    child: Child,
}

/// Memory of a process, MiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// All that is in memory now.
    pub(crate) resident_mib: f64,
    /// Of that, what no file could bring back: heap and stacks.
    pub(crate) anonymous_mib: f64,
}

impl Actor {
    /// Starts an actor that joins the run of the coordinator at `coordinator`.
    pub(crate) fn start(coordinator: &str, slot: u32) -> anyhow::Result<Self> {
        let program = program()?;
        let child = Command::new(&program)
            .args(["run", "--exit-with-parent", "--coordinator", coordinator])
            .args(["--slot", &slot.to_string()])
            .env("RUST_LOG", "warn")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        Ok(Self { child })
    }

    /// An error if it has ended on its own.
    pub(crate) fn alive(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("expected a working actor, but it ended: {status}"),
        }
    }

    /// What it holds in memory now.
    pub(crate) fn memory(&mut self) -> anyhow::Result<Memory> {
        self.alive()?;
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse().ok());
            kib.map(|kib: f64| kib / 1024.0).with_context(|| format!("find {name} in {path}"))
        };
        Ok(Memory { resident_mib: mib("VmRSS:")?, anonymous_mib: mib("RssAnon:")? })
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        // Either may fail only because the process has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
