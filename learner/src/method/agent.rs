//! One update of the agent: soft actor–critic on observation and z.
//!
//! Where the encoder is trained along (PEARL, RL2), only the Bellman loss and the KL reach it;
//! everything else sees z detached. All gradients are taken before any parameter moves. Nothing in
//! an update waits for the device.

use super::batch::{Batch, Source};
use super::spec::MethodSettings;
use super::trainable::gradients;
use super::{Losses, Method};
use crate::agents::soft_actor_critic as sac;
use crate::agents::squashed_gaussian::{self, Draw};
use crate::error::Result;
use crate::inference::{self, Belief};
use crate::networks::forward::mlp;
use crate::networks::{Layer, adam};
use tch::{Kind, Tensor};
use types::experiment::{CriticForm, NextLatent, Objective};

/// Positions of the stacks in the buffer of the critics.
pub(super) const Q: usize = 0;
pub(super) const V: usize = 1;

/// Gradients of one update, laid out like the buffers they belong to.
#[derive(Debug)]
pub struct Gradients {
    /// Of the encoder and what is trained with it; `None` where that is trained apart.
    pub inference: Option<Tensor>,
    /// Of the critics.
    pub critics: Tensor,
    /// Of the policy.
    pub policy: Tensor,
    /// Of log α; `None` where it is fixed.
    pub temperature: Option<Tensor>,
}

/// z at a transition and after it.
struct Latents {
    /// `[n, given]`, with gradient to the encoder where that is trained along.
    now: Tensor,
    /// `[n, given]`, without.
    next: Tensor,
    /// KL of the posteriors to the prior, summed over tasks, `[]`.
    kl: Tensor,
}

