//! Periodic evaluation through leased trials, and its scores.

use crate::collect::Intake;
use proto::v1;
use rand::Rng as _;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use types::experiment::{Context, Evaluation, Experiment};
use types::{
    Behaviour, Belief, FamilySpec, LatentSource, Phase, Purpose, Role, Split, TaskRef, Trial,
    TrialId, TrialOutcome, Version, stream,
};

/// Where training stood when an evaluation was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// 1, 2, 3, … within the run.
    pub number: u64,
    /// Transitions in the replay.
    pub env_steps: u64,
    /// Updates done.
    pub updates: u64,
    /// Weights to evaluate, or newer ones.
    pub version: Version,
    /// Seconds of training before it.
    pub wall_s: f64,
    /// Whether it is the one at the end of the run.
    pub last: bool,
}

/// Complete evaluations that are kept. They are told of twice a second; a coordinator that is away
/// for longer than it takes to make so many misses some of them if the learner ends as well.
const KEPT: usize = 16;

/// Asks for evaluations and gathers their outcomes; one at a time.
#[derive(Debug)]
pub struct Evaluator {
    settings: Evaluation,
    /// Where the latent of the first episode of a trial comes from.
    first: LatentSource,
    seed: u64,
    tasks: Vec<TaskRef>,
    progress: Progress,
}

/// What the learner itself has to say about an evaluation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Remarks {
    /// Mean squared errors of the decoder, of rewards and of next observations, by task.
    pub errors: BTreeMap<u32, [f64; 2]>,
    /// The prior, where it is a mixture.
    pub components: Vec<Component>,
}

/// One Gaussian of a mixture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// Its share.
    pub weight: f64,
    /// `[latent]`.
    pub mean: Vec<f32>,
    /// `[latent]`.
    pub variance: Vec<f32>,
}

/// Where evaluation is; what a checkpoint holds of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Transitions at which the next one is due.
    next_at: u64,
    /// Evaluations begun.
    begun: u64,
    /// The one at the end of the run was begun.
    last: bool,
    pending: Option<Pending>,
    /// The best mean return so far.
    best: Option<f64>,
    /// The last complete ones: the process may end before the coordinator has heard of them.
    complete: VecDeque<Complete>,
}

/// An evaluation of which all outcomes are in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Complete {
    moment: Moment,
    /// Return of each episode, averaged over repeats.
    scores: Vec<(TaskRef, Vec<f64>)>,
    failed: u64,
    beliefs: Vec<(TaskRef, Vec<Vec<Belief>>)>,
    remarks: Remarks,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pending {
    moment: Moment,
    waiting: BTreeMap<TrialId, TaskRef>,
    /// By trial, so that sums do not depend on who came first.
    returns: BTreeMap<TrialId, (TaskRef, Vec<f64>)>,
    failed: u64,
    /// By trial, of those that were asked for them; per episode.
    beliefs: BTreeMap<TrialId, (TaskRef, Vec<Vec<Belief>>)>,
    remarks: Remarks,
}

/// An evaluation that is complete.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// For the coordinator.
    pub evaluation: v1::Evaluation,
    /// The weights were the best so far: the return of the last episode, averaged over test tasks
    /// (training tasks where there are no others).
    pub best: bool,
}

impl Evaluator {
    /// Evaluates all test tasks of `family` and the first training tasks.
    #[must_use]
    pub fn new(experiment: &Experiment, family: &FamilySpec) -> Self {
        let next_at = experiment.evaluation.every_env_steps;
        let progress = Progress {
            next_at,
            begun: 0,
            last: false,
            pending: None,
            best: None,
            complete: VecDeque::new(),
        };
        Self::resume(experiment, family, progress)
    }

    /// As it was.
    #[must_use]
    pub fn resume(experiment: &Experiment, family: &FamilySpec, progress: Progress) -> Self {
        let (settings, seed) = (experiment.evaluation.clone(), experiment.seed);
        let first = match experiment.inference.context {
            Context::Set { .. } => LatentSource::Prior,
            Context::Window { .. } => LatentSource::Posterior,
        };
        let train = family.train.iter().take(settings.train_tasks as usize);
        let tasks = train.chain(&family.test).map(|task| task.id).collect();
        Self { settings, first, seed, tasks, progress }
    }

