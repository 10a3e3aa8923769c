//! The schema of an experiment file: one whole TOML file per experiment, every key spelled out.
//!
//! There are no defaults on purpose: the file in the run directory says all there is to say.

mod inference;
mod symmetry;

pub use inference::*;
pub use symmetry::{Generator, SignedPermutation, Symmetry};

use crate::Behaviour;
use crate::environment::{Change, ContextSet, Environment, Scale, Values, When};
use serde::{Deserialize, Serialize};

/// A value that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: expected {expected}, got {got}")]
pub struct InvalidValue {
    /// Dotted path of the key, as in `--set key=value`.
    pub key: &'static str,
    /// What would be right.
    pub expected: &'static str,
    /// What was there.
    pub got: String,
}

/// A whole experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Names the run directory: `runs/<name>/<time>-s<seed>/`.
    pub name: String,
    /// Everything random derives from this.
    pub seed: u64,
    /// What is trained on.
    pub environment: Environment,
    /// When it is enough.
    pub budget: Budget,
    /// The fleet.
    pub actors: Actors,
    /// What is collected.
    pub collection: Collection,
    /// How the task is inferred.
    pub inference: Inference,
    /// How the agent acts and learns.
    pub agent: Agent,
    /// Which mirror images of a situation the networks treat alike; without it, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symmetry: Option<Symmetry>,
    /// The gradient steps.
    pub learner: Learner,
    /// What is kept of the experience.
    pub replay: Replay,
    /// How progress is judged.
    pub evaluation: Evaluation,
    /// Where the processes meet.
    pub network: Network,
}

/// `[budget]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Training transitions to collect; evaluation is not counted.
    pub env_steps: u64,
}

/// `[actors]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actors {
    /// Actor processes that `train` starts on this machine.
    pub count: u32,
    /// Environments stepped together by one actor process, with one batched inference per step.
    pub environments: u32,
    /// Transitions per message on the wire, 1 to 512.
    pub chunk: u32,
    /// Transitions an actor may hold that the learner has not yet acknowledged; stepping waits
    /// when they are used up.
    pub unacknowledged: u32,
    /// Seconds that one environment step may take. A simulation that takes longer is given up: its
    /// trial is reported as failed, and the actor process starts anew.
    pub step_timeout_s: f64,
}

/// How collection and learning take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// At the same time, held together by the samples-per-insert ratio.
    Async,
    /// In turns: `open_trials` trials are collected with one version of the weights, inserted in
    /// the order of their ids, and paid for with updates, before the next ones are asked for. A
    /// seed then gives the same bits for any number of actors, and across restarts.
    Lockstep,
}

/// `[collection]`: what one training trial collects and how much there is per gradient step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collection {
    /// How collection and learning take turns.
    pub mode: Mode,
    /// Episodes with z from the prior that every training task gets before the first update.
    pub initial_episodes: u32,
    /// Per trial: episodes with z ~ prior, kept as context.
    pub prior_episodes: u32,
    /// Per trial, then: episodes with z ~ posterior, kept as context.
    pub posterior_episodes: u32,
    /// Per trial, then: episodes with z ~ posterior, for the agent only.
    pub extra_episodes: u32,
    /// Transitions sampled for gradient steps per transition inserted after the initial ones.
    pub samples_per_insert: f64,
    /// Transitions by which collection may run ahead of learning.
    pub tolerance: u64,
    /// Trials leased or waiting to be at any time; in lockstep, trials of one iteration.
    pub open_trials: u32,
    /// A lease is not granted to an actor whose weights are more versions behind than this.
    pub max_lag: u64,
    /// Which training task the next trial is for; without it, any.
    #[serde(default, skip_serializing_if = "Select::is_random")]
    pub select: Select,
    /// Episodes per trial, before the others, in which the policy does not act; without it, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explore: Option<Explore>,
    /// Who acts in the initial episodes; without it, the policy.
    #[serde(default, skip_serializing_if = "Behaviour::is_policy")]
    pub initial_behaviour: Behaviour,
}

/// Episodes in which the policy does not act: experience for the encoder that does not depend on
/// what the agent has come to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explore {
    /// How many per trial.
    pub episodes: u32,
    /// Who acts.
    pub behaviour: Behaviour,
}

