//! The folders of checkpoints.

use super::{FORMAT, Parts, State};
use crate::error::{Error, Result};
use crate::replay::Snapshot;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const WEIGHTS: &str = "weights.safetensors";
const LEARNER: &str = "learner.safetensors";
const REPLAY: &str = "replay.json";
const STATE: &str = "state.json";
const MANIFEST: &str = "manifest.json";
/// Extension of a checkpoint that is being replaced by one of the same update.
const REPLACED: &str = "replaced";
/// Weights that are being evaluated.
const CANDIDATE: &str = "candidate.safetensors";

/// The checkpoints of a run.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
    keep: usize,
}

/// What a folder must hold.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    files: BTreeMap<String, Part>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    bytes: u64,
    sha256: String,
}

impl Part {
    fn of(bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { bytes: bytes.len() as u64, sha256 }
    }
}

/// A checkpoint that was read and is whole.
#[derive(Debug)]
pub struct Loaded {
    /// Its folder.
    pub path: PathBuf,
    /// safetensors of everything.
    pub learner: Vec<u8>,
    /// Places in the experience log.
    pub replay: Snapshot,
    /// Schedules and counters.
    pub state: State,
}

impl Checkpoints {
    /// Checkpoints under `<run_dir>/checkpoints`, which is made if need be, of which the `keep`
    /// newest are kept. What a process that was killed had begun to write is removed, and what it
    /// was about to replace is kept.
    ///
    /// # Errors
    /// If the folder cannot be made, or something in it not be removed.
    pub fn in_run(run_dir: &Path, keep: usize) -> Result<Self> {
        let folder = run_dir.join("checkpoints");
        fs::create_dir_all(&folder).map_err(file("create the folder", &folder))?;
        for entry in fs::read_dir(&folder).map_err(file("list", &folder))? {
            let path = entry.map_err(file("list", &folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
            if name.starts_with('.') && name.ends_with(".tmp") {
                remove_folder(&path)?;
            } else if name.ends_with(REPLACED) {
                take_back(&path)?;
            }
        }
        Ok(Self { folder, keep })
    }

    /// Where they are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a checkpoint, makes it the latest and removes old ones. Gives the oldest segment of
    /// the experience log that a kept checkpoint needs.
    ///
    /// # Errors
    /// If a file cannot be written; what was there before stays whole.
    pub fn write(&self, parts: &Parts) -> Result<u32> {
        let name = format!("{:010}", parts.state.updates);
        let beside = self.folder.join(format!(".{name}.tmp"));
        let place = self.folder.join(&name);
        remove_folder(&beside)?;
        if let Err(error) = self.fill(&beside, parts) {
            // What is there of it would keep a full disk full.
            remove_folder(&beside)?;
            return Err(error);
        }
        self.put_in_place(&beside, &place)?;
        self.write_synced("latest", name.as_bytes())?;
        self.remove_old(&place)?;
        Ok(self.oldest_segment(parts.replay.oldest_segment()))
    }

    /// A checkpoint of the same update that is there already makes room first, and goes only when
    /// the new one has its name: whenever the process ends, one of them is whole.
    fn put_in_place(&self, beside: &Path, place: &Path) -> Result<()> {
        let before = place.with_extension(REPLACED);
        remove_folder(&before)?;
        if place.exists() {
            fs::rename(place, &before).map_err(file("rename to", &before))?;
        }
        fs::rename(beside, place).map_err(file("rename to", place))?;
        sync_folder(&self.folder)?;
        remove_folder(&before)
    }

    fn fill(&self, folder: &Path, parts: &Parts) -> Result<()> {
        fs::create_dir_all(folder).map_err(file("create the folder", folder))?;
        let (replay, state) = (json(&parts.replay)?, json(&parts.state)?);
        let files: [(&str, &[u8]); 4] = [
            (WEIGHTS, &parts.weights),
            (LEARNER, &parts.learner),
            (REPLAY, &replay),
            (STATE, &state),
        ];
        for (name, bytes) in files {
            write_synced(&folder.join(name), bytes)?;
        }
        let files = files.map(|(name, bytes)| (name.to_owned(), Part::of(bytes)));
        let manifest = Manifest { format: FORMAT, files: BTreeMap::from(files) };
        write_synced(&folder.join(MANIFEST), &json(&manifest)?)?;
        sync_folder(folder)
    }

    /// The newest checkpoint that is whole and that `accept` can use. Others are passed over with a
    /// warning.
    ///
    /// # Errors
    /// If there are checkpoints and none is good, or what `accept` says of one.
    pub fn newest<T>(
        &self,
        mut accept: impl FnMut(&Loaded) -> Result<Option<T>>,
    ) -> Result<Option<(Loaded, T)>> {
        let folders = self.folders()?;
        for path in folders.iter().rev() {
            match load(path) {
                Ok(loaded) => match accept(&loaded)? {
                    Some(accepted) => return Ok(Some((loaded, accepted))),
                    None => tracing::warn!(
                        path = %path.display(),
                        "the experience log has lost what this checkpoint needs; trying an older one"
                    ),
                },
                Err(error) => {
                    tracing::warn!(%error, "a checkpoint is damaged; trying an older one");
                }
            }
        }
        if folders.is_empty() {
            return Ok(None);
        }
        let why = format!("expected one of {} checkpoints to be whole, got none", folders.len());
        Err(Error::Message { what: "resume", why })
    }

    /// Folders of checkpoints, oldest first.
    fn folders(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.folder).map_err(file("list", &self.folder))?;
        let is_checkpoint = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()) && path.is_dir()
        };
        let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let mut folders: Vec<PathBuf> = paths.filter(is_checkpoint).collect();
        folders.sort();
        Ok(folders)
    }

    fn remove_old(&self, newest: &Path) -> Result<()> {
        let folders = self.folders()?;
        // One that is ahead of the newest belongs to a time that was given up.
        let (old, ahead): (Vec<_>, Vec<_>) =
            folders.iter().filter(|path| *path != newest).partition(|path| path.as_path() < newest);
        let too_old = old.iter().rev().skip(self.keep.saturating_sub(1));
        for folder in ahead.iter().chain(too_old) {
            remove_folder(folder)?;
        }
        Ok(())
    }

    /// The oldest segment that any kept checkpoint needs; `newest` is what the newest one needs.
    fn oldest_segment(&self, newest: u32) -> u32 {
        let folders = self.folders().unwrap_or_default();
        let needs = |path: &PathBuf| {
            let replay: Option<Snapshot> = fs::read(path.join(REPLAY))
                .ok()
                .and_then(|bytes| serde_json::from_slice(&bytes).ok());
            replay.map(|replay| replay.oldest_segment())
        };
        folders.iter().filter_map(needs).min().unwrap_or(newest).min(newest)
    }

    /// Keeps weights that are about to be evaluated, in place of those evaluated before.
    ///
    /// # Errors
    /// If the file cannot be written; then none are kept.
    pub fn write_candidate(&self, weights: &[u8]) -> Result<()> {
        let place = self.folder.join(CANDIDATE);
        match fs::remove_file(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(file("remove", &place)(error));
            }
            _ => {}
        }
        self.write_synced(CANDIDATE, weights)
    }

    /// The weights evaluated last are the best so far.
    ///
    /// # Errors
    /// If a file cannot be written, or these weights could not be kept; the best ones before stay.
    pub fn promote_candidate(&self, evaluation: &impl Serialize) -> Result<()> {
        let best = self.folder.join("best");
        let candidate = self.folder.join(CANDIDATE);
        fs::create_dir_all(&best).map_err(file("create the folder", &best))?;
        let place = best.join(WEIGHTS);
        fs::rename(&candidate, &place).map_err(file("rename to", &place))?;
        self.write_synced("best/evaluation.json", &json(evaluation)?)
    }

    /// Beside and renamed.
    fn write_synced(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let place = self.folder.join(name);
        let beside = place.with_extension("tmp");
        write_synced(&beside, bytes)?;
        fs::rename(&beside, &place).map_err(file("rename to", &place))?;
        sync_folder(&self.folder)
    }
}

