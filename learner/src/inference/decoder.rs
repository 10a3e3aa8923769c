//! What z says of rewards and next observations.

use crate::error::{Error, Result};
use crate::inference::encoder::scale;
use crate::networks::Layer;
use crate::networks::forward::mlp;
use crate::networks::parameters::{NamedLayers, network};
use nets::{EncoderSpec, MlpSpec, Network};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};
use types::experiment::Decoder;

const REWARD: &str = "decoder.reward";
const NEXT_OBSERVATION: &str = "decoder.next_observation";
const JOINT: &str = "decoder.joint";

/// Which decoders there are. Each is an MLP on `[observation, action, z]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderSpec {
    /// Numbers in an observation.
    pub observation: usize,
    /// Numbers in an action.
    pub action: usize,
    /// Numbers in z.
    pub latent: usize,
    /// Hidden layers of `decoder.reward`, to 1 number.
    pub reward: Option<Vec<usize>>,
    /// Hidden layers of `decoder.next_observation`, to `observations` numbers.
    pub next_observation: Option<Vec<usize>>,
    /// Hidden layers of `decoder.joint`, to the reward and `observations` numbers behind it.
    pub joint: Option<Vec<usize>>,
    /// The first so many numbers of the next observation are reconstructed.
    pub observations: usize,
}

impl DecoderSpec {
    /// The decoders of an experiment.
    #[must_use]
    pub fn of(decoder: &Decoder, encoder: &EncoderSpec) -> Self {
        let observation = encoder.observation;
        Self {
            observation,
            action: encoder.action,
            latent: encoder.latent,
            reward: decoder.reward.clone(),
            next_observation: decoder.next_observation.clone(),
            joint: decoder.joint.clone(),
            observations: decoder.observations.map_or(observation, |n| n.min(observation)),
        }
    }

    /// All networks, in the order in which they are stored.
    #[must_use]
    pub fn networks(&self) -> Vec<Network> {
        let input = self.observation + self.action + self.latent;
        let outputs = [
            (REWARD, &self.reward, 1),
            (NEXT_OBSERVATION, &self.next_observation, self.observations),
            (JOINT, &self.joint, 1 + self.observations),
        ];
        let networks = outputs.into_iter().filter_map(|(name, hidden, output)| {
            let hidden = hidden.clone()?;
            Some(Network::new(name, MlpSpec { input, hidden, output }))
        });
        networks.collect()
    }
}

/// Transitions to reconstruct: `m` for each of `b` contexts.
#[derive(Debug)]
pub struct Targets {
    /// `[b, m, observation]`.
    pub observation: Tensor,
    /// `[b, m, action]`.
    pub action: Tensor,
    /// `[b, m, 1]`.
    pub reward: Tensor,
    /// `[b, m, observation]`.
    pub next_observation: Tensor,
    /// `[b, m]`: 1 for transitions that are there, else 0.
    pub present: Tensor,
}

impl Targets {
    /// The same with observations and rewards as the networks see those of the encoder's rows:
    /// `inputs` scales and shifts a row `[observation, action, reward, …]`.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn scaled(&self, spec: &EncoderSpec, inputs: &Layer) -> Result<Self> {
        let part = |start: usize, length: usize| -> Result<Layer> {
            let narrow = |t: &Tensor| t.f_narrow(0, start as i64, length as i64);
            Ok(Layer { weight: narrow(&inputs.weight)?, bias: narrow(&inputs.bias)? })
        };
        let observations = part(0, spec.observation)?;
        let rewards = part(spec.observation + spec.action, 1)?;
        Ok(Self {
            observation: scale(&observations, &self.observation)?,
            action: self.action.shallow_clone(),
            reward: scale(&rewards, &self.reward)?,
            next_observation: scale(&observations, &self.next_observation)?,
            present: self.present.shallow_clone(),
        })
    }

    /// The targets as context rows `[b, m, width]`.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn rows(&self, spec: &EncoderSpec) -> Result<Tensor> {
        let mut parts = vec![&self.observation, &self.action, &self.reward];
        parts.extend(spec.next_observation.then_some(&self.next_observation));
        Ok(Tensor::f_cat(&parts, 2)?.f_mul(&self.present.f_unsqueeze(2)?)?)
    }

    fn check(&self, spec: &DecoderSpec) -> Result<()> {
        let size = self.present.size();
        let whole = |tensor: &Tensor, width: usize| {
            let expected: Vec<i64> = size.iter().copied().chain([width as i64]).collect();
            tensor.size() == expected
        };
        let fits = size.len() == 2
            && whole(&self.observation, spec.observation)
            && whole(&self.action, spec.action)
            && whole(&self.reward, 1)
            && whole(&self.next_observation, spec.observation);
        if fits {
            return Ok(());
        }
        let got = [&self.observation, &self.action, &self.reward, &self.next_observation];
        Err(Error::Shape {
            what: "targets",
            expected: format!(
                "observations [b, m, {o}], actions [b, m, {}], rewards [b, m, 1], next \
                 observations [b, m, {o}] and present [b, m]",
                spec.action,
                o = spec.observation,
            ),
            got: format!("{:?} and {size:?}", got.map(Tensor::size)),
        })
    }
}

