//! A method of meta-reinforcement learning as a composition of parts: encoder, decoder and prior
//! from [`crate::inference`], losses of the agent from [`crate::agents`], put together as the
//! experiment file says. PEARL is one of them, with no code of its own.

mod agent;
mod batch;
mod inference;
mod prior;
mod spec;
mod trainable;

pub use agent::Gradients;
pub use batch::{Batch, Contexts, Noise, Source};
pub(crate) use inference::narrow;
pub use inference::{Factors, InferenceLosses, Reconstructed, Said, targets};
pub use prior::FittedPrior;
pub use spec::{MethodSettings, MethodSpec};
pub use trainable::prefixed;

use crate::agents::squashed_gaussian;
use crate::error::Result;
use crate::networks::parameters::to_host;
use crate::networks::{AdamSettings, Group, Stack};
use nets::{AgentSpec, Network, Params};
use tch::{Device, Kind, Tensor};
use trainable::Trainable;
use types::experiment::Temperature;

/// Losses of one update of the agent, as scalars on the device.
#[derive(Debug)]
pub struct Losses {
    /// Both Bellman losses, summed.
    pub q: Tensor,
    /// KL of the posteriors to the prior, summed over tasks, unweighted; 0 where the encoder is
    /// trained apart.
    pub kl: Tensor,
    /// Policy loss.
    pub policy: Tensor,
    /// Loss of the state value network; 0 in the twin-Q form.
    pub v: Tensor,
    /// Weight of the entropy.
    pub alpha: Tensor,
    /// 1 if the update was applied, 0 if it was skipped for not being finite.
    pub usable: Tensor,
}

/// Networks, targets and optimisers.
#[derive(Debug)]
pub struct Method {
    settings: MethodSettings,
    spec: MethodSpec,
    /// Tasks per update of the agent.
    tasks: usize,
    /// Encoder, then decoder and prior.
    inference: Trainable,
    critics: Trainable,
    policy: Trainable,
    target: Group,
    /// log of α over its initial value; `None` where it is fixed.
    temperature: Option<Trainable>,
    /// α at the start, `[]`.
    initial_alpha: Tensor,
    /// The entropy aimed at.
    entropy: f64,
    /// The prior that is fitted now and then.
    fitted: Option<FittedPrior>,
    device: Device,
}

impl Method {
    /// Takes initial values from `params`: policy, encoder, critics and their targets by name.
    /// `tasks` is the number of tasks per update of the agent.
    ///
    /// # Errors
    /// If a parameter is missing or misshapen, or libtorch fails.
    pub fn new(
        spec: &MethodSpec,
        settings: MethodSettings,
        tasks: usize,
        (params, device): (&Params, Device),
    ) -> Result<Self> {
        let from = (params, device);
        let agent = settings.adam;
        let (initial_alpha, entropy) = match settings.temperature {
            Temperature::Fixed { value } => (value, None),
            Temperature::Automatic { initial, entropy } => (initial, Some(entropy)),
        };
        let apart = settings.training.as_ref();
        let inference_rate = apart.map_or(agent, |t| AdamSettings::with_rate(t.learning_rate));
        let inference = spec.inference()?.iter().map(Stack::single).collect();
        let target = Group::new(ensemble(&spec.targets()?), params, device)?;
        let temperature = entropy.map(|_| temperature(device, agent)).transpose()?;
        Ok(Self {
            inference: Trainable::new("inference", inference, from, inference_rate)?,
            critics: Trainable::new("critics", critics(&spec.critics()?), from, agent)?,
            policy: Trainable::new("policy", vec![Stack::single(&spec.policy()?)], from, agent)?,
            target,
            temperature,
            initial_alpha: Tensor::f_full([], initial_alpha, (Kind::Float, device))?,
            entropy: entropy.unwrap_or(0.0) * spec.agent.policy.action as f64,
            fitted: FittedPrior::of(&spec.prior),
            spec: spec.clone(),
            settings,
            tasks,
            device,
        })
    }

