//! Environments alone, beside the raw physics and the same environments of other programs.

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Program;
use super::peers::{Better, Pair};
use crate::python::Venv;
use crate::{cargo, shell, workspace};

const TABLE: &str = include_str!("../../peers/environments.toml");

/// The bench name that `speed` prints.
const BENCH: &str = "envs";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    environment: Vec<Row>,
}

/// A family of ours and what it stands beside.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    family: String,
    /// The physics underneath, where they can be measured alone.
    body: Option<String>,
    /// The name that Gymnasium and EnvPool have for it.
    peer: String,
}

fn rows() -> Result<Vec<Row>> {
    let table: Table =
        toml::from_str(TABLE).context("xtask/peers/environments.toml cannot be read")?;
    Ok(table.environment)
}

/// What is compared with what.
pub(super) fn pairs() -> Result<Vec<Pair>> {
    let of_row = |row: &Row| {
        ["gymnasium", "envpool"].map(|program| Pair {
            bench: BENCH.to_owned(),
            ours: row.family.clone(),
            theirs: format!("{program} {}", row.peer),
            better: Better::Higher,
        })
    };
    Ok(rows()?.iter().flat_map(of_row).collect())
}

/// A family of ours, then the same of the others, then the next: side by side in time.
pub(super) fn programs() -> Result<Vec<Program>> {
    let build = ["build", "--release", "--package", "envs", "--example", "speed"];
    shell::run(&mut cargo::command(build)?)?;
    let speed = cargo::binary("examples/speed")?;
    let python = Venv::with("environments-venv", "xtask/peers/environments.txt")?.python();
    let script = workspace::root()?.join("xtask/peers/environments.py");
    let folder = workspace::cache()?;
    let of_row = |row: Row| {
        let ours = Program {
            name: format!("{BENCH}/{}", row.family),
            file: speed.clone(),
            arguments: [Some(row.family), row.body].into_iter().flatten().map(Into::into).collect(),
            folder: folder.clone(),
        };
        let theirs = Program {
            name: format!("{BENCH}/{}", row.peer),
            file: python.clone(),
            arguments: vec![script.clone().into(), row.peer.into()],
            folder: folder.clone(),
        };
        [ours, theirs]
    };
    Ok(rows()?.into_iter().flat_map(of_row).collect())
}