/// Which training task the next trial is for, once every task has its initial experience. Updates
/// draw from all tasks in any case.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by", deny_unknown_fields)]
pub enum Select {
    /// Each with equal probability.
    #[default]
    Random,
    /// One after another.
    RoundRobin,
    /// Always the same.
    Fixed {
        /// Its position in the list of training tasks.
        task: u32,
    },
    /// By how their returns have changed: tasks that improve least, or most, come more often, and so
    /// do those that have had few trials (TIGR).
    Performance {
        /// Which ones.
        prefer: Prefer,
    },
    /// Those of a list, one after another; some may be in it more than once.
    List {
        /// Positions in the list of training tasks.
        tasks: Vec<u32>,
    },
}

/// Which tasks come more often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prefer {
    /// Those that improve least.
    Worst,
    /// Those that improve most.
    Best,
}

impl Select {
    /// Whether it is what there is without `collection.select`.
    #[must_use]
    pub fn is_random(&self) -> bool {
        *self == Self::Random
    }

    /// The tasks that are named.
    #[must_use]
    pub fn named(&self) -> &[u32] {
        match self {
            Self::Random | Self::RoundRobin | Self::Performance { .. } => &[],
            Self::Fixed { task } => std::slice::from_ref(task),
            Self::List { tasks } => tasks,
        }
    }
}

/// Which value functions SAC learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CriticForm {
    /// Twin Q with twin target Q and the entropy in the target.
    TwinQ,
    /// Twin Q, a state value network V and its target, as in the original PEARL.
    VNetwork,
}

/// Weight α of the entropy in values and policy loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Temperature {
    /// Always the same.
    Fixed {
        /// α.
        value: f64,
    },
    /// Adjusted so that the policy has a certain entropy (Haarnoja et al. 2018, arXiv 1812.05905).
    Automatic {
        /// α at the start.
        initial: f64,
        /// Entropy aimed at, per action component; −1 is usual.
        entropy: f64,
    },
}

/// `[agent]`: soft actor–critic conditioned on z.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Which value functions.
    pub critic: CriticForm,
    /// Hidden layers of policy and critics.
    pub hidden: Vec<usize>,
    /// Discount per step.
    pub discount: f64,
    /// Fraction of the way that target networks move per update.
    pub target_rate: f64,
    /// Rewards are multiplied by this.
    pub reward_scale: f64,
    /// Weight α of the entropy.
    pub temperature: Temperature,
    /// Weight of mean(μ²) of the pre-squash Gaussian in the policy loss.
    pub mean_penalty: f64,
    /// Weight of mean(log σ ²) in the policy loss.
    pub log_std_penalty: f64,
}

/// `[learner]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learner {
    /// `auto`, `cpu`, `cuda` or `cuda:<index>`.
    pub device: String,
    /// CPU threads for tensor operations; 0 = all cores.
    pub threads: usize,
    /// Tasks per update.
    pub tasks: usize,
    /// Transitions per task and update.
    pub transitions: usize,
    /// Step size of Adam for all networks.
    pub learning_rate: f64,
    /// Updates between two publications of weights.
    pub publish_every: u64,
    /// Seconds between two checkpoints; one more is written at the end.
    pub checkpoint_seconds: f64,
    /// Checkpoints kept, the newest ones: at least two, for one may be damaged. The best weights are
    /// kept besides.
    pub checkpoints: u32,
}

/// What an acknowledged transition outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The end of any process, by `kill -9` too.
    Process,
    /// The end of the machine: an acknowledgement waits until the disk has it.
    Disk,
}

/// `[replay]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Transitions kept per task; the oldest go first.
    pub transitions_per_task: usize,
    /// What an acknowledged transition outlives.
    pub durability: Durability,
    /// MiB of one segment file of the experience log; what is no longer needed goes segment by
    /// segment.
    pub segment_mib: u32,
}

/// `[evaluation]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Training transitions between two evaluations; one more follows at the end.
    pub every_env_steps: u64,
    /// Adaptation episodes per evaluation trial: the first with z from the prior, then from the
    /// posterior of the context so far. The return of the last one counts.
    pub episodes: u32,
    /// Training tasks evaluated (the first so many); test tasks are all evaluated.
    pub train_tasks: u32,
    /// Trials per task whose returns are averaged.
    pub repeats: u32,
    /// Moments per episode at which the posterior is recorded, for pictures and scores of the
    /// latent space; 0 for none.
    pub latents: u32,
}

/// `[network]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Address of the coordinator; port 0 picks a free one.
    pub coordinator: String,
    /// Address the learner listens on; port 0 picks a free one.
    pub learner: String,
}