    /// Everything as it was when [`Method::everything`] gave `params`.
    ///
    /// # Errors
    /// If a tensor is missing or misshapen, or libtorch fails.
    pub fn resume(
        spec: &MethodSpec,
        settings: MethodSettings,
        tasks: usize,
        (params, device): (&Params, Device),
    ) -> Result<Self> {
        let mut method = Self::new(spec, settings, tasks, (params, device))?;
        let agent = method.settings.adam;
        let apart = method.settings.training.as_ref();
        let inference = apart.map_or(agent, |t| AdamSettings::with_rate(t.learning_rate));
        method.inference.resume(params, inference)?;
        method.critics.resume(params, agent)?;
        method.policy.resume(params, agent)?;
        if method.temperature.is_some() {
            let stacks = vec![Stack::single(&temperature_network())];
            let mut trainable = Trainable::new("temperature", stacks, (params, device), agent)?;
            trainable.resume(params, agent)?;
            method.temperature = Some(trainable);
        }
        Ok(method)
    }

    /// What actors need: policy and encoder.
    ///
    /// # Errors
    /// If a parameter is not finite or libtorch fails.
    pub fn acting(&self) -> Result<Params> {
        let mut tensors = self.policy.group.export()?.tensors().to_vec();
        let encoder = self.inference.group.export()?;
        let is_encoder = |t: &&nets::Tensor| t.name().starts_with("encoder.");
        tensors.extend(encoder.tensors().iter().filter(is_encoder).cloned());
        Ok(Params::new(tensors)?)
    }

    /// Every parameter, the targets and Adam's moments (as `adam_first.<parameter>`,
    /// `adam_second.<parameter>`, and the step counts `adam_steps.<group>`).
    ///
    /// # Errors
    /// If a number is not finite or libtorch fails.
    pub fn everything(&self) -> Result<Params> {
        let mut tensors = Vec::new();
        let trained = [&self.inference, &self.critics, &self.policy];
        for trainable in trained.into_iter().chain(&self.temperature) {
            trainable.export(&mut tensors)?;
        }
        tensors.extend_from_slice(self.target.export()?.tensors());
        Ok(Params::new(tensors)?)
    }

    /// Gradients under the names of their parameters.
    ///
    /// # Errors
    /// If a number is not finite or libtorch fails.
    pub fn name_gradients(&self, gradients: &Gradients) -> Result<Params> {
        let mut tensors = self.critics.group.export_like(&gradients.critics)?.tensors().to_vec();
        tensors.extend_from_slice(self.policy.group.export_like(&gradients.policy)?.tensors());
        if let Some(inference) = &gradients.inference {
            tensors.extend_from_slice(self.inference.group.export_like(inference)?.tensors());
        }
        Ok(Params::new(tensors)?)
    }

    /// What the policy does, `[n, action]` row-major, for the host arrays that an actor would pass:
    /// observations `[n, observation]`, latents `[n, latent]`, standard normal noise `[n, action]`.
    ///
    /// # Errors
    /// If lengths do not fit or libtorch fails.
    pub fn act(&self, observations: &[f32], latents: &[f32], noise: &[f32]) -> Result<Vec<f32>> {
        let policy = &self.spec.agent.policy;
        let rows = |values: &[f32], width: usize| -> Result<Tensor> {
            let tensor = Tensor::f_from_slice(values)?.f_view([-1, width as i64])?;
            Ok(tensor.f_to_device(self.device)?)
        };
        let observations = rows(observations, policy.observation)?;
        let input = agent::cat(&[&observations, &rows(latents, policy.latent)?])?;
        let noise = rows(noise, policy.action)?;
        let layers = self.policy.group.constant_layers()?;
        let draw = tch::no_grad(|| squashed_gaussian::draw(&layers[0], &input, &noise))?;
        to_host(&draw.action)
    }

    /// The spec of the acting networks.
    #[must_use]
    pub fn agent(&self) -> &AgentSpec {
        &self.spec.agent
    }
}

/// The ensemble of Q, and V where there is one.
fn critics(networks: &[Network]) -> Vec<Stack> {
    let (q, v) = networks.split_at(networks.len().min(2));
    ensemble(q).into_iter().chain(v.iter().map(Stack::single)).collect()
}

fn ensemble(networks: &[Network]) -> Vec<Stack> {
    match networks {
        [one] => vec![Stack::single(one)],
        many => Stack::ensemble(many).into_iter().collect(),
    }
}

/// log α/α₀ as the bias of a linear layer without inputs.
fn temperature_network() -> Network {
    Network { output_bound: 0.0, ..Network::linear("temperature", 0, 1) }
}

fn temperature(device: Device, settings: AdamSettings) -> Result<Trainable> {
    let network = temperature_network();
    let mut rng = types::stream(0, types::Role::Initialise, 0, 0);
    let params = Params::new(nets::init::network(&network, &mut rng))?;
    Trainable::new("temperature", vec![Stack::single(&network)], (&params, device), settings)
}
