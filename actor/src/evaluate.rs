//! Evaluation of a checkpoint in this process: the rollout of an actor, without a network.

use crate::Error;
use crate::agent::Agent;
use crate::rollout::{Local, Rollout};
use nets::AgentSpec;
use rand::Rng as _;
use serde::Serialize;
use std::collections::BTreeMap;
use types::experiment::Context;
use types::{
    Behaviour, Belief, Experiment, LatentSource, Parameter, Phase, Purpose, Role, Split, Task,
    TaskRef, Trial, TrialId, TrialOutcome, Version, stream,
};

/// Which tasks are evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Splits {
    /// Training tasks: as many as the experiment evaluates.
    Train,
    /// All test tasks.
    Test,
    /// Both.
    Both,
}

impl Splits {
    fn has(self, split: Split) -> bool {
        match self {
            Self::Both => true,
            Self::Train => split == Split::Train,
            Self::Test => split == Split::Test,
        }
    }
}

/// What came out, task by task and on average.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Every task evaluated.
    pub tasks: Vec<TaskReturns>,
    /// Mean over training tasks of the return of the last adaptation episode.
    pub train_return: Option<f64>,
    /// Mean over test tasks of the return of the last adaptation episode.
    pub test_return: Option<f64>,
    /// The same on a scale with 0 at random actions and 1 at an oracle, where there is one.
    pub test_normalised: Option<f64>,
    /// What the agent believed, episode by episode; empty unless `evaluation.latents` asks for it.
    #[serde(skip)]
    pub beliefs: Vec<EpisodeBeliefs>,
}

/// How one task went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskReturns {
    /// Which task.
    pub task: TaskRef,
    /// What it is.
    pub parameters: Vec<Parameter>,
    /// Return of each adaptation episode, mean over repeats.
    pub returns: Vec<f64>,
}

/// What the agent believed in one episode.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpisodeBeliefs {
    /// The task of the trial.
    pub task: TaskRef,
    /// Number of the trial among those of the task, from 0.
    pub repeat: u64,
    /// Number of the episode, from 0.
    pub episode: u64,
    /// `evaluation.latents` moments, evenly spaced, the last at the end.
    pub beliefs: Vec<Belief>,
}

/// Plays `repeats` trials of `episodes` adaptation episodes on each task with the weights in
/// `checkpoint` (safetensors bytes, as published). Where the task is inferred from a set, the first
/// episode has z from the prior and the others from the posterior of what the trial has shown so
/// far; where it is inferred from a window, z is from the posterior throughout. `seed` fixes the
/// result.
///
/// # Errors
/// A checkpoint that is none, or is of another agent than the experiment's; an environment that
/// cannot be had; a trial that fails.
pub fn evaluate(
    experiment: &Experiment,
    checkpoint: &[u8],
    splits: Splits,
) -> Result<Evaluation, Error> {
    let family = envs::build(&experiment.environment)?;
    let spec = AgentSpec::of(experiment, &family.spec());
    let of = |split| match splits.has(split) {
        true => family.tasks(split),
        false => Vec::new(),
    };
    let mut tasks = of(Split::Train);
    tasks.truncate(experiment.evaluation.train_tasks as usize);
    tasks.extend(of(Split::Test));
    let trials = trials(experiment, &tasks);
    let slots = trials.len().clamp(1, experiment.actors.environments as usize);
    let agent = Agent::load(&spec, checkpoint, Version::default())?;
    let reference = match splits.has(Split::Test) {
        true => envs::describe(&family)?.reference,
        false => None,
    };
    let mut rollout = Rollout::new(family, &spec, slots, 1)?;
    let mut link = Local::new(agent, trials.into_iter(), drop);
    rollout.run(&mut link)?;
    let mut outcomes = link.outcomes;
    // The order in which trials end depends on the number of slots; results must not.
    outcomes.sort_by_key(|outcome| outcome.trial);
    let tasks = summarise(tasks, &outcomes)?;
    let test_return = mean(&tasks, Split::Test);
    Ok(Evaluation {
        train_return: mean(&tasks, Split::Train),
        test_return,
        test_normalised: reference.and_then(|r| Some(r.normalise(test_return?))),
        tasks,
        beliefs: beliefs(outcomes, experiment.evaluation.repeats),
    })
}

