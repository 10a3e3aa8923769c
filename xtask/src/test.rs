//! `cargo xtask test`: set up, build, run every test.

use anyhow::Result;

use crate::python::Venv;
use crate::setup::{self, Scope};
use crate::{cargo, shell, workspace};

/// Runs the tests whose name contains `filter`, or all. The runner's summary comes last.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    setup::run(Scope::Cpu)?;
    cargo::build_everything()?;
    shell::run(
        cargo::command(["test", "--release", "--workspace", "--doc", "--quiet"])?.args(filter),
    )?;
    python(filter)?;
    // One test binary after the other: several start whole runs, and two cores are all there may be.
    let runner = ["test", "--release", "--workspace", "--all-targets", "--no-fail-fast"];
    shell::run(cargo::command(runner)?.args(filter))
}

/// Environments written in Python, which are not part of the default build.
fn python(filter: Option<&str>) -> Result<()> {
    if workspace::on_path("python3").is_none() {
        eprintln!("xtask: no python3 on the PATH: Python environments are not tested");
        return Ok(());
    }
    let venv = Venv::with("gymnasium-venv", "envs/tests/gymnasium/requirements.txt")?;
    let test = ["test", "--release", "--package", "envs", "--features", "gymnasium"];
    let mut command = cargo::command(test)?;
    shell::run(
        venv.embed(&mut command, "envs/tests/gymnasium")?
            .args(["--test", "gymnasium"])
            .args(filter),
    )
}