    /// Where it is.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The last complete evaluations, for a coordinator that may not have heard of them.
    pub fn complete(&self) -> impl Iterator<Item = v1::Evaluation> + '_ {
        self.progress.complete.iter().map(Complete::evaluation)
    }

    /// Whether enough was collected since the last evaluation, and that one is complete.
    #[must_use]
    pub fn is_due(&self, env_steps: u64) -> bool {
        self.progress.pending.is_none() && env_steps >= self.progress.next_at
    }

    /// Whether outcomes are awaited.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.progress.pending.is_some()
    }

    /// Whether the one at the end of the run was begun.
    #[must_use]
    pub fn has_begun_last(&self) -> bool {
        self.progress.last
    }

    /// Training goes on behind the end that it had.
    pub fn forget_last(&mut self) {
        self.progress.last = false;
    }

    /// The number of the next one.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.progress.begun + 1
    }

    /// The trials of an evaluation at `moment`.
    pub fn begin(&mut self, moment: Moment, intake: &impl Intake) -> Vec<Trial> {
        let mut trials = Vec::new();
        for &task in &self.tasks {
            for repeat in 0..self.settings.repeats {
                let id = intake.expect_trial(task, Purpose::Evaluate, self.settings.episodes);
                trials.push(self.trial(id, task, repeat, moment.version));
            }
        }
        self.recall(moment, &trials);
        trials
    }

    /// Takes up an evaluation that was asked for.
    pub fn recall(&mut self, moment: Moment, trials: &[Trial]) {
        let every = self.settings.every_env_steps;
        let waiting = trials.iter().map(|trial| (trial.id, trial.task)).collect();
        let pending = Pending {
            moment,
            waiting,
            returns: BTreeMap::new(),
            failed: 0,
            beliefs: BTreeMap::new(),
            remarks: Remarks::default(),
        };
        let progress = &mut self.progress;
        progress.next_at = (moment.env_steps / every + 1) * every;
        progress.begun = moment.number;
        progress.last = moment.last;
        progress.pending = Some(pending);
    }

    /// Adds what the learner has to say about the evaluation that has begun.
    pub fn remark(&mut self, remarks: Remarks) {
        if let Some(pending) = &mut self.progress.pending {
            pending.remarks = remarks;
        }
    }

    /// Training tasks that are evaluated.
    pub fn train_tasks(&self) -> impl Iterator<Item = u32> + '_ {
        let train = self.tasks.iter().filter(|task| task.split == Split::Train);
        train.map(|task| task.index)
    }

    /// The seed depends on task and repeat alone: all evaluations of a run start alike.
    fn trial(&self, id: TrialId, task: TaskRef, repeat: u32, min_version: Version) -> Trial {
        let split = if task.split == Split::Test { 1 << 32 } else { 0 };
        let index = split + u64::from(task.index);
        let later = self.settings.episodes - 1;
        let phase = |latent, episodes| Phase {
            latent,
            episodes,
            context: true,
            behaviour: Behaviour::Policy,
        };
        let mut phases = vec![phase(self.first, 1)];
        if later > 0 {
            phases.push(phase(LatentSource::Posterior, later));
        }
        // Training trials use sub-stream 0.
        let seed = stream(self.seed, Role::TrialSeed, index, 1 + u64::from(repeat)).next_u64();
        let beliefs = if repeat == 0 { self.settings.latents } else { 0 };
        Trial { id, task, purpose: Purpose::Evaluate, phases, seed, min_version, beliefs }
    }

    /// Takes an outcome; gives the evaluation when it was the last one awaited.
    pub fn take(&mut self, outcome: &TrialOutcome) -> Option<Scored> {
        let pending = self.progress.pending.as_mut()?;
        let task = pending.waiting.remove(&outcome.trial)?;
        match &outcome.failure {
            Some(failure) => {
                tracing::warn!(%task, failure, "an evaluation trial failed; it is left out");
                pending.failed += 1;
            }
            None => {
                let returns = outcome.episodes.iter().map(|e| e.task_return).collect();
                pending.returns.insert(outcome.trial, (task, returns));
                let beliefs: Vec<_> = outcome.episodes.iter().map(|e| e.beliefs.clone()).collect();
                if beliefs.iter().any(|episode| !episode.is_empty()) {
                    pending.beliefs.insert(outcome.trial, (task, beliefs));
                }
            }
        }
        if !pending.waiting.is_empty() {
            return None;
        }
        let complete = self.progress.pending.take()?.complete();
        let evaluation = complete.evaluation();
        self.progress.complete.push_back(complete);
        if self.progress.complete.len() > KEPT {
            self.progress.complete.pop_front();
        }
        let mean = mean_of_last_episodes(&evaluation);
        let best = mean.is_some_and(|mean| self.progress.best.is_none_or(|best| mean > best));
        if best {
            self.progress.best = mean;
        }
        Some(Scored { evaluation, best })
    }
}

