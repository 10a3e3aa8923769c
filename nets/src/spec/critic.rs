//! The value functions.

use super::{EncoderSpec, MlpSpec, Network};
use serde::{Deserialize, Serialize};
use types::EnvSpec;
use types::experiment::{CriticForm, Experiment};

/// The value functions; only the learner has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CriticSpec {
    /// Which value functions there are.
    pub form: CriticForm,
    /// Numbers in an observation.
    pub observation: usize,
    /// Numbers in an action.
    pub action: usize,
    /// Numbers in the latent task variable z.
    pub latent: usize,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
}

impl CriticSpec {
    /// The critics of an experiment.
    #[must_use]
    pub fn of(experiment: &Experiment, env: &EnvSpec) -> Self {
        Self {
            form: experiment.agent.critic,
            observation: env.observation_dim,
            action: env.action_dim,
            latent: EncoderSpec::of(experiment, env).given(),
            hidden: experiment.agent.hidden.clone(),
        }
    }

    /// Q(s, a, z): `[observation, action, latent]` to one number.
    #[must_use]
    pub fn q(&self) -> MlpSpec {
        self.value_of(self.observation + self.action + self.latent)
    }

    /// V(s, z): `[observation, latent]` to one number.
    #[must_use]
    pub fn v(&self) -> MlpSpec {
        self.value_of(self.observation + self.latent)
    }

    /// `q1`, `q2`, and `v` where the form has it.
    #[must_use]
    pub fn networks(&self) -> Vec<Network> {
        let mut networks = vec![Network::new("q1", self.q()), Network::new("q2", self.q())];
        if self.form == CriticForm::VNetwork {
            networks.push(Network::new("v", self.v()));
        }
        networks
    }

    /// The slowly following copies: `target_q1` and `target_q2`, or `target_v`. They start as
    /// copies, so their `output_bound` is not used.
    #[must_use]
    pub fn targets(&self) -> Vec<Network> {
        match self.form {
            CriticForm::TwinQ => {
                vec![Network::new("target_q1", self.q()), Network::new("target_q2", self.q())]
            }
            CriticForm::VNetwork => vec![Network::new("target_v", self.v())],
        }
    }

    fn value_of(&self, input: usize) -> MlpSpec {
        MlpSpec { input, hidden: self.hidden.clone(), output: 1 }
    }
}
