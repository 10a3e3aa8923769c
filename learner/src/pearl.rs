//! PEARL: one update of encoder, critics and policy, composed of the losses in
//! [`crate::inference`] and [`crate::agents`] (Rakelly et al. 2019, arXiv 1903.08254, algorithm 1).
//!
//! Only the Bellman loss and the KL reach the encoder; everything else sees z detached. All
//! gradients are taken before any parameter moves. Nothing in an update waits for the device.

use crate::agents::soft_actor_critic as sac;
use crate::agents::squashed_gaussian::{self, Draw};
use crate::error::Result;
use crate::inference::gaussian_product;
use crate::networks::forward::mlp;
use crate::networks::parameters::to_host;
use crate::networks::{Adam, AdamSettings, Group, Layer, Stack, adam};
use nets::{AgentSpec, CriticSpec, Network, Params, TensorShape};
use tch::{Device, Tensor};
use types::experiment::{CriticForm, Experiment};

/// Positions of the stacks in the buffer of encoder and critics.
const ENCODER: usize = 0;
const Q: usize = 1;
const V: usize = 2;

/// Prefixes of Adam's state in a checkpoint.
const FIRST: &str = "adam_first.";
const SECOND: &str = "adam_second.";
const STEPS: &str = "adam_steps.";

/// Which networks there are.
#[derive(Debug, Clone, PartialEq)]
pub struct PearlSpec {
    /// Policy and encoder.
    pub agent: AgentSpec,
    /// Critics.
    pub critics: CriticSpec,
}

impl PearlSpec {
    /// Every trained network, and nothing else: the targets start as copies.
    #[must_use]
    pub fn trained(&self) -> Vec<Network> {
        let mut networks = self.agent.networks();
        networks.extend(self.critics.networks());
        networks
    }
}

/// Constants of the losses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PearlSettings {
    /// Discount per step.
    pub discount: f64,
    /// Factor on rewards.
    pub reward_scale: f64,
    /// Weight of the KL to the prior, summed over tasks.
    pub kl_weight: f64,
    /// Polyak rate of the targets.
    pub target_rate: f64,
    /// Weight of mean μ² in the policy loss.
    pub mean_penalty: f64,
    /// Weight of mean (log σ)² in the policy loss.
    pub log_std_penalty: f64,
    /// Adam of all networks.
    pub adam: AdamSettings,
}

impl PearlSettings {
    /// The constants of an experiment.
    #[must_use]
    pub fn of(experiment: &Experiment) -> Self {
        let agent = &experiment.agent;
        Self {
            discount: agent.discount,
            reward_scale: agent.reward_scale,
            kl_weight: match experiment.inference.objective {
                types::experiment::Objective::Bellman { kl_weight } => kl_weight,
                _ => 0.0,
            },
            target_rate: agent.target_rate,
            mean_penalty: agent.mean_penalty,
            log_std_penalty: agent.log_std_penalty,
            adam: AdamSettings::with_rate(experiment.learner.learning_rate),
        }
    }
}

/// What an update learns from: `n` transitions, `n / tasks` of each task in turn.
#[derive(Debug)]
pub struct Batch {
    /// `[n, observation]`.
    pub observation: Tensor,
    /// `[n, action]`.
    pub action: Tensor,
    /// `[n, 1]`, the reward that learning uses.
    pub reward: Tensor,
    /// `[n, observation]`.
    pub next_observation: Tensor,
    /// `[n, 1]`: 0 after a terminating transition, else 1.
    pub not_terminated: Tensor,
    /// `[tasks · context, width]`, task by task.
    pub context: Tensor,
    /// Standard normal numbers.
    pub noise: Noise,
}

/// Reparameterisation noise of one update.
#[derive(Debug)]
pub struct Noise {
    /// For z, `[tasks, latent]`.
    pub latent: Tensor,
    /// For the action at the next state (twin-Q form), `[n, action]`.
    pub next_action: Tensor,
    /// For the action at the state, `[n, action]`.
    pub action: Tensor,
}

