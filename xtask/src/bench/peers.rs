//! Other ways to do the same work, measured in a private virtual environment.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::Program;
use crate::python::Venv;
use crate::workspace;

const PAIRS: &str = include_str!("../../peers/pairs.toml");

/// The bench name the scripts print.
pub(crate) const BENCH: &str = "peers";

/// One of our figures and the figure of another system it is compared with.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pair {
    /// The bench of ours that prints `ours`.
    pub(crate) bench: String,
    pub(crate) ours: String,
    pub(crate) theirs: String,
    pub(crate) better: Better,
}

/// Which of two values wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Better {
    Higher,
    Lower,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pairs {
    pair: Vec<Pair>,
}

/// What is compared with what (`xtask/peers/pairs.toml`).
pub(crate) fn pairs() -> Result<Vec<Pair>> {
    let pairs: Pairs = toml::from_str(PAIRS).context("xtask/peers/pairs.toml cannot be read")?;
    Ok(pairs.pair)
}

/// The scripts, ready to run.
pub(super) fn programs() -> Result<Vec<Program>> {
    let python = Venv::with("peers-venv", "xtask/peers/requirements.txt")?.python();
    let scripts = workspace::root()?.join("xtask/peers");
    let folder = workspace::cache()?;
    let program = |name: &str| Program {
        name: format!("{BENCH}/{name}"),
        file: python.clone(),
        arguments: vec![scripts.join(name).into_os_string()],
        folder: folder.clone(),
    };
    let names =
        ["rollouts.py", "ray_actors.py", "encoders.py", "ray_encoders.py", "pearl_update.py"];
    Ok(names.map(program).into())
}
