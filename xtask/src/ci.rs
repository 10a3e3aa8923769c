//! `cargo xtask ci` and its stages: what must hold before a change is taken.

use anyhow::Result;

use crate::setup::{self, Scope};
use crate::{cargo, shell, test, tools};

/// Everything: the tools, the lints, the tests.
pub(crate) fn run() -> Result<()> {
    install()?;
    lint()?;
    test::run(None)
}

/// The cargo tools the other stages use.
pub(crate) fn install() -> Result<()> {
    [tools::MACHETE, tools::DENY].iter().try_for_each(|tool| tool.ensure())
}

/// Everything that is not a test. The quick ones first; stops at the first that fails.
pub(crate) fn lint() -> Result<()> {
    shell::run(&mut cargo::command(["fmt", "--all", "--check"])?)?;
    tools::MACHETE.ensure()?;
    tools::DENY.ensure()?;
    let path = tools::path()?;
    shell::run(cargo::command(["machete"])?.env("PATH", &path))?;
    shell::run(
        cargo::command(["deny", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"])?
            .env("PATH", &path),
    )?;
    setup::run(Scope::Cpu)?;
    let clippy = ["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"];
    shell::run(&mut cargo::command(clippy)?)?;
    let doc = ["doc", "--release", "--workspace", "--no-deps"];
    shell::run(cargo::command(doc)?.env("RUSTDOCFLAGS", "-D warnings"))
}
