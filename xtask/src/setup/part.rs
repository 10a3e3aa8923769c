//! One folder under `.deps/`: is it there, is it current, and how it is made.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::Scope;
use super::download::{Fetch, Store};
use super::hash;
use super::pins::{PartPin, Pins, Take};

const STAMP: &str = ".stamp";
const UNPACK: &str = include_str!("../../py/unpack.py");

/// How a part stands before setup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Up to date.
    Ready,
    /// Not there, or made from other pins.
    Missing,
    /// The user's environment names another copy.
    Foreign { variable: String, value: OsString },
}

/// A part as this setup wants it.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pin: &'a PartPin,
    dir: PathBuf,
    takes: Vec<&'a Take>,
    standing: Standing,
}

/// One line of the plan `unpack.py` reads.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    archive: PathBuf,
    files: &'a [String],
    strip: &'a str,
    into: PathBuf,
}

/// The parts `scope` needs, each with how it stands now.
pub(crate) fn wanted<'a>(pins: &'a Pins, deps: &Path, scope: Scope) -> Vec<Part<'a>> {
    pins.parts
        .iter()
        .map(|pin| Part::new(pins, pin, deps, scope))
        .filter(|part| !part.takes.is_empty())
        .collect()
}

impl<'a> Part<'a> {
    fn new(pins: &'a Pins, pin: &'a PartPin, deps: &Path, scope: Scope) -> Self {
        let takes = match scope {
            Scope::Cpu => pin.takes.iter().collect(),
            Scope::Cuda => pin.takes.iter().chain(&pin.cuda_takes).collect(),
        };
        let mut part = Self { pin, dir: deps.join(&pin.dir), takes, standing: Standing::Missing };
        part.standing = part.look(pins);
        part
    }

    pub(crate) fn name(&self) -> &str {
        &self.pin.dir
    }

    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    pub(crate) fn is_missing(&self) -> bool {
        self.standing == Standing::Missing
    }

    fn look(&self, pins: &Pins) -> Standing {
        if let Some((variable, value)) = self.foreign() {
            return Standing::Foreign { variable, value };
        }
        let stamp = fs::read_to_string(self.dir.join(STAMP)).unwrap_or_default();
        // What `--cuda` unpacked holds all of what is needed without it.
        let all: Vec<_> = self.pin.takes.iter().chain(&self.pin.cuda_takes).collect();
        let current = [digest(pins, self.pin, &self.takes), digest(pins, self.pin, &all)];
        if current.contains(&stamp) { Standing::Ready } else { Standing::Missing }
    }

    /// The user's own copy. Cargo itself sets the variable to ours (`.cargo/config.toml`).
    fn foreign(&self) -> Option<(String, OsString)> {
        let variable = self.pin.env.as_ref()?;
        let value = env::var_os(&variable.name)?;
        let ours = self.dir.parent()?.join(&variable.ours);
        (Path::new(&value) != ours).then(|| (variable.name.clone(), value))
    }

    /// Unpacks beside, then takes the old folder's place, so that no half of a part is ever seen.
    pub(crate) fn install<F: Fetch>(&self, pins: &Pins, store: &Store<F>) -> Result<()> {
        let new = beside(&self.dir, "new");
        let old = beside(&self.dir, "old");
        clear(&new)?;
        clear(&old)?;
        let plan = self.plan(pins, store, &new)?;
        unpack(&plan)?;
        for link in &self.pin.links {
            let path = new.join(&link.from);
            symlink(&link.to, &path).with_context(|| format!("cannot link {}", path.display()))?;
        }
        let stamp = new.join(STAMP);
        fs::write(&stamp, digest(pins, self.pin, &self.takes))
            .with_context(|| format!("cannot write {}", stamp.display()))?;
        if self.dir.exists() {
            rename(&self.dir, &old)?;
        }
        rename(&new, &self.dir)?;
        clear(&old)
    }

    fn plan<F: Fetch>(&self, pins: &Pins, store: &Store<F>, new: &Path) -> Result<Vec<Entry<'a>>> {
        let entry = |take: &&'a Take| {
            Ok(Entry {
                archive: store.get(pins.archive(&take.archive)?)?,
                files: &take.files,
                strip: &take.strip,
                into: new.join(&take.into),
            })
        };
        self.takes.iter().map(entry).collect()
    }
}

/// Changes whenever anything about the part's content does.
fn digest(pins: &Pins, pin: &PartPin, takes: &[&Take]) -> String {
    let hashes: Vec<_> = takes
        .iter()
        .map(|take| {
            pins.archive(&take.archive).map(|found| found.sha256.as_str()).unwrap_or_default()
        })
        .collect();
    hash::of_text(&serde_json::json!([hashes, takes, pin.links]).to_string())
}

fn beside(dir: &Path, word: &str) -> PathBuf {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    dir.with_file_name(format!(".{name}.{word}"))
}

fn clear(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to)
        .with_context(|| format!("cannot rename {} to {}", from.display(), to.display()))
}

fn unpack(plan: &[Entry<'_>]) -> Result<()> {
    let mut python = Command::new("python3")
        .args(["-c", UNPACK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start python3")?;
    let mut input = python.stdin.take().context("python3 has no standard input")?;
    input.write_all(serde_json::to_string(plan)?.as_bytes()).context("cannot write to python3")?;
    drop(input);
    let output = python.wait_with_output().context("cannot wait for python3")?;
    if !output.status.success() {
        bail!("unpacking failed ({}); python's message is above. Is the disk full?", output.status);
    }
    let counts: Vec<usize> =
        serde_json::from_slice(&output.stdout).context("unpack.py's answer")?;
    let barren = plan.iter().zip(counts).find(|(_, count)| *count == 0);
    if let Some((entry, _)) = barren {
        bail!(
            "{} has no file matching {:?}; correct xtask/pins.toml",
            entry.archive.display(),
            entry.files
        );
    }
    Ok(())
}

#[cfg(test)]
#[path = "part_tests.rs"]
mod tests;
