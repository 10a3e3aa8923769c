//! `cargo xtask chaos`: set up, build, and become the program `chaos` of the package `tests`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::setup::{self, Scope};
use crate::{cargo, shell};

/// Only returns on an error: this process becomes `chaos`, so that signals and the exit code are
/// its own.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    setup::run(Scope::Cpu)?;
    cargo::build(&[&cargo::PROCESSES[..], &["tests"]].concat())?;
    let program = cargo::binary("chaos")?;
    let mut command = Command::new(&program);
    command.args(arguments);
    eprintln!("xtask: {}", shell::shown(&command));
    let error = command.exec();
    Err(error).with_context(|| format!("cannot start {}", program.display()))
}