/// Checks that `section.key` lies between two literals, both included.
macro_rules! within {
    ($section:ident.$key:ident, $least:literal to $most:literal) => {
        check(
            ($least..=$most).contains(&$section.$key),
            concat!(stringify!($section), ".", stringify!($key)),
            concat!($least, " to ", $most),
            $section.$key,
        )
    };
}

impl Experiment {
    /// Checks what types cannot: ranges and relations between keys.
    ///
    /// # Errors
    /// The first value that cannot be right.
    pub fn validate(&self) -> Result<(), InvalidValue> {
        self.validate_name()?;
        self.validate_environment()?;
        self.validate_counts()?;
        self.validate_sizes()?;
        self.inference.validate()?;
        self.symmetry.as_ref().map_or(Ok(()), Symmetry::validate)?;
        let both = self.symmetry.is_some() && self.inference.normalise;
        check(!both, "inference.normalise", "false where there is a symmetry", true)?;
        self.validate_rates()?;
        self.validate_addresses()
    }

    fn validate_name(&self) -> Result<(), InvalidValue> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let name = &self.name;
        let good = !name.is_empty() && !name.starts_with('.') && name.chars().all(allowed);
        check(good, "name", "letters, digits, '-', '_' or '.', not starting with '.'", name)
    }

    fn validate_environment(&self) -> Result<(), InvalidValue> {
        let environment = &self.environment;
        let python = environment.gymnasium.as_ref();
        check(
            python.is_some() == (environment.family == "gymnasium"),
            "environment.gymnasium",
            "a table for the family \"gymnasium\", and none for others",
            python.map_or_else(|| "none".to_owned(), |python| format!("{python:?}")),
        )?;
        if let Some(horizon) = python.and_then(|python| python.horizon) {
            at_least_one("environment.gymnasium.horizon", horizon.into())?;
        }
        environment.change.map_or(Ok(()), validate_change)?;
        let Some(contexts) = &environment.contexts else {
            return Ok(());
        };
        validate_contexts("environment.contexts.train", &contexts.train)?;
        validate_contexts("environment.contexts.test", &contexts.test)
    }

    /// Bounds keep sums and products of these counts, and what is allocated for them, in range.
    fn validate_counts(&self) -> Result<(), InvalidValue> {
        let Self { budget, actors, collection, learner, evaluation, .. } = self;
        at_least_one("budget.env_steps", budget.env_steps)?;
        within!(actors.count, 0 to 4096)?;
        within!(actors.environments, 1 to 1024)?;
        within!(actors.chunk, 1 to 512)?;
        let spool = actors.unacknowledged;
        let least = 2 * actors.chunk;
        check(spool >= least, "actors.unacknowledged", "at least 2 × actors.chunk", spool)?;
        within!(actors.step_timeout_s, 0.001 to 86_400.0)?;
        within!(collection.initial_episodes, 1 to 10_000)?;
        within!(collection.prior_episodes, 0 to 10_000)?;
        within!(collection.posterior_episodes, 0 to 10_000)?;
        within!(collection.extra_episodes, 0 to 10_000)?;
        self.validate_episodes()?;
        within!(collection.open_trials, 1 to 10_000)?;
        let some = collection.select != Select::List { tasks: Vec::new() };
        check(some, "collection.select.tasks", "at least one task", "none")?;
        at_least_one("learner.publish_every", learner.publish_every)?;
        within!(learner.checkpoints, 2 to 1000)?;
        at_least_one("evaluation.every_env_steps", evaluation.every_env_steps)?;
        within!(evaluation.episodes, 1 to 10_000)?;
        within!(evaluation.latents, 0 to 1000)?;
        within!(evaluation.repeats, 1 to 10_000)
    }

    /// A trial has episodes, and a set its context.
    fn validate_episodes(&self) -> Result<(), InvalidValue> {
        let c = &self.collection;
        let explored = c.explore.map_or(0, |explore| explore.episodes);
        check(explored <= 10_000, "collection.explore.episodes", "0 to 10000", explored)?;
        if let Context::Set { .. } = self.inference.context {
            return at_least_one("collection.prior_episodes", c.prior_episodes.into());
        }
        let all = c.prior_episodes + c.posterior_episodes + c.extra_episodes;
        at_least_one("collection.posterior_episodes", all.into())
    }

    fn validate_sizes(&self) -> Result<(), InvalidValue> {
        let Self { agent, learner, replay, .. } = self;
        hidden("agent.hidden", &agent.hidden)?;
        within!(learner.tasks, 1 to 65_536)?;
        within!(learner.transitions, 1 to 65_536)?;
        within!(replay.segment_mib, 1 to 4096)?;
        within!(replay.transitions_per_task, 1 to 1_000_000_000)
    }

    fn validate_rates(&self) -> Result<(), InvalidValue> {
        let Self { collection, agent, learner, .. } = self;
        positive("collection.samples_per_insert", collection.samples_per_insert)?;
        not_negative("agent.mean_penalty", agent.mean_penalty)?;
        not_negative("agent.log_std_penalty", agent.log_std_penalty)?;
        positive("agent.reward_scale", agent.reward_scale)?;
        match agent.temperature {
            Temperature::Fixed { value } => not_negative("agent.temperature.value", value)?,
            Temperature::Automatic { initial, entropy } => {
                positive("agent.temperature.initial", initial)?;
                check(
                    entropy.is_finite(),
                    "agent.temperature.entropy",
                    "a finite number",
                    entropy,
                )?;
            }
        }
        positive("learner.learning_rate", learner.learning_rate)?;
        positive("learner.checkpoint_seconds", learner.checkpoint_seconds)?;
        let discount = agent.discount;
        check(
            (0.0..1.0).contains(&discount),
            "agent.discount",
            "at least 0 and below 1",
            discount,
        )?;
        let rate = agent.target_rate;
        check(rate > 0.0 && rate <= 1.0, "agent.target_rate", "above 0 and at most 1", rate)?;
        let device = learner.device.as_str();
        let index = device.strip_prefix("cuda:").map(str::parse::<usize>);
        let good = matches!(device, "auto" | "cpu" | "cuda") || matches!(index, Some(Ok(_)));
        check(good, "learner.device", "auto, cpu, cuda or cuda:<index>", device)
    }

    fn validate_addresses(&self) -> Result<(), InvalidValue> {
        let expected = "an address such as 127.0.0.1:0";
        let is_address = |text: &str| text.parse::<std::net::SocketAddr>().is_ok();
        let Network { coordinator, learner } = &self.network;
        check(is_address(coordinator), "network.coordinator", expected, coordinator)?;
        check(is_address(learner), "network.learner", expected, learner)
    }
}

