//! Cargo called from here, as if the user had called it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::shell;
use crate::workspace;

/// `cargo <words>` in the workspace root.
///
/// What the cargo around us put into the environment for this package is taken out again: it would
/// make build scripts believe that something changed.
pub(crate) fn command<const N: usize>(words: [&str; N]) -> Result<Command> {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(program);
    cargo.args(words).current_dir(workspace::root()?);
    for (key, _) in env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&key);
        }
    }
    Ok(cargo)
}

/// Builds every binary and every test. In one go: apart, some dependencies would be compiled twice,
/// with and without what tests ask of them.
pub(crate) fn build_everything() -> Result<()> {
    shell::run(&mut command(["build", "--release", "--workspace", "--bins", "--tests"])?)
}

/// The packages of the processes a run consists of.
pub(crate) const PROCESSES: [&str; 3] = ["coordinator", "learner", "actor"];

/// Builds the binaries of these packages.
pub(crate) fn build(packages: &[&str]) -> Result<()> {
    let named = packages.iter().flat_map(|name| ["--package", name]);
    shell::run(command(["build", "--release", "--bins"])?.args(named))
}

/// Where cargo leaves a binary of this workspace.
pub(crate) fn binary(name: &str) -> Result<PathBuf> {
    let target = match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => workspace::root()?.join(Path::new(&folder)),
        None => workspace::root()?.join("target"),
    };
    Ok(target.join("release").join(name))
}
