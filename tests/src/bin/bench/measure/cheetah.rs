//! HalfCheetah with PEARL at the published sizes: policy 3×300, encoder 3×200, latent 5, chunks of
//! one whole episode of 200 transitions.

use crate::measure::rollouts::Setting;
use anyhow::Context as _;
use envs::TaskFamily;
use nets::{AgentSpec, Params};
use types::{
    Behaviour, Experiment, LatentSource, Phase, Purpose, Role, Split, TaskRef, Trial, TrialId,
    Version, stream,
};

/// The family that stands for all that run a HalfCheetah.
const FAMILY: &str = "cheetah-vel";

/// Its training tasks.
pub(crate) const TASKS: u32 = 100;

const EXPERIMENT: &str = include_str!("../../../../../configs/pearl/cheetah-vel-published.toml");

/// The published experiment.
pub(crate) fn experiment() -> anyhow::Result<Experiment> {
    toml::from_str(EXPERIMENT).context("read configs/pearl/cheetah-vel-published.toml")
}

/// The task family.
pub(crate) fn family() -> anyhow::Result<&'static dyn TaskFamily> {
    Ok(envs::find(FAMILY)?)
}

/// What an actor of the published experiment does.
pub(crate) fn setting() -> anyhow::Result<Setting> {
    let experiment = experiment()?;
    let family = family()?;
    let agent = AgentSpec::of(&experiment, &family.spec());
    Ok(Setting { family, tasks: TASKS, trial, agent, chunk: experiment.actors.chunk })
}

/// The acting networks of an experiment, and random weights for them.
pub(crate) fn agent(experiment: &Experiment) -> anyhow::Result<(AgentSpec, Params)> {
    let family = envs::build(&experiment.environment)?;
    let spec = AgentSpec::of(experiment, &family.spec());
    let params = weights(&spec)?;
    Ok((spec, params))
}

/// Random weights for acting networks.
pub(crate) fn weights(spec: &AgentSpec) -> anyhow::Result<Params> {
    let mut rng = stream(1, Role::Initialise, 0, 0);
    Ok(nets::init::networks(&spec.networks(), &mut rng)?)
}

/// PEARL's training trial number `id`: two episodes with z from the prior, which become context,
/// then three with z from the posterior.
pub(crate) fn trial(id: TrialId, task: TaskRef) -> Trial {
    let phase = |latent, episodes, context| Phase {
        latent,
        episodes,
        context,
        behaviour: Behaviour::Policy,
    };
    Trial {
        id,
        task,
        purpose: Purpose::Train,
        phases: vec![phase(LatentSource::Prior, 2, true), phase(LatentSource::Posterior, 3, false)],
        seed: id.0,
        min_version: Version(0),
        beliefs: 0,
    }
}

/// Training task number `number`, counting round and round.
pub(crate) fn task(number: u64, tasks: u32) -> TaskRef {
    let index = u32::try_from(number % u64::from(tasks.max(1))).unwrap_or(0);
    TaskRef { split: Split::Train, index }
}
