//! Writes down how the run goes: `progress.csv`, `evaluations.jsonl`, TensorBoard events, beliefs.

use super::latents::LatentRecorder;
use super::tensorboard::EventFile;
use crate::append::AppendFile;
use crate::ids::IdSet;
use crate::latents::ClusterScores;
use crate::scores::Scores;
use crate::state::to_f64;
use crate::status::mean_lag;
use proto::v1::{Evaluation, StatusReply};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;
use std::time::Duration;
use types::experiment::Inference;
use types::{FamilySpec, ReferenceReturns};

/// Between two rows of `progress.csv` without an evaluation.
const ROW_EVERY: Duration = Duration::from_secs(5);

/// Columns before the learner's metrics.
const COLUMNS: [&str; 19] = [
    "wall_s",
    "env_steps",
    "updates",
    "train_return",
    "test_return",
    "test_normalised",
    "train_first",
    "test_first",
    "purity",
    "adjusted_rand",
    "samples_per_insert",
    "env_steps_per_s",
    "updates_per_s",
    "version",
    "lag_actors",
    "actors_alive",
    "trials_done",
    "transitions_stored",
    "learner_bytes",
];

/// The learner's metrics that have a column each.
const METRICS: [&str; 9] = [
    "loss/q",
    "loss/policy",
    "loss/kl",
    "loss/v",
    "skipped_updates",
    "lag_mean",
    "waited_data_s",
    "sample_s",
    "update_s",
];

/// The open files of a run.
#[derive(Debug)]
pub struct Recorder {
    progress: AppendFile,
    evaluations: AppendFile,
    events: EventFile,
    /// Numbers of the evaluations that are in the file.
    known: IdSet,
    latents: LatentRecorder,
    reference: Option<ReferenceReturns>,
    last_row: Option<Duration>,
}

/// One line of `evaluations.jsonl`.
#[derive(Debug, Serialize)]
struct EvaluationLine {
    number: u64,
    wall_s: f64,
    env_steps: u64,
    updates: u64,
    version: u64,
    last: bool,
    #[serde(flatten)]
    scores: Scores,
    #[serde(skip_serializing_if = "Option::is_none")]
    clusters: Option<ClusterScores>,
    tasks: Vec<TaskLine>,
}

/// What matters of such a line when the file is continued.
#[derive(Debug, Deserialize)]
struct Numbered {
    number: u64,
}

#[derive(Debug, Serialize)]
struct TaskLine {
    split: &'static str,
    index: u32,
    returns: Vec<f64>,
    /// Mean squared error of decoded rewards.
    #[serde(skip_serializing_if = "Option::is_none")]
    reward_error: Option<f64>,
    /// Mean squared error of decoded observations.
    #[serde(skip_serializing_if = "Option::is_none")]
    observation_error: Option<f64>,
}

impl Recorder {
    /// Starts the files in `folder`, or continues those of a run that was interrupted.
    ///
    /// # Errors
    /// What the system says; a table with other columns.
    pub fn open(folder: &Path, inference: &Inference, family: &FamilySpec) -> io::Result<Self> {
        let (mut progress, text) = AppendFile::open_lines(&folder.join("progress.csv"))?;
        let header: Vec<&str> = COLUMNS.into_iter().chain(METRICS).collect();
        let header = header.join(",");
        match text.lines().next() {
            None => progress.append(format!("{header}\n").as_bytes())?,
            Some(there) if there == header => {}
            Some(there) => {
                return Err(io::Error::other(format!(
                    "progress.csv: expected the columns {header}, got {there}; the run was begun \
                     by another release"
                )));
            }
        }
        let (evaluations, text) = AppendFile::open_lines(&folder.join("evaluations.jsonl"))?;
        let mut known = IdSet::default();
        for line in text.lines() {
            let Numbered { number } = serde_json::from_str(line)?;
            known.insert(number);
        }
        let events = EventFile::create(folder)?;
        let latents = LatentRecorder::new(folder, inference.posterior, family.clone());
        let reference = family.reference;
        Ok(Self { progress, evaluations, events, known, latents, reference, last_row: None })
    }

    /// Notes the state `wall` after the start, if it is time for a row.
    ///
    /// # Errors
    /// What the system says.
    pub fn tick(&mut self, status: &StatusReply, wall: Duration) -> io::Result<()> {
        let due = self.last_row.is_none_or(|last| wall >= last + ROW_EVERY);
        if due {
            self.row(status, None, wall)?;
            self.last_row = Some(wall);
        }
        Ok(())
    }

