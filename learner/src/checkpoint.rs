//! Checkpoints: written beside and renamed, so that a reader never sees half of one.
//!
//! `checkpoints/<updates>/` holds `weights.safetensors` (what actors need), `learner.safetensors`
//! (every parameter, targets, Adam's moments) and `state.json`; `checkpoints/latest` names the
//! newest folder.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// Checkpoints kept; older ones are removed.
const KEEP: usize = 3;

/// Where training stood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Format of the folder.
    pub format: u32,
    /// Updates done.
    pub updates: u64,
    /// Transitions stored.
    pub env_steps: u64,
    /// Transitions sampled.
    pub sampled: u64,
    /// Newest published version.
    pub version: u64,
}

/// The parts of a checkpoint.
#[derive(Debug)]
pub struct Parts {
    /// safetensors of the acting networks.
    pub weights: Vec<u8>,
    /// safetensors of everything.
    pub learner: Vec<u8>,
    /// Counters.
    pub state: State,
}

/// The checkpoints of a run.
#[derive(Debug)]
pub struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    /// Checkpoints under `<run_dir>/checkpoints`, which is made if need be.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn in_run(run_dir: &Path) -> Result<Self> {
        let folder = run_dir.join("checkpoints");
        fs::create_dir_all(&folder).map_err(file("create the folder", &folder))?;
        Ok(Self { folder })
    }

    /// Writes a checkpoint and makes it the latest.
    ///
    /// # Errors
    /// If a file cannot be written; what was there before stays whole.
    pub fn write(&self, parts: &Parts) -> Result<PathBuf> {
        let name = format!("{:010}", parts.state.updates);
        if self.folder.join(&name).join("state.json").is_file() {
            // Nothing was learned since; what is there is whole and stays.
            return self.point_latest_to(&name).map(|()| self.folder.join(name));
        }
        let beside = self.folder.join(format!(".{name}.tmp"));
        let place = self.folder.join(&name);
        if beside.exists() {
            fs::remove_dir_all(&beside).map_err(file("remove the leftover", &beside))?;
        }
        fs::create_dir_all(&beside).map_err(file("create the folder", &beside))?;
        let state = serde_json::to_vec_pretty(&parts.state)
            .map_err(|error| Error::Message { what: "checkpoint state", why: error.to_string() })?;
        write_synced(&beside.join("weights.safetensors"), &parts.weights)?;
        write_synced(&beside.join("learner.safetensors"), &parts.learner)?;
        write_synced(&beside.join("state.json"), &state)?;
        fs::rename(&beside, &place).map_err(file("rename to", &place))?;
        self.point_latest_to(&name)?;
        self.remove_old(&place)?;
        Ok(place)
    }

    fn point_latest_to(&self, name: &str) -> Result<()> {
        let beside = self.folder.join(".latest.tmp");
        let latest = self.folder.join("latest");
        write_synced(&beside, name.as_bytes())?;
        fs::rename(&beside, &latest).map_err(file("rename to", &latest))?;
        let folder = fs::File::open(&self.folder).map_err(file("open", &self.folder))?;
        folder.sync_all().map_err(file("sync", &self.folder))
    }

    fn remove_old(&self, newest: &Path) -> Result<()> {
        let entries = fs::read_dir(&self.folder).map_err(file("list", &self.folder))?;
        let mut names: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
                path.is_dir()
                    && path != newest
                    && !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_digit())
            })
            .collect();
        names.sort();
        for old in names.iter().rev().skip(KEEP - 1) {
            fs::remove_dir_all(old).map_err(file("remove the old checkpoint", old))?;
        }
        Ok(())
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;
    let mut out = fs::File::create(path).map_err(file("create", path))?;
    out.write_all(bytes).map_err(file("write", path))?;
    out.sync_all().map_err(file("sync", path))
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(updates: u64) -> Parts {
        let state = State { format: 1, updates, env_steps: 1, sampled: 2, version: 3 };
        Parts { weights: vec![1; 10], learner: vec![2; 20], state }
    }

    #[test]
    fn the_latest_is_named_and_only_the_newest_are_kept() {
        let run = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::in_run(run.path()).unwrap();
        for updates in [5, 10, 15, 20, 20] {
            checkpoints.write(&parts(updates)).unwrap();
        }
        let folder = run.path().join("checkpoints");
        let latest = fs::read_to_string(folder.join("latest")).unwrap();
        assert_eq!(latest, "0000000020");
        let state = fs::read(folder.join(&latest).join("state.json")).unwrap();
        assert_eq!(serde_json::from_slice::<State>(&state).unwrap(), parts(20).state);
        let mut names: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["0000000010", "0000000015", "0000000020", "latest"]);
    }
}
