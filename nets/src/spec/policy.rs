//! The policy.

use super::{Error, MlpSpec, Network, hidden, width};
use serde::{Deserialize, Serialize};

/// π(a|s,z): a Gaussian squashed by tanh.
///
/// One MLP maps `[observation, latent]` to `[mean, log σ]`, each of `action` numbers; log σ is
/// clamped to [-20, 2]; a = tanh(mean + σ ε).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// Numbers in an observation.
    pub observation: usize,
    /// Numbers of the latent task variable that it is given.
    pub latent: usize,
    /// Numbers in an action.
    pub action: usize,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
}

impl PolicySpec {
    /// The network `policy`.
    #[must_use]
    pub fn network(&self) -> Network {
        let mlp = MlpSpec {
            input: self.observation + self.latent,
            hidden: self.hidden.clone(),
            output: 2 * self.action,
        };
        Network { output_bound: 1e-3, ..Network::new("policy", mlp) }
    }

    /// Refuses sizes that no experiment has.
    ///
    /// # Errors
    /// [`Error::Spec`] names the first field that is wrong.
    pub fn check(&self) -> Result<(), Error> {
        width("policy.observation", self.observation)?;
        width("policy.latent", self.latent)?;
        width("policy.action", self.action)?;
        hidden("policy.hidden", &self.hidden)
    }
}