    /// Notes a completed evaluation, with a row of its own. Gives its scores. One whose number is in
    /// the file is not written a second time.
    ///
    /// # Errors
    /// What the system says.
    pub fn evaluation(
        &mut self,
        status: &StatusReply,
        evaluation: &Evaluation,
        wall: Duration,
    ) -> io::Result<Scores> {
        let clusters = self.latents.record(evaluation)?;
        let scores =
            Scores::of(evaluation, self.reference.as_ref()).with_clusters(clusters.as_ref());
        if evaluation.number == 0 || !self.known.contains(evaluation.number) {
            let line = serde_json::to_string(&evaluation_line(evaluation, scores, clusters, wall))?;
            self.evaluations.append(format!("{line}\n").as_bytes())?;
            self.known.insert(evaluation.number);
        }
        self.row(status, Some((evaluation, scores)), wall)?;
        Ok(scores)
    }

    fn row(
        &mut self,
        status: &StatusReply,
        evaluation: Option<(&Evaluation, Scores)>,
        wall: Duration,
    ) -> io::Result<()> {
        let values = columns(status, evaluation, wall);
        let metrics = status.learner.as_ref().map(|learner| &learner.metrics);
        let metric = |name: &str| metrics.and_then(|known| known.get(name).copied());
        let cells = values.iter().copied().chain(METRICS.map(metric));
        let cells: Vec<String> = cells.map(cell).collect();
        self.progress.append(format!("{}\n", cells.join(",")).as_bytes())?;
        let named = COLUMNS.into_iter().zip(values).skip(1);
        let scalars: Vec<(&str, f64)> =
            named.filter_map(|(name, value)| Some((group(name), value?))).collect();
        let learner = metrics.into_iter().flatten();
        let all = scalars.into_iter().chain(learner.map(|(name, value)| (name.as_str(), *value)));
        let step = match (evaluation, &status.learner) {
            (Some((evaluation, _)), _) => evaluation.env_steps,
            (None, learner) => learner.as_ref().map_or(0, |learner| learner.env_steps),
        };
        self.events.add(step, all)
    }
}

fn evaluation_line(
    evaluation: &Evaluation,
    scores: Scores,
    clusters: Option<ClusterScores>,
    wall: Duration,
) -> EvaluationLine {
    let tasks = evaluation.tasks.iter().map(|score| {
        let task = score.task.unwrap_or_default();
        TaskLine {
            split: if task.split == 1 { "train" } else { "test" },
            index: task.index,
            returns: score.returns.clone(),
            reward_error: score.reward_error,
            observation_error: score.observation_error,
        }
    });
    EvaluationLine {
        number: evaluation.number,
        wall_s: wall.as_secs_f64(),
        env_steps: evaluation.env_steps,
        updates: evaluation.updates,
        version: evaluation.version,
        last: evaluation.last,
        scores,
        clusters,
        tasks: tasks.collect(),
    }
}

fn columns(
    status: &StatusReply,
    evaluation: Option<(&Evaluation, Scores)>,
    wall: Duration,
) -> [Option<f64>; COLUMNS.len()] {
    let learner = status.learner.clone().unwrap_or_default();
    let alive = status.actors.iter().filter(|actor| actor.alive).count();
    let (env_steps, updates) = match evaluation {
        Some((evaluation, _)) => (evaluation.env_steps, evaluation.updates),
        None => (learner.env_steps, learner.updates),
    };
    let scores = evaluation.map_or_else(Scores::default, |(_, scores)| scores);
    [
        Some(wall.as_secs_f64()),
        Some(to_f64(env_steps)),
        Some(to_f64(updates)),
        scores.train_return,
        scores.test_return,
        scores.test_normalised,
        scores.train_first,
        scores.test_first,
        scores.purity,
        scores.adjusted_rand,
        Some(learner.samples_per_insert),
        Some(status.env_steps_per_s),
        Some(status.updates_per_s),
        Some(to_f64(learner.version)),
        Some(mean_lag(status)),
        Some(to_f64(alive as u64)),
        Some(to_f64(status.trials_done)),
        Some(to_f64(learner.transitions_stored)),
        Some(to_f64(learner.resident_bytes)),
    ]
}

/// Empty when there is no value; integers without a fraction.
fn cell(value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(value) if value.fract() == 0.0 && value.abs() < 1e15 => format!("{value:.0}"),
        Some(value) => format!("{value:.6}"),
    }
}

/// TensorBoard groups scalars by what stands before the slash.
fn group(column: &'static str) -> &'static str {
    match column {
        "train_return" => "return/train",
        "test_return" => "return/test",
        "test_normalised" => "return/test_normalised",
        "train_first" => "return/train_first_episode",
        "test_first" => "return/test_first_episode",
        "purity" => "latents/purity",
        "adjusted_rand" => "latents/adjusted_rand",
        "env_steps_per_s" => "speed/env_steps_per_s",
        "updates_per_s" => "speed/updates_per_s",
        "samples_per_insert" => "speed/samples_per_insert",
        "env_steps" => "count/env_steps",
        "updates" => "count/updates",
        "version" => "count/version",
        "trials_done" => "count/trials_done",
        "transitions_stored" => "count/transitions_stored",
        "lag_actors" => "fleet/lag",
        "actors_alive" => "fleet/actors_alive",
        other => other,
    }
}