/// How far reconstructions are off: for each z the mean of squared errors over the targets that are
/// there, and over the dimensions of the observation. 0 where there is no such decoder.
#[derive(Debug)]
pub struct Reconstruction {
    /// `[.., b]`.
    pub reward: Tensor,
    /// `[.., b]`.
    pub next_observation: Tensor,
    /// `[b]`: targets that are there.
    targets: Tensor,
    /// Numbers of the next observation that are reconstructed.
    observations: usize,
}

impl Reconstruction {
    /// The sums of squared errors in place of their means.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn summed(&self) -> Result<Self> {
        let numbers = self.targets.f_mul_scalar(self.observations as f64)?;
        Ok(Self {
            reward: self.reward.f_mul(&self.targets)?,
            next_observation: self.next_observation.f_mul(&numbers)?,
            targets: self.targets.shallow_clone(),
            observations: self.observations,
        })
    }
}

/// Decodes `z` `[.., b, latent]` (dimensions in front count draws, or classes) at every target.
///
/// # Errors
/// [`Error::Shape`] for targets that `spec` does not take, and whatever libtorch refuses.
pub fn errors(
    spec: &DecoderSpec,
    layers: &NamedLayers,
    z: &Tensor,
    targets: &Targets,
) -> Result<Reconstruction> {
    targets.check(spec)?;
    let input = input(z, targets)?;
    let wanted = targets.next_observation.f_narrow(2, 0, spec.observations as i64)?;
    let count = targets.present.f_sum_dim_intlist(1, false, Kind::Float)?;
    let mean = |decoded: &Tensor, wanted: &Tensor| -> Result<Tensor> {
        let squared = decoded.f_sub(wanted)?.f_square()?.f_mean_dim(-1, false, Kind::Float)?;
        let sum = squared.f_mul(&targets.present)?.f_sum_dim_intlist(-1, false, Kind::Float)?;
        Ok(sum.f_div(&count.f_clamp_min(1.0)?)?)
    };
    let mut shape = z.size();
    shape.pop();
    let nothing = Tensor::f_zeros(&shape[..], (Kind::Float, z.device()))?;
    let mut found = Reconstruction {
        reward: nothing.shallow_clone(),
        next_observation: nothing,
        targets: count.shallow_clone(),
        observations: spec.observations,
    };
    if spec.reward.is_some() {
        found.reward = mean(&mlp(network(layers, REWARD)?, &input)?, &targets.reward)?;
    }
    if spec.next_observation.is_some() {
        let decoded = mlp(network(layers, NEXT_OBSERVATION)?, &input)?;
        found.next_observation = mean(&decoded, &wanted)?;
    }
    if spec.joint.is_some() {
        let decoded = mlp(network(layers, JOINT)?, &input)?;
        let parts = decoded.f_split_with_sizes([1, spec.observations as i64], -1)?;
        found.reward = mean(&parts[0], &targets.reward)?;
        found.next_observation = mean(&parts[1], &wanted)?;
    }
    Ok(found)
}

/// `[observation, action, z]` of every target, `[.., b, m, n]`.
fn input(z: &Tensor, targets: &Targets) -> Result<Tensor> {
    let mut shape = z.size();
    shape.pop();
    shape.push(targets.present.size()[1]);
    shape.push(-1);
    let parts = [
        targets.observation.f_expand(&shape[..], false)?,
        targets.action.f_expand(&shape[..], false)?,
        z.f_unsqueeze(-2)?.f_expand(&shape[..], false)?,
    ];
    Ok(Tensor::f_cat(&parts, -1)?)
}
