//! Other ways to do the same work, measured in a private virtual environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::Program;
use crate::{shell, workspace};

const REQUIREMENTS: &str = include_str!("../../peers/requirements.txt");
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
    let python = environment()?;
    let scripts = workspace::root()?.join("xtask/peers");
    let folder = workspace::cache()?;
    let program = |name: &str| Program {
        name: format!("{BENCH}/{name}"),
        file: python.clone(),
        arguments: vec![scripts.join(name).into_os_string()],
        folder: folder.clone(),
    };
    Ok(["rollouts.py", "ray_actors.py", "pearl_update.py"].map(program).into())
}

/// The Python of the virtual environment, which is made anew when its requirements change.
fn environment() -> Result<PathBuf> {
    let folder = workspace::cache()?.join("peers-venv");
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|made| made == REQUIREMENTS) {
        return Ok(python);
    }
    eprintln!(
        "bench: installing PyTorch, Ray and MuJoCo into {} (several GiB, once)",
        folder.display()
    );
    create(&folder)?;
    let wanted = workspace::root()?.join("xtask/peers/requirements.txt");
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    shell::run(pip.arg(&wanted))
        .with_context(|| format!("remove {} to start afresh", folder.display()))?;
    fs::write(&stamp, REQUIREMENTS).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

fn create(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    if let Err(error) = shell::run(Command::new("python3").args(["-m", "venv"]).arg(folder)) {
        bail!(
            "expected `python3 -m venv` to work, got: {error:#}\n\
             Install it:\n    sudo apt-get install python3-venv"
        );
    }
    Ok(())
}
