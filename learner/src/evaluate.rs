//! Periodic evaluation through leased trials, and its scores.

use crate::collect::Intake;
use proto::v1;
use rand::Rng as _;
use std::collections::BTreeMap;
use types::experiment::Evaluation;
use types::{
    FamilySpec, LatentSource, Phase, Purpose, Role, Split, TaskRef, Trial, TrialId, TrialOutcome,
    Version, stream,
};

/// Where training stood when an evaluation was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Transitions stored.
    pub env_steps: u64,
    /// Updates done.
    pub updates: u64,
    /// Weights to evaluate, or newer ones.
    pub version: Version,
    /// Seconds since the learner's start.
    pub wall_s: f64,
    /// Whether it is the one at the end of the run.
    pub last: bool,
}

/// Asks for evaluations and gathers their outcomes; one at a time.
#[derive(Debug)]
pub struct Evaluator {
    settings: Evaluation,
    seed: u64,
    tasks: Vec<TaskRef>,
    next_at: u64,
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    moment: Moment,
    waiting: BTreeMap<TrialId, TaskRef>,
    returns: BTreeMap<TaskRef, Vec<Vec<f64>>>,
    failed: u64,
}

impl Evaluator {
    /// Evaluates all test tasks of `family` and the first training tasks.
    #[must_use]
    pub fn new(settings: Evaluation, seed: u64, family: &FamilySpec) -> Self {
        let train = family.train.iter().take(settings.train_tasks as usize);
        let tasks = train.chain(&family.test).map(|task| task.id).collect();
        let next_at = settings.every_env_steps;
        Self { settings, seed, tasks, next_at, pending: None }
    }

    /// Whether enough was collected since the last evaluation, and that one is complete.
    #[must_use]
    pub fn is_due(&self, env_steps: u64) -> bool {
        self.pending.is_none() && env_steps >= self.next_at
    }

    /// Whether outcomes are awaited.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The trials of an evaluation at `moment`.
    pub fn begin(&mut self, moment: Moment, intake: &impl Intake) -> Vec<Trial> {
        let every = self.settings.every_env_steps;
        self.next_at = (moment.env_steps / every + 1) * every;
        let mut waiting = BTreeMap::new();
        let mut trials = Vec::new();
        for &task in &self.tasks {
            for repeat in 0..self.settings.repeats {
                let id = intake.expect_trial(task, Purpose::Evaluate, self.settings.episodes);
                let trial = self.trial(id, task, repeat, moment.version);
                waiting.insert(trial.id, task);
                trials.push(trial);
            }
        }
        self.pending = Some(Pending { moment, waiting, returns: BTreeMap::new(), failed: 0 });
        trials
    }

    /// The seed depends on task and repeat alone: all evaluations of a run start alike.
    fn trial(&self, id: TrialId, task: TaskRef, repeat: u32, min_version: Version) -> Trial {
        let split = if task.split == Split::Test { 1 << 32 } else { 0 };
        let index = split + u64::from(task.index);
        let later = self.settings.episodes - 1;
        let phase = |latent, episodes| Phase { latent, episodes, context: true };
        let mut phases = vec![phase(LatentSource::Prior, 1)];
        if later > 0 {
            phases.push(phase(LatentSource::Posterior, later));
        }
        // Training trials use sub-stream 0.
        let seed = stream(self.seed, Role::TrialSeed, index, 1 + u64::from(repeat)).next_u64();
        Trial { id, task, purpose: Purpose::Evaluate, phases, seed, min_version }
    }

    /// Takes an outcome; gives the evaluation when it was the last one awaited.
    pub fn take(&mut self, outcome: &TrialOutcome) -> Option<v1::Evaluation> {
        let pending = self.pending.as_mut()?;
        let task = pending.waiting.remove(&outcome.trial)?;
        match &outcome.failure {
            Some(failure) => {
                tracing::warn!(%task, failure, "an evaluation trial failed; it is left out");
                pending.failed += 1;
            }
            None => {
                let returns = outcome.episodes.iter().map(|e| e.task_return).collect();
                pending.returns.entry(task).or_default().push(returns);
            }
        }
        if !pending.waiting.is_empty() {
            return None;
        }
        self.pending.take().map(Pending::scores)
    }
}

impl Pending {
    fn scores(self) -> v1::Evaluation {
        let score = |(task, repeats): (TaskRef, Vec<Vec<f64>>)| v1::TaskScore {
            task: Some(task.into()),
            returns: mean_over_repeats(&repeats),
        };
        let Moment { env_steps, updates, version, wall_s, last } = self.moment;
        v1::Evaluation {
            env_steps,
            updates,
            version: version.0,
            wall_s,
            tasks: self.returns.into_iter().map(score).collect(),
            last,
            failed: self.failed,
            number: 0,
        }
    }
}

fn mean_over_repeats(repeats: &[Vec<f64>]) -> Vec<f64> {
    let episodes = repeats.iter().map(Vec::len).min().unwrap_or(0);
    let mean = |episode: usize| {
        repeats.iter().map(|returns| returns[episode]).sum::<f64>() / repeats.len() as f64
    };
    (0..episodes).map(mean).collect()
}
