//! `cargo xtask setup`: fills `.deps/` with the native parts the workspace links and reads.

mod download;
mod hash;
mod lock;
mod part;
mod pins;
mod preconditions;

use std::fs;

use anyhow::{Context, Result};

use crate::workspace;
use download::{Pip, Store};
use part::{Part, Standing};
use pins::Pins;

/// Which libraries to set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// What every build needs.
    Cpu,
    /// That, and the CUDA libraries the learner loads at run time.
    Cuda,
}

/// Brings `.deps/` up to date. Does nothing, at once, when it already is.
pub(crate) fn run(scope: Scope) -> Result<()> {
    preconditions::building()?;
    let pins = Pins::read()?;
    let deps = workspace::deps()?;
    let parts = part::wanted(&pins, &deps, scope);
    announce_foreign(&parts);
    if parts.iter().all(|part| !part.is_missing()) {
        return Ok(());
    }
    preconditions::fetching()?;
    fs::create_dir_all(&deps).with_context(|| format!("cannot create {}", deps.display()))?;
    let _lock = lock::folder(&deps)?;
    let store = Store::new(workspace::cache()?.join("wheels"), Pip::new(&pins.target))?;
    for part in parts.iter().filter(|part| part.is_missing()) {
        part.install(&pins, &store)?;
        eprintln!("setup: .deps/{} is ready", part.name());
    }
    Ok(())
}

/// Says once per variable what is left to the user's own copy.
fn announce_foreign(parts: &[Part<'_>]) {
    let mut said: Vec<&str> = Vec::new();
    for part in parts {
        let Standing::Foreign { variable, value } = part.standing() else {
            continue;
        };
        if said.contains(&variable.as_str()) {
            continue;
        }
        said.push(variable);
        eprintln!(
            "setup: {variable}={} is used as it is, nothing is fetched for it; \
             when a program does not find its libraries, name their folder in LD_LIBRARY_PATH",
            value.to_string_lossy(),
        );
    }
}
