//! The networks of one version of the weights, ready to act and to infer.

use crate::Error;
use nets::{AgentSpec, EncoderNet, EncoderSpec, Params, PolicyNet};
use types::Version;

/// Policy and encoder of one version, with room for their activations. A row of a result depends
/// on the same row of the input only, to the last bit.
#[derive(Debug)]
pub struct Agent {
    version: Version,
    policy: PolicyNet,
    encoder: EncoderNet,
}

impl Agent {
    /// Networks with these parameters.
    ///
    /// # Errors
    /// [`Error::Networks`] if the parameters are not those of `spec`.
    pub fn new(spec: &AgentSpec, params: &Params, version: Version) -> Result<Self, Error> {
        Ok(Self {
            version,
            policy: PolicyNet::from_params(&spec.policy, params)?,
            encoder: EncoderNet::from_params(&spec.encoder, params)?,
        })
    }

    /// Reads weights as they are published and kept, and checks that they are those of `expected`.
    ///
    /// # Errors
    /// [`Error::Networks`] if the bytes are no weights; [`Error::OtherAgent`].
    pub fn load(expected: &AgentSpec, bytes: &[u8], version: Version) -> Result<Self, Error> {
        let (spec, params) = nets::read_agent(bytes)?;
        if spec != *expected {
            let json = |spec: &AgentSpec| serde_json::to_string(spec).unwrap_or_default();
            return Err(Error::OtherAgent { expected: json(expected), got: json(&spec) });
        }
        Self::new(expected, &params, version)
    }

    /// Which weights these are.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Fills `actions` `[n, action]`: a = tanh(mean + σ `noise`).
    pub(crate) fn act(
        &mut self,
        observations: &[f32],
        latents: &[f32],
        noise: &[f32],
        actions: &mut [f32],
    ) -> Result<(), nets::Error> {
        self.policy.act(observations, latents, Some(noise), actions)
    }

    /// How the task is inferred.
    pub(crate) fn encoder_spec(&self) -> &EncoderSpec {
        self.encoder.spec()
    }

    /// Infers the task.
    pub(crate) fn encoder_mut(&mut self) -> &mut EncoderNet {
        &mut self.encoder
    }
}
