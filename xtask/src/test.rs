//! `cargo xtask test`: set up, build, run every test.

use anyhow::Result;

use crate::setup::{self, Scope};
use crate::{cargo, shell};

/// Runs the tests whose name contains `filter`, or all. The runner's summary comes last.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    setup::run(Scope::Cpu)?;
    cargo::build_everything()?;
    shell::run(
        cargo::command(["test", "--release", "--workspace", "--doc", "--quiet"])?.args(filter),
    )?;
    // One test binary after the other: several start whole runs, and two cores are all there may be.
    let runner = ["test", "--release", "--workspace", "--all-targets", "--no-fail-fast"];
    shell::run(cargo::command(runner)?.args(filter))
}
