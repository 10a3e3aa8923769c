//! What an actor needs.

use super::{EncoderSpec, Error, Network, PolicySpec, same};
use serde::{Deserialize, Serialize};
use types::EnvSpec;
use types::experiment::Experiment;

/// The networks that an actor needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentSpec {
    /// How it acts.
    pub policy: PolicySpec,
    /// How it infers the task.
    pub encoder: EncoderSpec,
}

impl AgentSpec {
    /// The acting networks of an experiment.
    #[must_use]
    pub fn of(experiment: &Experiment, env: &EnvSpec) -> Self {
        let encoder = EncoderSpec::of(experiment, env);
        let policy = PolicySpec {
            observation: env.observation_dim,
            latent: encoder.given(),
            action: env.action_dim,
            hidden: experiment.agent.hidden.clone(),
        };
        Self { policy, encoder }
    }

    /// `policy` and `encoder`.
    #[must_use]
    pub fn networks(&self) -> Vec<Network> {
        let mut networks = vec![self.policy.network()];
        networks.extend(self.encoder.networks());
        networks
    }

    /// Refuses sizes that no experiment has and parts that do not fit together. A spec that came
    /// over the wire is checked before anything is allocated for it.
    ///
    /// # Errors
    /// [`Error::Spec`] names the first field that is wrong.
    pub fn check(&self) -> Result<(), Error> {
        let Self { policy, encoder } = self;
        policy.check()?;
        encoder.check()?;
        same("encoder.outputs", policy.latent, encoder.given())?;
        same("encoder.observation", policy.observation, encoder.observation)?;
        same("encoder.action", policy.action, encoder.action)
    }
}