/// A checkpoint that was to be replaced gets its name again, unless its successor has it.
fn take_back(replaced: &Path) -> Result<()> {
    let place = replaced.with_extension("");
    if place.exists() {
        return remove_folder(replaced);
    }
    fs::rename(replaced, &place).map_err(file("rename to", &place))
}

/// Reads a checkpoint whole.
fn load(path: &Path) -> Result<Loaded> {
    let manifest: Manifest = parse(&path.join(MANIFEST), &read(&path.join(MANIFEST))?)?;
    if manifest.format != FORMAT {
        let why = format!("expected format {FORMAT}, got {}", manifest.format);
        return Err(Error::Checkpoint { path: path.to_owned(), why });
    }
    let part = |name: &str| -> Result<Vec<u8>> {
        let place = path.join(name);
        let bytes = read(&place)?;
        let (expected, got) = (manifest.files.get(name), Part::of(&bytes));
        if expected == Some(&got) {
            return Ok(bytes);
        }
        let why = match expected {
            Some(part) => format!(
                "expected {} bytes with SHA-256 {}, got {} with {}",
                part.bytes, part.sha256, got.bytes, got.sha256
            ),
            None => format!("expected it in {MANIFEST}, got no mention of it"),
        };
        Err(Error::Checkpoint { path: place, why })
    };
    part(WEIGHTS)?;
    let learner = part(LEARNER)?;
    let replay = parse(&path.join(REPLAY), &part(REPLAY)?)?;
    let state = parse(&path.join(STATE), &part(STATE)?)?;
    Ok(Loaded { path: path.to_owned(), learner, replay, state })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(file("read", path))
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::Checkpoint { path: path.to_owned(), why: error.to_string() })
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value)
        .map_err(|error| Error::Message { what: "checkpoint", why: error.to_string() })
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    use io::Write as _;
    let mut out = fs::File::create(path).map_err(file("create", path))?;
    out.write_all(bytes).map_err(file("write", path))?;
    out.sync_all().map_err(file("sync", path))
}

