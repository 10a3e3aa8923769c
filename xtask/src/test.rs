//! `cargo xtask test`: set up, build, run every test.

use std::process::Command;

use anyhow::Result;

use crate::setup::{self, Scope};
use crate::{cargo, shell, tools};

/// Runs the tests whose name contains `filter`, or all. The runner's summary comes last.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    setup::run(Scope::Cpu)?;
    cargo::build_everything()?;
    shell::run(
        cargo::command(["test", "--release", "--workspace", "--doc", "--quiet"])?.args(filter),
    )?;
    shell::run(runner()?.args(filter))
}

fn runner() -> Result<Command> {
    let mut command = match tools::NEXTEST.is_installed()? {
        true => cargo::command(["nextest", "run", "--release", "--workspace", "--no-fail-fast"])?,
        false => {
            cargo::command(["test", "--release", "--workspace", "--all-targets", "--no-fail-fast"])?
        }
    };
    command.env("PATH", tools::path()?);
    Ok(command)
}