/// Losses of one update, as scalars on the device.
#[derive(Debug)]
pub struct Losses {
    /// Both Bellman losses, summed.
    pub q: Tensor,
    /// KL of the posteriors to the prior, summed over tasks, unweighted.
    pub kl: Tensor,
    /// Policy loss.
    pub policy: Tensor,
    /// Loss of the state value network; 0 in the twin-Q form.
    pub v: Tensor,
    /// 1 if the update was applied, 0 if it was skipped for not being finite.
    pub usable: Tensor,
}

/// Gradients of one update, laid out like the buffers they belong to.
#[derive(Debug)]
pub struct Gradients {
    /// Encoder and critics.
    pub values: Tensor,
    /// Policy.
    pub policy: Tensor,
}

/// Networks, targets and optimisers.
#[derive(Debug)]
pub struct Pearl {
    settings: PearlSettings,
    form: CriticForm,
    agent: AgentSpec,
    values: Group,
    policy: Group,
    target: Group,
    values_adam: Adam,
    policy_adam: Adam,
}

impl Pearl {
    /// Takes initial values from `params`: policy, encoder, critics and their targets by name.
    ///
    /// # Errors
    /// If a parameter is missing or misshapen, or libtorch fails.
    pub fn new(
        spec: &PearlSpec,
        settings: PearlSettings,
        params: &Params,
        device: Device,
    ) -> Result<Self> {
        let stack = |networks: &[Network]| match networks {
            [one] => Some(Stack::single(one)),
            many => Stack::ensemble(many),
        };
        let critics = spec.critics.networks();
        let (q, v) = critics.split_at(2);
        let parts = [stack(&spec.agent.encoder.networks()), stack(q), stack_of(v)];
        let values = Group::new(parts.into_iter().flatten().collect(), params, device)?;
        let policy_stack = vec![Stack::single(&spec.agent.policy.network())];
        let policy = Group::new(policy_stack, params, device)?;
        let targets = stack(&spec.critics.targets()).into_iter().collect();
        let target = Group::new(targets, params, device)?;
        Ok(Self {
            settings,
            form: spec.critics.form,
            agent: spec.agent.clone(),
            values_adam: Adam::new(settings.adam, values.flat())?,
            policy_adam: Adam::new(settings.adam, policy.flat())?,
            values,
            policy,
            target,
        })
    }

    /// Everything as it was when [`Pearl::everything`] gave `params`.
    ///
    /// # Errors
    /// If a tensor is missing or misshapen, or libtorch fails.
    pub fn resume(
        spec: &PearlSpec,
        settings: PearlSettings,
        params: &Params,
        device: Device,
    ) -> Result<Self> {
        let mut pearl = Self::new(spec, settings, params, device)?;
        let moments = |group: &Group, name: &str| -> Result<Adam> {
            let first = group.gather_like(FIRST, params)?;
            let second = group.gather_like(SECOND, params)?;
            let steps = TensorShape { name: format!("{STEPS}{name}"), shape: vec![1] };
            let steps = params.data(&steps)?.first().copied().unwrap_or(0.0);
            Adam::resume(settings.adam, first, second, steps)
        };
        pearl.values_adam = moments(&pearl.values, "values")?;
        pearl.policy_adam = moments(&pearl.policy, "policy")?;
        Ok(pearl)
    }

    /// One gradient step on everything.
    ///
    /// # Errors
    /// If shapes do not fit or libtorch fails.
    pub fn update(&mut self, batch: &Batch) -> Result<Losses> {
        let (mut losses, gradients) = self.gradients(batch)?;
        losses.usable = adam::usable(
            &[&losses.q, &losses.kl, &losses.policy, &losses.v],
            &[&gradients.values, &gradients.policy],
        )?;
        self.values_adam.step(self.values.flat(), &gradients.values, &losses.usable)?;
        self.policy_adam.step(self.policy.flat(), &gradients.policy, &losses.usable)?;
        let leader = match self.form {
            CriticForm::TwinQ => self.values.part(Q)?,
            CriticForm::VNetwork => self.values.part(V)?,
        };
        let rate = losses.usable.f_mul_scalar(self.settings.target_rate)?;
        self.target.follow(&leader, &rate)?;
        Ok(losses)
    }