fn sync_folder(path: &Path) -> Result<()> {
    let folder = fs::File::open(path).map_err(file("open", path))?;
    folder.sync_all().map_err(file("sync", path))
}

fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(file("remove the folder", path)(error))
        }
        _ => Ok(()),
    }
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoints(run: &tempfile::TempDir) -> Checkpoints {
        Checkpoints::in_run(run.path(), 2).unwrap()
    }

    /// Whoever asks for the best weights must not be given others, whatever the disk did.
    #[test]
    fn weights_that_could_not_be_kept_do_not_become_the_best() {
        let run = tempfile::tempdir().unwrap();
        let checkpoints = checkpoints(&run);
        checkpoints.write_candidate(b"good").unwrap();
        checkpoints.promote_candidate(&1).unwrap();
        checkpoints.write_candidate(b"worse").unwrap();
        let in_the_way = run.path().join("checkpoints/candidate.tmp");
        fs::create_dir(&in_the_way).unwrap();
        assert!(checkpoints.write_candidate(b"best").is_err());
        assert!(checkpoints.promote_candidate(&2).is_err());
        let best = run.path().join("checkpoints/best");
        assert_eq!(fs::read(best.join(WEIGHTS)).unwrap(), b"good");
        assert_eq!(fs::read(best.join("evaluation.json")).unwrap(), b"1");
    }

    #[test]
    fn a_checkpoint_that_was_being_replaced_is_there_again() {
        let run = tempfile::tempdir().unwrap();
        let folder = run.path().join("checkpoints");
        let (alone, replaced) = ("0000000001", "0000000002");
        for name in ["0000000001.replaced", "0000000002", "0000000002.replaced", ".0000000003.tmp"]
        {
            fs::create_dir_all(folder.join(name)).unwrap();
            fs::write(folder.join(name).join("which"), name).unwrap();
        }
        let found = checkpoints(&run).folders().unwrap();
        assert_eq!(found, [folder.join(alone), folder.join(replaced)]);
        let which = |name: &str| fs::read_to_string(folder.join(name).join("which")).unwrap();
        assert_eq!(
            (which(alone), which(replaced)),
            ("0000000001.replaced".into(), replaced.into())
        );
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    }
}