impl Pending {
    fn complete(self) -> Complete {
        let mut by_task: BTreeMap<TaskRef, Vec<Vec<f64>>> = BTreeMap::new();
        for (task, returns) in self.returns.into_values() {
            by_task.entry(task).or_default().push(returns);
        }
        let scores = by_task.iter().map(|(task, repeats)| (*task, mean_over_repeats(repeats)));
        Complete {
            moment: self.moment,
            scores: scores.collect(),
            failed: self.failed,
            beliefs: self.beliefs.into_values().collect(),
            remarks: self.remarks,
        }
    }
}

impl Complete {
    fn evaluation(&self) -> v1::Evaluation {
        let Moment { number, env_steps, updates, version, wall_s, last } = self.moment;
        v1::Evaluation {
            env_steps,
            updates,
            version: version.0,
            wall_s,
            tasks: self.scores.iter().map(|score| self.score(score)).collect(),
            last,
            failed: self.failed,
            number,
            components: self.remarks.components.iter().map(component).collect(),
        }
    }

    fn score(&self, (task, returns): &(TaskRef, Vec<f64>)) -> v1::TaskScore {
        let wire = |beliefs: &Vec<Belief>| v1::Beliefs {
            beliefs: beliefs.iter().cloned().map(Into::into).collect(),
        };
        let beliefs = self.beliefs.iter().filter(|(of, _)| of == task).flat_map(|(_, b)| b);
        let errors = self.remarks.errors.get(&task.index).filter(|_| task.split == Split::Train);
        v1::TaskScore {
            task: Some((*task).into()),
            returns: returns.clone(),
            episodes: beliefs.map(wire).collect(),
            reward_error: errors.map(|errors| errors[0]),
            observation_error: errors.map(|errors| errors[1]),
        }
    }
}

fn component(component: &Component) -> v1::Component {
    let Component { weight, mean, variance } = component.clone();
    v1::Component { weight, mean, variance }
}

fn mean_over_repeats(repeats: &[Vec<f64>]) -> Vec<f64> {
    let episodes = repeats.iter().map(Vec::len).min().unwrap_or(0);
    let mean = |episode: usize| {
        repeats.iter().map(|returns| returns[episode]).sum::<f64>() / repeats.len() as f64
    };
    (0..episodes).map(mean).collect()
}

fn mean_of_last_episodes(evaluation: &v1::Evaluation) -> Option<f64> {
    let of = |split: Split| {
        let split = v1::TaskRef::from(TaskRef { split, index: 0 }).split;
        let tasks = evaluation.tasks.iter().filter(|t| t.task.is_some_and(|t| t.split == split));
        let last: Vec<f64> = tasks.filter_map(|task| task.returns.last().copied()).collect();
        (!last.is_empty()).then(|| last.iter().sum::<f64>() / last.len() as f64)
    };
    of(Split::Test).or_else(|| of(Split::Train))
}
