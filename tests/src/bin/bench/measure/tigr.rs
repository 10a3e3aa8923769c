//! HalfCheetah with eight base tasks and TIGR at the published sizes: policy 3×300, latent 8, the
//! task inferred at every step by a GRU of 235 numbers from the last 64 transitions.

use crate::measure::rollouts::Setting;
use anyhow::Context as _;
use nets::{AgentSpec, EncoderSpec};
use types::experiment::{Encoder, Memory, Merge, Observe, Posterior, Variance};
use types::{
    Behaviour, Experiment, LatentSource, Phase, Purpose, Split, TaskRef, Trial, TrialId, Version,
};

const EXPERIMENT: &str =
    include_str!("../../../../../configs/tigr/cheetah-multi-task-published.toml");

/// The published experiment.
pub(crate) fn experiment() -> anyhow::Result<Experiment> {
    toml::from_str(EXPERIMENT).context("read configs/tigr/cheetah-multi-task-published.toml")
}

/// What an actor of the published experiment does, with its encoder changed.
pub(crate) fn setting(change: fn(&mut EncoderSpec)) -> anyhow::Result<Setting> {
    let experiment = experiment()?;
    let family = envs::find(&experiment.environment.family)?;
    let mut agent = AgentSpec::of(&experiment, &family.spec());
    change(&mut agent.encoder);
    Ok(Setting {
        family,
        tasks: u32::try_from(family.tasks(Split::Train).len())?,
        trial,
        agent,
        chunk: experiment.actors.chunk,
    })
}

/// A GRU with one layer.
pub(crate) fn gru(width: usize, memory: Memory) -> Encoder {
    Encoder::Gru { width, layers: 1, rectify: true, memory }
}

/// PEARL's encoder in the place of the GRU: a product of Gaussian factors, one for each of the
/// last transitions, from which z is drawn at every step.
pub(crate) fn product(encoder: &mut EncoderSpec) {
    encoder.body = Encoder::Transitions { hidden: vec![200, 200, 200], merge: Merge::Product };
    encoder.head = Vec::new();
    encoder.posterior = Posterior::Gaussian { variance: Variance::Softplus };
    encoder.observe = Observe::Sample;
}

/// Training trial number `id`: one episode with z inferred at every step.
pub(crate) fn trial(id: TrialId, task: TaskRef) -> Trial {
    Trial {
        id,
        task,
        purpose: Purpose::Train,
        phases: vec![Phase {
            latent: LatentSource::Posterior,
            episodes: 1,
            context: true,
            behaviour: Behaviour::Policy,
        }],
        seed: id.0,
        min_version: Version(0),
        beliefs: 0,
    }
}
