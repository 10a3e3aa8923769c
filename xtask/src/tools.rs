//! The cargo tools that checking needs: those on `PATH`, else installed for this user alone.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{shell, workspace};

/// A cargo subcommand from crates.io.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    package: &'static str,
    version: &'static str,
    purpose: &'static str,
}

pub(crate) const DENY: Tool =
    Tool { package: "cargo-deny", version: "0.20.2", purpose: "checks licences and sources" };
pub(crate) const MACHETE: Tool =
    Tool { package: "cargo-machete", version: "0.9.2", purpose: "finds unused dependencies" };

impl Tool {
    /// Whether cargo will find it.
    pub(crate) fn is_installed(self) -> Result<bool> {
        let ours = folder()?.join("bin").join(self.package);
        Ok(ours.is_file() || workspace::on_path(self.package).is_some())
    }

    /// Installs it unless it is there.
    pub(crate) fn ensure(self) -> Result<()> {
        if self.is_installed()? {
            return Ok(());
        }
        let root = folder()?;
        fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
        eprintln!(
            "xtask: {} ({}) is not installed; building {} into {}, once, a few minutes",
            self.package,
            self.purpose,
            self.version,
            root.display()
        );
        let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        // Not in the workspace: its linker flags and target folder are none of the tool's business.
        let mut install = Command::new(program);
        install
            .args(["install", "--locked", "--quiet", self.package, "--version", self.version])
            .arg("--root")
            .arg(&root)
            .env_remove("CARGO_TARGET_DIR")
            .current_dir(&root);
        shell::run(&mut install).with_context(|| {
            format!("cannot install {}; install it yourself so that it is on PATH", self.package)
        })
    }
}

/// `PATH` with our own tools in front, for commands that call them.
pub(crate) fn path() -> Result<OsString> {
    let old = env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(folder()?.join("bin")).chain(env::split_paths(&old));
    env::join_paths(all).context("the cache folder cannot be part of PATH")
}

fn folder() -> Result<PathBuf> {
    Ok(workspace::cache()?.join("tools"))
}
