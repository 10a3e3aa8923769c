//! The run directory.

use crate::replace::replace;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use time::OffsetDateTime;
use types::{Experiment, FamilySpec};

/// Name of the link to the newest run, beside the runs.
pub const LATEST: &str = "latest";
/// Name of the file with the address of the control plane; there while it runs.
pub const ADDRESS: &str = "coordinator.addr";

/// Name of the file that whoever coordinates the run has locked.
const LOCK: &str = "coordinator.lock";

/// A run directory that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory holds a run already.
    #[error("{}: expected a directory without a run, found one; choose another --run-dir", path.display())]
    Occupied {
        /// The directory.
        path: PathBuf,
    },
    /// There is no run in it.
    #[error("{}: expected a run directory, found no experiment.json in it; runs are under runs/<name>/, the newest is runs/latest", path.display())]
    NoRun {
        /// The directory.
        path: PathBuf,
    },
    /// Somebody coordinates this run.
    #[error("{}: expected a run that nobody coordinates, found one whose coordinator is still there; `coordinator stop --run-dir {}` ends it", path.display(), path.display())]
    Busy {
        /// The directory.
        path: PathBuf,
    },
    /// A file of the run cannot be read.
    #[error("read {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file cannot be written.
    #[error("write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The configuration cannot be written down.
    #[error("write the effective configuration: {0}")]
    Toml(#[from] toml::ser::Error),
    /// Likewise as JSON.
    #[error("write the effective configuration: {0}")]
    Json(#[from] serde_json::Error),
}

/// Where runs go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// This very directory.
    Exactly(PathBuf),
    /// A new directory `<root>/<experiment>/<time>-s<seed>`, to which `<root>/latest` then points.
    Under(PathBuf),
}

/// The directory of one run.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    /// Locked as long as this process coordinates the run.
    _lock: File,
}

impl RunDir {
    /// Makes the directory and writes down what the run is.
    ///
    /// # Errors
    /// [`Error`] if there is a run already or a file cannot be written.
    pub fn create(
        place: &Place,
        experiment: &Experiment,
        family: &FamilySpec,
        address: &str,
    ) -> Result<Self, Error> {
        let path = match place {
            Place::Exactly(path) => path.clone(),
            Place::Under(root) => unused(root, experiment),
        };
        if path.join("progress.csv").exists() || path.join("experiment.json").exists() {
            return Err(Error::Occupied { path });
        }
        let logs = path.join("logs");
        std::fs::create_dir_all(&logs).map_err(|source| Error::Write { path: logs, source })?;
        // Other processes work in other directories: the path must hold everywhere.
        let path = path.canonicalize().unwrap_or(path);
        let run = Self { _lock: lock(&path)?, path };
        run.write_experiment(experiment)?;
        run.write("family.json", &serde_json::to_string_pretty(family)?)?;
        run.write(ADDRESS, address)?;
        if let Place::Under(root) = place {
            point(root, &run.path)?;
        }
        Ok(run)
    }

    /// The directory of a run that was interrupted, or has ended.
    ///
    /// # Errors
    /// [`Error`] if there is none, or somebody coordinates it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if !path.join("experiment.json").is_file() {
            return Err(Error::NoRun { path });
        }
        Ok(Self { _lock: lock(&path)?, path })
    }

    /// Writes down what the run is, for people and for programs.
    ///
    /// # Errors
    /// [`Error`] if a file cannot be written.
    pub fn write_experiment(&self, experiment: &Experiment) -> Result<(), Error> {
        self.write("config.toml", &toml::to_string_pretty(experiment)?)?;
        self.write("experiment.json", &serde_json::to_string_pretty(experiment)?)
    }

    /// Reads a JSON file of the run.
    ///
    /// # Errors
    /// [`Error::Read`] if it is not there, or not what it should be.
    pub fn read<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        let path = self.path.join(name);
        let failed = |reason: String| Error::Read { path: path.clone(), reason };
        let bytes = std::fs::read(&path).map_err(|error| failed(error.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where processes log to.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// Writes a file whole: readers see the old one or the new one.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, name: &str, content: &str) -> Result<(), Error> {
        let path = self.path.join(name);
        replace(&path, content.as_bytes()).map_err(|source| Error::Write { path, source })
    }

    /// The control plane has gone.
    pub fn forget_address(&self) {
        let path = self.path.join(ADDRESS);
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::debug!(%error, path = %path.display(), "the address file was gone already");
        }
    }
}

/// Makes this process the one that coordinates the run in `folder`; the lock ends with the process,
/// however that ends.
fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join(LOCK);
    let opened = File::options().create(true).truncate(false).write(true).open(&path);
    let file = opened.map_err(|source| Error::Write { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Busy { path: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(Error::Write { path, source }),
    }
}

/// `<root>/<name>/<time>-s<seed>`, with a number behind it if two runs start in one second.
fn unused(root: &Path, experiment: &Experiment) -> PathBuf {
    let folder = root.join(&experiment.name);
    let stem = format!("{}-s{}", stamp(OffsetDateTime::now_utc()), experiment.seed);
    let first = folder.join(&stem);
    if !first.exists() {
        return first;
    }
    let numbered = (2..).map(|n: u32| folder.join(format!("{stem}-{n}")));
    numbered.into_iter().find(|path| !path.exists()).unwrap_or(first)
}

/// `20260131-235959`, UTC.
fn stamp(time: OffsetDateTime) -> String {
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    let (hour, minute, second) = time.time().as_hms();
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

/// Points `<root>/latest` to the run, in one step.
fn point(root: &Path, run: &Path) -> Result<(), Error> {
    let root_whole = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let target = run.strip_prefix(&root_whole).unwrap_or(run);
    let link = root.join(LATEST);
    let beside = root.join(format!(".{LATEST}.{}", std::process::id()));
    std::os::unix::fs::symlink(target, &beside)
        .and_then(|()| std::fs::rename(&beside, &link))
        .map_err(|source| Error::Write { path: link, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stamps_sort_like_time() {
        let at = |seconds| stamp(OffsetDateTime::from_unix_timestamp(seconds).unwrap());
        assert_eq!(at(0), "19700101-000000");
        assert_eq!(at(1_709_251_199), "20240229-235959");
    }
}
