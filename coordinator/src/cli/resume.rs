//! Continuing a run in its directory.

use super::Failure;
use super::options::Common;
use crate::journal::{self, Entry, Loaded};
use crate::output;
use crate::run::RunDir;
use crate::run::directory::ADDRESS;
use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;
use types::{Experiment, FamilySpec};

/// The keys that may be others than before.
const MAY_CHANGE: [&str; 2] = ["budget.env_steps", "actors.count"];
/// How long the learner of before may take to leave: it saves what it has.
const LEAVING: Duration = Duration::from_secs(20);

/// A run that there has been.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) run: RunDir,
    pub(super) family: FamilySpec,
    /// The records of its journal.
    pub(super) entries: Vec<Entry>,
    /// Bytes behind them that are no record.
    pub(super) lost: u64,
    /// Port of its control plane, if it was not ended in order.
    pub(super) port: Option<u16>,
}

/// Opens the run directory `--resume` names, and checks that what is asked for can be had. `None`
/// if the run is done, which the user has been told.
pub(super) fn open(
    path: &Path,
    common: &Common,
    actors: Option<u32>,
) -> Result<Option<(Experiment, Past)>, Failure> {
    let run = RunDir::open(path).map_err(Failure::usage)?;
    let stored: Experiment = run.read("experiment.json").map_err(Failure::usage)?;
    let experiment = common.experiment_of(&run.path().join("config.toml"), actors)?;
    check(&stored, &experiment)?;
    if let Some(steps) = done(&run).filter(|steps| experiment.budget.env_steps <= *steps) {
        output::line(format!(
            "{}: the run is done, with its budget of {steps} env steps; to go on, raise it: --set \
             budget.env_steps={}",
            path.display(),
            steps.saturating_mul(2)
        ));
        return Ok(None);
    }
    let family = run.read("family.json").map_err(Failure::usage)?;
    let Loaded { entries, lost } = read_journal(&run)?;
    if experiment != stored {
        run.write_experiment(&experiment).map_err(Failure::run)?;
    }
    let address = std::fs::read_to_string(run.path().join(ADDRESS)).ok();
    let port = address.and_then(|text| text.trim().rsplit_once(':')?.1.parse().ok());
    Ok(Some((experiment, Past { run, family, entries, lost, port })))
}

/// Of the experiment, only a few keys may change: what is stored was made with the others.
fn check(stored: &Experiment, wanted: &Experiment) -> Result<(), Failure> {
    let (old, new) = (stored.budget.env_steps, wanted.budget.env_steps);
    if new < old {
        return Err(Failure::usage(anyhow!(
            "budget.env_steps: expected at least the {old} of the run, got {new}"
        )));
    }
    let mut same = wanted.clone();
    same.budget.env_steps = old;
    same.actors.count = stored.actors.count;
    if same == *stored {
        return Ok(());
    }
    let tree = |experiment: &Experiment| serde_json::to_value(experiment).map_err(Failure::run);
    let (key, old, new) = difference(&tree(stored)?, &tree(&same)?, "").unwrap_or_default();
    let may = MAY_CHANGE.join(" and ");
    Err(Failure::usage(anyhow!(
        "{key}: expected the {old} that the run was begun with, got {new}; a run is continued with \
         its own configuration, of which {may} may change. Start a new run for another one"
    )))
}

/// The first key that differs, with both values.
fn difference(
    old: &serde_json::Value,
    new: &serde_json::Value,
    path: &str,
) -> Option<(String, String, String)> {
    if let (Some(old), Some(new)) = (old.as_object(), new.as_object()) {
        return old.iter().find_map(|(key, value)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            difference(value, new.get(key)?, &path)
        });
    }
    (old != new).then(|| (path.to_owned(), old.to_string(), new.to_string()))
}

/// The part of `summary.json` that says whether there is anything left to do.
#[derive(Debug, Deserialize)]
struct Ending {
    result: String,
    config: Experiment,
}

/// The budget that a run which is done was done with.
fn done(run: &RunDir) -> Option<u64> {
    // No summary, or one that cannot be read: the run was interrupted.
    let ending: Ending = run.read("summary.json").ok()?;
    (ending.result == "done").then_some(ending.config.budget.env_steps)
}

fn read_journal(run: &RunDir) -> Result<Loaded, Failure> {
    let path = run.path().join(journal::FILE);
    let begun = ["experience", "checkpoints"].iter().any(|name| run.path().join(name).exists());
    if !path.exists() && !begun {
        return Ok(Loaded { entries: Vec::new(), lost: 0 }); // It was interrupted before anything had happened.
    }
    journal::load(&path)
        .context("this run cannot be continued without the journal of its control plane")
        .map_err(Failure::run)
}

/// Waits until the learner of before, if it runs on this machine, has left: it leaves by itself when
/// its coordinator has ended, and two must not write in one directory.
pub(super) async fn learner_gone(past: &Past) -> Result<(), Failure> {
    let Some(pid) = journal::last_learner(&past.entries) else {
        return Ok(());
    };
    let began = Instant::now();
    while is_learner_of(pid, past.run.path()) {
        if began.elapsed() > LEAVING {
            return Err(Failure::run(anyhow!(
                "{}: expected the learner of before (process {pid}) to have left, got one that \
                 still runs; end it and try again",
                past.run.path().display()
            )));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Whether the process is there and was started for this directory; the number may be used again.
fn is_learner_of(pid: u32, run_dir: &Path) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = line.split(|byte| *byte == 0);
    let is_learner = words.next().is_some_and(|program| program.ends_with(b"learner"));
    is_learner && words.any(|word| word == run_dir.as_os_str().as_encoded_bytes())
}
