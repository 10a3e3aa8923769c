//! What goes into the images, laid out as it shall lie there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::setup::Scope;
use crate::{cargo, shell, workspace};

/// Everything of ours lies below this folder of an image.
const HOME: &str = "opt/proteus";
/// The one folder that may be written to.
const STATE: &str = "var/lib/proteus";

/// Fills the build contexts of the programs.
pub(super) fn programs(contexts: &Path, scope: Scope) -> Result<()> {
    let deps = workspace::deps()?;
    let actor = fresh(contexts, "actor")?;
    program("actor", &actor)?;
    tree(&deps.join("mujoco/lib"), &actor.join(HOME).join(".deps/mujoco/lib"))?;
    tree(&deps.join("models"), &actor.join(HOME).join(".deps/models"))?;
    folder(&actor.join(STATE))?;

    let coordinator = fresh(contexts, "coordinator")?;
    program("coordinator", &coordinator)?;

    let learner = fresh(contexts, "learner")?;
    program("learner", &learner.join("program"))?;
    folder(&learner.join("program").join(STATE))?;
    let cpu = [("torch/lib", "torch/lib"), ("nvidia/cu13/lib", "nvidia/cu13/lib")];
    libraries(&deps, &learner.join("cpu"), &cpu)?;
    if scope == Scope::Cuda {
        let cuda = [("torch/lib", "torch/lib"), ("nvidia", "nvidia"), ("torch-cuda", "torch-cuda")];
        libraries(&deps, &learner.join("cuda"), &cuda)?;
    }
    Ok(())
}

/// An empty folder of this name.
pub(super) fn fresh(contexts: &Path, name: &str) -> Result<PathBuf> {
    let path = contexts.join(name);
    if path.exists() {
        fs::remove_dir_all(&path).with_context(|| format!("cannot empty {}", path.display()))?;
    }
    folder(&path)?;
    Ok(path)
}

/// The program without its debugging symbols, which are most of it.
fn program(name: &str, context: &Path) -> Result<()> {
    let folder_of_programs = context.join(HOME).join("usr/bin");
    folder(&folder_of_programs)?;
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(folder_of_programs.join(name)).arg(cargo::binary(name)?);
    shell::read(&mut strip).context("expected `strip` of the binutils")?;
    Ok(())
}

fn libraries(deps: &Path, context: &Path, folders: &[(&str, &str)]) -> Result<()> {
    let target = context.join(HOME).join(".deps");
    folders.iter().try_for_each(|(from, to)| tree(&deps.join(from), &target.join(to)))
}

/// Copies a folder with all that is in it. Links stay links: they point to their neighbours.
fn tree(from: &Path, to: &Path) -> Result<()> {
    folder(to)?;
    let entries = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            tree(&source, &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source)?, &target)?;
        } else {
            copy(&source, &target)?;
        }
    }
    Ok(())
}

/// Copies a file; what links stand for, not links.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    let copied = fs::copy(from, to);
    copied.with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

pub(super) fn folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))
}