impl Method {
    /// One gradient step on agent, and encoder where they go together.
    ///
    /// # Errors
    /// If shapes do not fit or libtorch fails.
    pub fn update(&mut self, batch: &Batch) -> Result<Losses> {
        let (mut losses, gradients) = self.gradients(batch)?;
        let Gradients { inference, critics, policy, temperature } = &gradients;
        let all: Vec<&Tensor> =
            [critics, policy].into_iter().chain(inference).chain(temperature).collect();
        let terms = [&losses.q, &losses.kl, &losses.policy, &losses.v];
        losses.usable = adam::usable(&terms, &all)?;
        if let Some(gradient) = inference {
            self.inference.step(gradient, &losses.usable)?;
        }
        self.critics.step(critics, &losses.usable)?;
        self.policy.step(policy, &losses.usable)?;
        if let (Some(trainable), Some(gradient)) = (&mut self.temperature, temperature) {
            trainable.step(gradient, &losses.usable)?;
        }
        let leader = match self.form() {
            CriticForm::TwinQ => self.critics.group.part(Q)?,
            CriticForm::VNetwork => self.critics.group.part(V)?,
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
        let critics = self.critics.group.layers()?;
        let policy = self.policy.group.layers()?;
        let alpha = self.alpha()?;
        let latents = self.latents(batch)?;
        let detached = latents.now.f_detach()?;

        let target = self.q_target(batch, &policy[0], &latents.next, &alpha)?;
        let q = mlp(&critics[Q], &cat(&[&batch.observation, &batch.action, &latents.now])?)?;
        let q_loss = sac::q_loss(&q, &target)?;

        let input = cat(&[&batch.observation, &detached])?;
        let draw = squashed_gaussian::draw(&policy[0], &input, &batch.noise.action)?;
        let soft_value = self.soft_value(batch, &draw, &detached, &alpha)?;
        let policy_loss =
            sac::policy_loss(&draw, &soft_value, settings.mean_penalty, settings.log_std_penalty)?;
        let v_loss = match critics.get(V) {
            Some(v) => sac::v_loss(&mlp(v, &input)?, &soft_value)?,
            None => q_loss.f_detach()?.f_zeros_like()?,
        };
        let gradients = Gradients {
            temperature: self.temperature_gradient(&draw)?,
            ..self.split(&q_loss, &v_loss, &policy_loss, &latents.kl)?
        };
        let usable = q_loss.f_detach()?.f_ones_like()?;
        let alpha = alpha.f_detach()?;
        let losses =
            Losses { q: q_loss, kl: latents.kl, policy: policy_loss, v: v_loss, alpha, usable };
        Ok((losses, gradients))
    }

    /// Gradients of values, policy and, where it is trained along, encoder.
    fn split(
        &self,
        q_loss: &Tensor,
        v_loss: &Tensor,
        policy_loss: &Tensor,
        kl: &Tensor,
    ) -> Result<Gradients> {
        let (inference, critics) = (&self.inference.group, &self.critics.group);
        let values = q_loss.f_add(v_loss)?;
        let mut policy = gradients(policy_loss, &[&self.policy.group])?;
        let (values, groups) = match self.joint_kl_weight() {
            Some(weight) => {
                (q_loss.f_add(&kl.f_mul_scalar(weight)?)?.f_add(v_loss)?, vec![inference, critics])
            }
            None => (values, vec![critics]),
        };
        let mut values = gradients(&values, &groups)?;
        let zeros = |tensor: Option<Tensor>, like: &Tensor| -> Result<Tensor> {
            tensor.map_or_else(|| Ok(like.f_detach()?.f_zeros_like()?), Ok)
        };
        Ok(Gradients {
            critics: zeros(values.pop(), critics.flat())?,
            inference: values.pop(),
            policy: zeros(policy.pop(), self.policy.group.flat())?,
            temperature: None,
        })
    }

    /// The weight of the KL where the Bellman loss trains the encoder.
    fn joint_kl_weight(&self) -> Option<f64> {
        match self.settings.objective {
            Objective::Bellman { kl_weight } if !self.settings.frozen => Some(kl_weight),
            _ => None,
        }
    }

    fn latents(&self, batch: &Batch) -> Result<Latents> {
        match self.joint_kl_weight() {
            Some(_) => self.latents_of(batch, &self.inference.group.named_layers()?),
            None => {
                tch::no_grad(|| self.latents_of(batch, &self.inference.group.named_constants()?))
            }
        }
    }

    fn latents_of(&self, batch: &Batch, layers: &crate::networks::NamedLayers) -> Result<Latents> {
        let spec = &self.spec.agent.encoder;
        let infer = |windows| inference::encoder::infer(spec, layers, windows);
        let noise = &batch.noise;
        let observed = |belief: &Belief, noise| belief.observed(spec, noise);
        let n = batch.reward.size()[0];
        match &batch.source {
            Source::Sets(context) => {
                let belief = infer(context)?;
                let z = observed(&belief, &noise.latent)?;
                let per_task = n / z.size()[0];
                let now = z.f_repeat_interleave_self_int(per_task, 0, None::<i64>)?;
                Ok(Latents { next: now.f_detach()?, now, kl: kl_to_standard(&belief)? })
            }
            Source::Windows { now, next } => {
                let belief = infer(now)?;
                let z = observed(&belief, &noise.latent)?;
                let next = match next {
                    Some(next) => {
                        tch::no_grad(|| observed(&infer(next)?, &noise.next_latent))?.f_detach()?
                    }
                    None => z.f_detach()?,
                };
                // As many tasks as there would be with sets: the mean over contexts, times tasks.
                let share = self.tasks as f64 / n as f64;
                let kl = kl_to_standard(&belief)?.f_mul_scalar(share)?;
                Ok(Latents { now: z, next, kl })
            }
            Source::Labels { now, next } => {
                let z = observed(now, &noise.latent)?;
                let next = match self.settings.next_latent {
                    NextLatent::Same => z.f_detach()?,
                    NextLatent::Inferred => observed(next, &noise.next_latent)?,
                };
                let kl = z.f_sum(Kind::Float)?.f_zeros_like()?;
                Ok(Latents { kl, now: z, next })
            }
        }
    }

    /// α, `[]`.
    pub(super) fn alpha(&self) -> Result<Tensor> {
        match &self.temperature {
            Some(log_ratio) => {
                let ratio = log_ratio.group.flat().f_detach()?.f_squeeze()?.f_exp()?;
                Ok(ratio.f_mul(&self.initial_alpha)?)
            }
            None => Ok(self.initial_alpha.shallow_clone()),
        }
    }

    /// Of −log α·(log π + H) with respect to log α: −mean (log π + H), H the entropy aimed at.
    fn temperature_gradient(&self, draw: &Draw) -> Result<Option<Tensor>> {
        let Some(trainable) = &self.temperature else {
            return Ok(None);
        };
        let surprise = draw.log_probability.f_detach()?.f_mean(Kind::Float)?;
        let gradient = surprise.f_add_scalar(self.entropy)?.f_neg()?;
        Ok(Some(gradient.f_view_as(trainable.group.flat())?))
    }

    /// y, without gradient.
    fn q_target(
        &self,
        batch: &Batch,
        policy: &[Layer],
        latent: &Tensor,
        alpha: &Tensor,
    ) -> Result<Tensor> {
        tch::no_grad(|| {
            let target = self.target.constant_layers()?;
            let next = cat(&[&batch.next_observation, latent])?;
            let next_value = match self.form() {
                CriticForm::VNetwork => mlp(&target[0], &next)?,
                CriticForm::TwinQ => {
                    let draw = squashed_gaussian::draw(policy, &next, &batch.noise.next_action)?;
                    let input = cat(&[&batch.next_observation, &draw.action, latent])?;
                    sac::soft_value(&mlp(&target[0], &input)?, &draw.log_probability, alpha)?
                }
            };
            let MethodSettings { reward_scale, discount, .. } = self.settings;
            let Batch { reward, not_terminated, .. } = batch;
            sac::bellman_target(reward, not_terminated, &next_value, reward_scale, discount)
        })
    }

    /// min Q(s, ã, z) − α log π(ã|s, z), with gradient to the drawn action alone.
    fn soft_value(
        &self,
        batch: &Batch,
        draw: &Draw,
        latent: &Tensor,
        alpha: &Tensor,
    ) -> Result<Tensor> {
        let critics = self.critics.group.constant_layers()?;
        let q = mlp(&critics[Q], &cat(&[&batch.observation, &draw.action, latent])?)?;
        sac::soft_value(&q, &draw.log_probability, alpha)
    }

    fn form(&self) -> CriticForm {
        self.spec.critics.form
    }
}

/// KL to N(0, I), summed over contexts; 0 where z is not drawn.
fn kl_to_standard(belief: &Belief) -> Result<Tensor> {
    let z = belief.mean()?;
    let each = inference::prior::kl(belief, &inference::Prior::Standard, &z)?;
    Ok(each.f_sum(Kind::Float)?)
}

pub(super) fn cat(columns: &[&Tensor]) -> Result<Tensor> {
    Ok(Tensor::f_cat(columns, 1)?)
}