/// The phases of an evaluation trial of so many episodes.
pub(crate) fn phases(experiment: &Experiment, episodes: u32) -> Vec<Phase> {
    let phase =
        |latent, episodes| Phase { latent, episodes, context: true, behaviour: Behaviour::Policy };
    match experiment.inference.context {
        Context::Set { .. } => vec![
            phase(LatentSource::Prior, 1),
            phase(LatentSource::Posterior, episodes.saturating_sub(1)),
        ],
        Context::Window { .. } => vec![phase(LatentSource::Posterior, episodes)],
    }
}

fn trials(experiment: &Experiment, tasks: &[Task]) -> Vec<Trial> {
    let evaluation = &experiment.evaluation;
    let phases = phases(experiment, evaluation.episodes);
    let mut trials = Vec::new();
    for task in tasks {
        for repeat in 0..evaluation.repeats {
            let (split, index) = (task.id.split, u64::from(task.id.index));
            let which = 2 * index + u64::from(split == Split::Test);
            let mut seeds = stream(experiment.seed, Role::TrialSeed, which, repeat.into());
            trials.push(Trial {
                id: TrialId(trials.len() as u64),
                task: task.id,
                purpose: Purpose::Evaluate,
                phases: phases.clone(),
                seed: seeds.next_u64(),
                min_version: Version::default(),
                beliefs: evaluation.latents,
            });
        }
    }
    trials
}

fn summarise(tasks: Vec<Task>, outcomes: &[TrialOutcome]) -> Result<Vec<TaskReturns>, Error> {
    let mut of_task: BTreeMap<TaskRef, Vec<&TrialOutcome>> = BTreeMap::new();
    for outcome in outcomes {
        if let Some(failure) = &outcome.failure {
            return Err(Error::Evaluation { task: outcome.task, failure: failure.clone() });
        }
        of_task.entry(outcome.task).or_default().push(outcome);
    }
    let summary = |task: Task| {
        let outcomes = of_task.remove(&task.id).unwrap_or_default();
        TaskReturns { task: task.id, parameters: task.parameters, returns: mean_returns(&outcomes) }
    };
    Ok(tasks.into_iter().map(summary).collect())
}

/// The beliefs in all `outcomes`, which are in the order of their trials, `repeats` for each task.
fn beliefs(outcomes: Vec<TrialOutcome>, repeats: u32) -> Vec<EpisodeBeliefs> {
    let of_trial = |outcome: TrialOutcome| {
        let (task, repeat) = (outcome.task, outcome.trial.0 % u64::from(repeats.max(1)));
        let episodes = (0..).zip(outcome.episodes);
        episodes.map(move |(episode, e)| EpisodeBeliefs {
            task,
            repeat,
            episode,
            beliefs: e.beliefs,
        })
    };
    let all = outcomes.into_iter().flat_map(of_trial);
    all.filter(|episode| !episode.beliefs.is_empty()).collect()
}

fn mean_returns(outcomes: &[&TrialOutcome]) -> Vec<f64> {
    let episodes = outcomes.first().map_or(0, |o| o.episodes.len());
    let mean = |episode| {
        let returns = outcomes.iter().filter_map(|o| o.episodes.get(episode));
        average(returns.map(|e: &types::EpisodeOutcome| e.task_return))
    };
    (0..episodes).filter_map(mean).collect()
}

/// Mean over the tasks of a split of the last episode's return.
fn mean(tasks: &[TaskReturns], split: Split) -> Option<f64> {
    let of_split = tasks.iter().filter(|t| t.task.split == split);
    average(of_split.filter_map(|t| t.returns.last().copied()))
}

fn average(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value;
        count += 1.0;
    }
    (count > 0.0).then(|| sum / count)
}
