//! The run in one file: `summary.json`.

use super::RunDir;
use crate::registry::Life;
use crate::scores::Scores;
use crate::server::Handle;
use proto::v1::LearnerProgress;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;
use types::{Experiment, FamilySpec};

/// What came of a run.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Name of the experiment.
    pub experiment: String,
    /// How it ended: `done`, `stopped` or `failed`.
    pub result: &'static str,
    /// Why, if it failed.
    pub failure: Option<String>,
    /// Local processes that had not left when their time was up, by name.
    pub killed: Vec<String>,
    /// Training transitions collected.
    pub env_steps: u64,
    /// Gradient steps.
    pub updates: u64,
    /// Seconds from start to end.
    pub wall_s: f64,
    /// Transitions sampled per transition inserted, after the initial ones.
    pub samples_per_insert: f64,
    /// Transitions that actors saw acknowledged: the sum over their lives of each life's own count
    /// if it left in order, else (killed, so its count is out of date) of the learner's.
    pub transitions_sent: u64,
    /// Transitions in the learner's store.
    pub transitions_stored: u64,
    /// Transitions the learner acknowledged.
    pub transitions_acknowledged: u64,
    /// Transitions the learner dropped because it had them.
    pub transitions_duplicated: u64,
    /// Trials finished, given up, and leased again after a death.
    pub trials: Trials,
    /// Tasks with failed trials: how many, and the seed and reason of the last one.
    pub quarantined: serde_json::Value,
    /// Lives of the learner.
    pub learner_lives: u64,
    /// The newest evaluation.
    pub eval: Scores,
    /// The effective configuration.
    pub config: Experiment,
    /// Revision of the program; `-dirty` behind it if files had changed.
    pub git: Option<String>,
    /// What it ran on.
    pub hardware: Hardware,
    /// Every life of every actor.
    pub actors: Vec<ActorLine>,
}

/// What a run is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The effective configuration.
    pub experiment: Experiment,
    /// The task family.
    pub family: FamilySpec,
    /// See [`revision`].
    pub git: Option<String>,
}

/// Counts of trials.
#[derive(Debug, Serialize)]
pub struct Trials {
    done: u64,
    failed: u64,
    released: u64,
}

/// What a run ran on.
#[derive(Debug, Serialize, Deserialize)]
pub struct Hardware {
    /// Model of the processor.
    pub cpu: String,
    /// Threads it runs at once.
    pub cores: usize,
    /// Device of the learner.
    pub device: String,
}

/// One life of an actor.
#[derive(Debug, Serialize)]
pub struct ActorLine {
    actor: u32,
    incarnation: u64,
    /// By its own last report.
    acknowledged: u64,
    /// By the learner's count.
    stored: u64,
    alive: bool,
    left_in_order: bool,
    env_steps: u64,
    trials_done: u64,
    trials_failed: u64,
    reconnects: u64,
    resident_bytes: u64,
}

impl ActorLine {
    fn of(life: &Life, alive: bool) -> Self {
        let stats = &life.stats;
        Self {
            actor: life.key.actor.0,
            incarnation: life.key.incarnation.0,
            acknowledged: stats.transitions_acknowledged,
            stored: life.stored,
            alive,
            left_in_order: life.left_in_order(),
            env_steps: stats.env_steps,
            trials_done: stats.trials_done,
            trials_failed: stats.trials_failed,
            reconnects: stats.reconnects,
            resident_bytes: stats.resident_bytes,
        }
    }
}

impl Summary {
    /// Of a run that has ended after `wall`; with a reason if it failed.
    #[must_use]
    pub fn of(
        subject: &Subject,
        handle: &Handle,
        wall: Duration,
        failure: Option<String>,
        killed: Vec<String>,
    ) -> Self {
        let Subject { experiment, family, git } = subject;
        let status = handle.status();
        let progress = status.learner.unwrap_or_default();
        let (lives, sent) = handle.lives();
        let scores = status.newest_evaluation.as_ref();
        Self {
            experiment: experiment.name.clone(),
            result: result(&progress, experiment.budget.env_steps, failure.is_some()),
            failure,
            killed,
            env_steps: progress.env_steps,
            updates: progress.updates,
            wall_s: wall.as_secs_f64(),
            samples_per_insert: progress.samples_per_insert,
            transitions_sent: sent,
            transitions_stored: progress.transitions_stored,
            transitions_acknowledged: progress.transitions_acknowledged,
            transitions_duplicated: progress.transitions_duplicated,
            trials: Trials {
                done: status.trials_done,
                failed: status.trials_failed,
                released: status.trials_released,
            },
            quarantined: crate::view::troubles::json(&status.quarantined),
            learner_lives: status.learner_lives,
            eval: scores.map_or_else(Scores::default, |evaluation| {
                Scores::of(evaluation, family.reference.as_ref())
            }),
            config: experiment.clone(),
            git: git.clone(),
            hardware: Hardware::here(&progress.device),
            actors: lives.iter().map(|(l, alive)| ActorLine::of(l, *alive)).collect(),
        }
    }

    /// Writes `summary.json`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, run: &RunDir) -> Result<(), super::directory::Error> {
        run.write("summary.json", &serde_json::to_string_pretty(self)?)
    }
}

fn result(progress: &LearnerProgress, budget: u64, failed: bool) -> &'static str {
    if failed {
        "failed"
    } else if progress.phase == "done" && progress.env_steps >= budget {
        "done"
    } else {
        "stopped"
    }
}

impl Hardware {
    fn here(device: &str) -> Self {
        let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = processor.lines().find_map(|l| l.strip_prefix("model name"));
        let model = model.and_then(|line| line.split_once(':'));
        Self {
            cpu: model.map_or("unknown", |(_, name)| name.trim()).to_owned(),
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            device: device.to_owned(),
        }
    }
}

/// The revision of the checkout that the program was built in, else of the working directory. Asked
/// for at the start of a run: files may change while it lasts.
#[must_use]
pub fn revision() -> Option<String> {
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(Path::parent);
    let places = [beside, Some(Path::new("."))];
    places.into_iter().flatten().find_map(describe)
}

fn describe(folder: &Path) -> Option<String> {
    let output = std::process::Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"])
        .stdin(std::process::Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