    /// Losses and gradients, without moving anything.
    ///
    /// # Errors
    /// If shapes do not fit or libtorch fails.
    pub fn gradients(&self, batch: &Batch) -> Result<(Losses, Gradients)> {
        let settings = &self.settings;
        let values = self.values.layers()?;
        let policy = self.policy.layers()?;
        let tasks = batch.noise.latent.size()[0];
        let posterior = gaussian_product::posterior(&values[ENCODER], &batch.context, tasks)?;
        let kl = posterior.kl_to_standard()?;
        let latent = repeat(&posterior.sample(&batch.noise.latent)?, batch)?;
        let detached = latent.f_detach()?;

        let target = self.q_target(batch, &policy[0], &detached)?;
        let q = mlp(&values[Q], &cat(&[&batch.observation, &batch.action, &latent])?)?;
        let q_loss = sac::q_loss(&q, &target)?;

        let input = cat(&[&batch.observation, &detached])?;
        let draw = squashed_gaussian::draw(&policy[0], &input, &batch.noise.action)?;
        let soft_value = self.soft_value(batch, &draw, &detached)?;
        let policy_loss =
            sac::policy_loss(&draw, &soft_value, settings.mean_penalty, settings.log_std_penalty)?;
        let v_loss = match values.get(V) {
            Some(v) => sac::v_loss(&mlp(v, &input)?, &soft_value)?,
            None => q_loss.f_detach()?.f_zeros_like()?,
        };

        let values_loss = q_loss.f_add(&kl.f_mul_scalar(settings.kl_weight)?)?.f_add(&v_loss)?;
        let gradients = Gradients {
            values: gradient(&values_loss, &self.values)?,
            policy: gradient(&policy_loss, &self.policy)?,
        };
        let usable = q_loss.f_detach()?.f_ones_like()?;
        Ok((Losses { q: q_loss, kl, policy: policy_loss, v: v_loss, usable }, gradients))
    }

    /// y, without gradient.
    fn q_target(&self, batch: &Batch, policy: &[Layer], latent: &Tensor) -> Result<Tensor> {
        tch::no_grad(|| {
            let target = self.target.constant_layers()?;
            let next = cat(&[&batch.next_observation, latent])?;
            let next_value = match self.form {
                CriticForm::VNetwork => mlp(&target[0], &next)?,
                CriticForm::TwinQ => {
                    let draw = squashed_gaussian::draw(policy, &next, &batch.noise.next_action)?;
                    let input = cat(&[&batch.next_observation, &draw.action, latent])?;
                    sac::soft_value(&mlp(&target[0], &input)?, &draw.log_probability)?
                }
            };
            let PearlSettings { reward_scale, discount, .. } = self.settings;
            let Batch { reward, not_terminated, .. } = batch;
            sac::bellman_target(reward, not_terminated, &next_value, reward_scale, discount)
        })
    }

    /// min Q(s, ã, z) − log π(ã|s, z), with gradient to the drawn action alone.
    fn soft_value(&self, batch: &Batch, draw: &Draw, latent: &Tensor) -> Result<Tensor> {
        let critics = self.values.constant_layers()?;
        let q = mlp(&critics[Q], &cat(&[&batch.observation, &draw.action, latent])?)?;
        sac::soft_value(&q, &draw.log_probability)
    }

    /// What actors need: policy and encoder.
    ///
    /// # Errors
    /// If a parameter is not finite or libtorch fails.
    pub fn acting(&self) -> Result<Params> {
        let mut tensors = self.policy.export()?.tensors().to_vec();
        tensors.extend_from_slice(self.values.export_stack(ENCODER)?.tensors());
        Ok(Params::new(tensors)?)
    }

    /// Every parameter, the targets and Adam's moments (as `adam_first.<parameter>`,
    /// `adam_second.<parameter>`, and the step counts `adam_steps.values` and
    /// `adam_steps.policy`).
    ///
    /// # Errors
    /// If a number is not finite or libtorch fails.
    pub fn everything(&self) -> Result<Params> {
        let mut tensors = Vec::new();
        for (group, adam, name) in [
            (&self.values, &self.values_adam, "values"),
            (&self.policy, &self.policy_adam, "policy"),
        ] {
            tensors.extend_from_slice(group.export()?.tensors());
            tensors.extend(prefixed(FIRST, &group.export_like(adam.first())?)?);
            tensors.extend(prefixed(SECOND, &group.export_like(adam.second())?)?);
            let steps = to_host(adam.steps())?;
            tensors.push(nets::Tensor::new(format!("{STEPS}{name}"), vec![1], steps)?);
        }
        tensors.extend_from_slice(self.target.export()?.tensors());
        Ok(Params::new(tensors)?)
    }