fn validate_change(change: Change) -> Result<(), InvalidValue> {
    match change.when {
        When::Place { every, jitter } => {
            positive("environment.change.when.every", every)?;
            not_negative("environment.change.when.jitter", jitter)
        }
        When::Time { every } => at_least_one("environment.change.when.every", every.into()),
        When::Chance { probability: p, .. } => {
            let key = "environment.change.when.probability";
            check(p > 0.0 && p <= 1.0, key, "above 0 and at most 1", p)
        }
    }
}

fn validate_contexts(key: &'static str, set: &ContextSet) -> Result<(), InvalidValue> {
    check((1..=100_000).contains(&set.count), key, "a count of 1 to 100000", set.count)?;
    for (feature, values) in &set.features {
        let got = format!("{feature} = {values:?}");
        match values {
            Values::Range { low, high, scale } => {
                let finite = low.is_finite() && high.is_finite() && low <= high;
                check(finite, key, "ranges of finite numbers, low at most high", &got)?;
                let positive = *scale == Scale::Linear || *low > 0.0;
                check(positive, key, "logarithmic ranges above 0", got)?;
            }
            Values::List { values } => {
                let fits = values.len() == set.count as usize;
                check(fits, key, "lists with as many values as there are contexts", &got)?;
                let finite = values.iter().all(|value| value.is_finite());
                check(finite, key, "finite values", got)?;
            }
        }
    }
    Ok(())
}

fn check(
    good: bool,
    key: &'static str,
    expected: &'static str,
    got: impl ToString,
) -> Result<(), InvalidValue> {
    if good { Ok(()) } else { Err(InvalidValue { key, expected, got: got.to_string() }) }
}

fn at_least_one(key: &'static str, value: u64) -> Result<(), InvalidValue> {
    check(value >= 1, key, "at least 1", value)
}

fn positive(key: &'static str, value: f64) -> Result<(), InvalidValue> {
    check(value > 0.0 && value.is_finite(), key, "a finite number above 0", value)
}

fn not_negative(key: &'static str, value: f64) -> Result<(), InvalidValue> {
    check(value >= 0.0 && value.is_finite(), key, "a finite number, 0 or above", value)
}

fn hidden(key: &'static str, sizes: &[usize]) -> Result<(), InvalidValue> {
    let good = !sizes.is_empty() && sizes.iter().all(|n| (1..=8192).contains(n));
    check(good, key, "a list of layer widths, each 1 to 8192", format!("{sizes:?}"))
}
