//! `cargo xtask train`: set up, build, and become the coordinator.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::setup::{self, Scope};
use crate::{cargo, shell, workspace};

const DEFAULT_CONFIG: &str = "configs/quickstart.toml";

/// Trains what the arguments say. Only returns on an error: this process becomes the coordinator,
/// so that signals and the exit code are its own.
pub(crate) fn run(arguments: &[OsString]) -> Result<()> {
    setup::run(Scope::Cpu)?;
    cargo::build(&cargo::PROCESSES)?;
    let coordinator = cargo::binary("coordinator")?;
    let mut command = Command::new(&coordinator);
    command.arg("train").args(with_config(arguments)?);
    eprintln!("xtask: {}", shell::shown(&command));
    let error = command.exec();
    Err(error).with_context(|| format!("cannot start {}", coordinator.display()))
}

/// The arguments, with the quickstart in front when they name no configuration.
fn with_config(arguments: &[OsString]) -> Result<Vec<OsString>> {
    let named = arguments.first().is_some_and(|word| !is_flag(word));
    let default = match named {
        true => None,
        false => Some(quickstart()?),
    };
    Ok(default.into_iter().chain(arguments.iter().cloned()).collect())
}

/// Its path, short when we are in the root, as most are.
fn quickstart() -> Result<OsString> {
    let root = workspace::root()?;
    let below = env::current_dir().is_ok_and(|folder| folder == root);
    let path = if below { PathBuf::from(DEFAULT_CONFIG) } else { root.join(DEFAULT_CONFIG) };
    Ok(path.into_os_string())
}

fn is_flag(word: &OsStr) -> bool {
    word.as_encoded_bytes().starts_with(b"-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
        let whole = with_config(&arguments).unwrap();
        whole.into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn the_quickstart_is_trained_when_no_configuration_is_named() {
        assert!(shown(&[])[0].ends_with(DEFAULT_CONFIG));
        let flags = shown(&["--set", "seed=3"]);
        assert!(flags[0].ends_with(DEFAULT_CONFIG));
        assert_eq!(flags[1..], ["--set", "seed=3"]);
        assert_eq!(shown(&["mine.toml", "--quiet"]), ["mine.toml", "--quiet"]);
    }
}