    /// Gradients under the names of their parameters.
    ///
    /// # Errors
    /// If a number is not finite or libtorch fails.
    pub fn name_gradients(&self, gradients: &Gradients) -> Result<Params> {
        let mut tensors = self.values.export_like(&gradients.values)?.tensors().to_vec();
        tensors.extend_from_slice(self.policy.export_like(&gradients.policy)?.tensors());
        Ok(Params::new(tensors)?)
    }

    /// What the policy does, `[n, action]` row-major, for the host arrays that an actor would pass:
    /// observations `[n, observation]`, latents `[n, latent]`, standard normal noise `[n, action]`.
    ///
    /// # Errors
    /// If lengths do not fit or libtorch fails.
    pub fn act(&self, observations: &[f32], latents: &[f32], noise: &[f32]) -> Result<Vec<f32>> {
        let policy = &self.agent.policy;
        let device = self.policy.flat().device();
        let rows = |values: &[f32], width: usize| -> Result<Tensor> {
            let tensor = Tensor::f_from_slice(values)?.f_view([-1, width as i64])?;
            Ok(tensor.f_to_device(device)?)
        };
        let observations = rows(observations, policy.observation)?;
        let input = cat(&[&observations, &rows(latents, policy.latent)?])?;
        let noise = rows(noise, policy.action)?;
        let layers = self.policy.constant_layers()?;
        let draw = tch::no_grad(|| squashed_gaussian::draw(&layers[0], &input, &noise))?;
        to_host(&draw.action)
    }

    /// The spec of the acting networks.
    #[must_use]
    pub fn agent(&self) -> &AgentSpec {
        &self.agent
    }
}

fn stack_of(networks: &[Network]) -> Option<Stack> {
    networks.first().map(Stack::single)
}

fn prefixed(prefix: &str, params: &Params) -> Result<Vec<nets::Tensor>> {
    let rename = |t: &nets::Tensor| {
        nets::Tensor::new(format!("{prefix}{}", t.name()), t.shape().to_vec(), t.data().to_vec())
    };
    Ok(params.tensors().iter().map(rename).collect::<std::result::Result<_, _>>()?)
}

/// `[tasks, latent]` to `[n, latent]`: each task's z for each of its transitions.
fn repeat(latent: &Tensor, batch: &Batch) -> Result<Tensor> {
    let per_task = batch.reward.size()[0] / latent.size()[0];
    Ok(latent.f_repeat_interleave_self_int(per_task, 0, None::<i64>)?)
}

fn cat(columns: &[&Tensor]) -> Result<Tensor> {
    Ok(Tensor::f_cat(columns, 1)?)
}

fn gradient(loss: &Tensor, group: &Group) -> Result<Tensor> {
    let mut gradients = Tensor::f_run_backward(&[loss], &[group.flat()], true, false)?;
    match gradients.pop() {
        Some(gradient) => Ok(gradient),
        None => Ok(group.flat().f_detach()?.f_zeros_like()?),
    }
}

/// Draws the initial parameters of all networks; targets are copies of what they follow.
///
/// # Errors
/// Never for networks with names of their own.
pub fn initial(spec: &PearlSpec, seed: u64) -> Result<Params> {
    let mut tensors = Vec::new();
    for (index, network) in spec.trained().iter().enumerate() {
        let mut rng = types::stream(seed, types::Role::Initialise, index as u64, 0);
        tensors.extend(nets::init::network(network, &mut rng));
    }
    let mut copies = Vec::new();
    for target in spec.critics.targets() {
        for part in target.parameters() {
            let source = part.name.trim_start_matches("target_");
            let original = tensors.iter().find(|t: &&nets::Tensor| t.name() == source);
            if let Some(original) = original {
                copies.push(nets::Tensor::new(part.name, part.shape, original.data().to_vec())?);
            }
        }
    }
    tensors.extend(copies);
    Ok(Params::new(tensors)?)
}
