//! Certificates, made by `coordinator certs` as a user makes them.

use anyhow::{Context as _, ensure};
use proto::{Credentials, Role};
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::process::program;

/// A folder of certificates, until this is dropped.
pub(super) struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// An authority, and certificates of a learner and of actors.
    pub(super) fn make() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("proteus-certs-{}", std::process::id()));
        let made = Self { folder };
        certs(&["init", "--output"], &made.folder)?;
        certs(&["issue", "--role", "learner", "--ca"], &made.folder)?;
        certs(&["issue", "--role", "actor", "--ca"], &made.folder)?;
        Ok(made)
    }

    /// Those of a process with this role.
    pub(super) fn of(&self, role: Role) -> anyhow::Result<Credentials> {
        Ok(Credentials::open(role, Some(&self.folder), None)?)
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        // They are in the folder for temporary files.
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

fn certs(words: &[&str], folder: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(program("coordinator")?);
    let output = command.arg("certs").args(words).arg(folder).output();
    let output = output.context("run `coordinator certs`")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "coordinator certs {}: {}", words.join(" "), said.trim());
    Ok(())
}
