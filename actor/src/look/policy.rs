//! Whose actions are played.

use super::Error;
use crate::adaptive::AdaptiveAgent;
use crate::agent::Agent;
use crate::evaluate::phases;
use crate::rollout::fill_uniform;
use envs::{Oracle, TaskFamily};
use nets::AgentSpec;
use rand_chacha::ChaCha8Rng;
use types::{Experiment, Purpose, Role, Split, Task, TaskRef, Trial, TrialId, Version, stream};

/// Who acts.
pub enum Policy {
    /// Each number of an action is drawn from U(-1, 1).
    Random(Box<ChaCha8Rng>),
    /// Each number is 0.
    Zero,
    /// The best that can be done, see [`Oracle`].
    Oracle(Box<dyn Oracle>),
    /// Weights of a run.
    Trained(Box<Trained>),
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Random(_) => "Random",
            Self::Zero => "Zero",
            Self::Oracle(_) => "Oracle",
            Self::Trained(_) => "Trained",
        })
    }
}

impl Policy {
    /// Uniformly random actions.
    #[must_use]
    pub fn random() -> Self {
        // Begins anew in each episode.
        Self::Random(Box::new(stream(0, Role::Action, 0, 0)))
    }

    /// The oracle of `family` for `task`.
    ///
    /// # Errors
    /// [`Error::NoOracle`].
    pub fn oracle(family: &dyn TaskFamily, task: &Task) -> Result<Self, Error> {
        let oracle = family.oracle(task);
        oracle.map(Self::Oracle).ok_or_else(|| Error::NoOracle { family: family.name().to_owned() })
    }

    /// Gets ready for episode number `episode` of what `seed` decides.
    pub(super) fn begin(&mut self, seed: u64, episode: u32) -> Result<(), Error> {
        match self {
            Self::Random(dice) => **dice = stream(seed, Role::Action, episode.into(), 0),
            Self::Trained(trained) => trained.begin(seed, episode)?,
            Self::Zero | Self::Oracle(_) => {}
        }
        Ok(())
    }

    /// Writes the `action` for an `observation`.
    pub(super) fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), Error> {
        match self {
            Self::Random(dice) => fill_uniform(dice, action),
            Self::Zero => action.fill(0.0),
            Self::Oracle(oracle) => oracle.act(observation, action),
            Self::Trained(trained) => trained.act(observation, action)?,
        }
        Ok(())
    }

    /// Takes what came of the last action.
    pub(super) fn receive(&mut self, reward: f64, next_observation: &[f32]) -> Result<(), Error> {
        match self {
            Self::Trained(trained) => trained.receive(reward, next_observation),
            Self::Random(_) | Self::Zero | Self::Oracle(_) => Ok(()),
        }
    }
}

/// Weights of a run, which adapt to a task as in an evaluation: where they infer it from a set, in
/// the first episode z is from the prior, then from the posterior of all episodes before; where
/// from a window, from the posterior at each step.
#[derive(Debug)]
pub struct Trained {
    agent: AdaptiveAgent,
    /// An evaluation without end.
    trial: Trial,
    horizon: usize,
    given: Vec<f32>,
    /// Evaluation has none.
    noise: Vec<f32>,
}

/// The one environment of a stage.
const SLOT: usize = 0;

impl Trained {
    /// The weights in `checkpoint` (safetensors bytes, as published) of a run of `experiment`, for
    /// the `family` that it builds.
    ///
    /// # Errors
    /// [`Error::Weights`] if they are not those of the experiment.
    pub fn load(
        family: &dyn TaskFamily,
        experiment: &Experiment,
        checkpoint: &[u8],
    ) -> Result<Self, Error> {
        let spec = AgentSpec::of(experiment, &family.spec());
        let agent = Agent::load(&spec, checkpoint, Version::default())?;
        Ok(Self {
            agent: AdaptiveAgent::new(Box::new(agent), SLOT + 1)?,
            trial: endless(experiment),
            horizon: family.spec().horizon,
            given: vec![0.0; spec.policy.latent],
            noise: vec![0.0; spec.policy.action],
        })
    }

    fn begin(&mut self, seed: u64, episode: u32) -> Result<(), Error> {
        self.trial.seed = seed;
        if episode == 0 {
            self.agent.begin_trial(SLOT)?;
        }
        let (trial, given) = (&self.trial, &mut self.given);
        Ok(self.agent.begin_episode(SLOT, trial, episode, self.horizon, given)?)
    }

    fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), Error> {
        self.agent.infer(std::iter::once(SLOT), &mut self.given)?;
        self.agent.act(observation, &self.given, &self.noise, action)?;
        self.agent.see(SLOT, observation, action);
        Ok(())
    }

    fn receive(&mut self, reward: f64, next_observation: &[f32]) -> Result<(), Error> {
        Ok(self.agent.receive(SLOT, reward, next_observation)?)
    }
}

/// An evaluation trial with more episodes than anybody watches; its task and its seed do not matter
/// here.
fn endless(experiment: &Experiment) -> Trial {
    Trial {
        id: TrialId(0),
        task: TaskRef { split: Split::Test, index: 0 },
        purpose: Purpose::Evaluate,
        phases: phases(experiment, u32::MAX),
        seed: 0,
        min_version: Version::default(),
        beliefs: 0,
    }
}
