//! Updates of the agent.

use super::Trainer;
use crate::error::Result;
use crate::inference::Windows;
use crate::inference::posterior::noise_width;
use crate::method::{Batch, Noise, Source};
use crate::replay::sampler::{LatentDraw, choose_tasks, matrix, windows};
use std::time::Instant;
use tch::Tensor;
use types::experiment::{Inference, Latents, NextLatent};
use types::{Role, stream};

/// What updates of the agent infer the task from.
pub(super) fn source(inference: &Inference) -> LatentDraw {
    let Some(shape) = crate::replay::WindowShape::of(inference) else {
        return LatentDraw::Set(inference.context_size());
    };
    let relabelled = inference.training.as_ref().is_some_and(|t| t.latents == Latents::Relabelled);
    match (relabelled, inference.next_latent) {
        (true, _) => LatentDraw::Labels,
        (false, NextLatent::Same) => LatentDraw::Windows(shape),
        (false, NextLatent::Inferred) => LatentDraw::BothWindows(shape),
    }
}

impl Trainer {
    pub(super) fn update_agent(&mut self) -> Result<()> {
        let began = Instant::now();
        let seed = self.experiment.seed;
        let available = self.collector.plan().tasks as usize;
        let tasks = choose_tasks(seed, self.updates, self.sizes.tasks, available);
        let mut rng = stream(seed, Role::Sample, self.updates, 1);
        self.store.sample(&tasks, self.sizes, &mut rng, &mut self.host_batch);
        let batch = self.batch()?;
        self.meter.sampling(began.elapsed());
        let began = Instant::now();
        let losses = self.method.update(&batch)?;
        self.meter.update(&losses, began.elapsed())?;
        self.updates += 1;
        self.sampled += self.sizes.samples();
        self.unpublished = true;
        Ok(())
    }

    /// What was sampled, on the device.
    fn batch(&mut self) -> Result<Batch> {
        let (layout, device) = (self.store.layout(), self.device);
        let rows = matrix(&self.host_batch.rows, layout.width(), device)?;
        let source = self.source()?;
        let noise = self.noise(source.contexts()?, rows.size()[0])?;
        let column = |(start, length): (i64, i64)| rows.f_narrow(1, start, length);
        let [observation, action, next_observation, reward, not_terminated] = layout.columns();
        Ok(Batch {
            observation: column(observation)?,
            action: column(action)?,
            reward: column(reward)?,
            next_observation: column(next_observation)?,
            not_terminated: column(not_terminated)?,
            source,
            noise,
        })
    }

    fn source(&self) -> Result<Source> {
        let (host, layout, device) = (&self.host_batch, self.store.layout(), self.device);
        let next = || windows(&host.next_windows, &layout, device);
        Ok(match self.sizes.source {
            LatentDraw::Set(size) => {
                let tasks = self.sizes.tasks as i64;
                let rows = matrix(&host.context, layout.context_width(), device)?;
                let rows = rows.f_view([tasks, size as i64, layout.context_width() as i64])?;
                let length = Tensor::f_from_slice(&vec![size as i64; self.sizes.tasks])?;
                Source::Sets(Windows { rows, length: length.f_to_device(device)? })
            }
            LatentDraw::Windows(_) => {
                Source::Windows { now: windows(&host.windows, &layout, device)?, next: None }
            }
            LatentDraw::BothWindows(_) => Source::Windows {
                now: windows(&host.windows, &layout, device)?,
                next: Some(next()?),
            },
            LatentDraw::Labels => Source::Labels {
                now: self.belief_of(&host.labels)?,
                next: self.belief_of(&host.next_labels)?,
            },
        })
    }

    /// Standard normal numbers for update number `self.updates`: latent, next action, action, and
    /// next latent where that is inferred.
    fn noise(&mut self, contexts: i64, n: i64) -> Result<Noise> {
        let encoder = &self.method.agent().encoder;
        let latent = match self.sizes.source {
            LatentDraw::Labels => encoder.latent,
            _ => noise_width(encoder),
        } as i64;
        let next = match self.experiment.inference.next_latent {
            NextLatent::Inferred => contexts,
            NextLatent::Same => 0,
        };
        let action = self.method.agent().policy.action as i64;
        let sizes = [contexts * latent, n * action, n * action, next * latent];
        let count = usize::try_from(sizes.iter().sum::<i64>()).unwrap_or(0);
        let numbers = self.host_noise.draw(self.experiment.seed, self.updates, count);
        let parts = matrix(numbers, 1, self.device)?.f_view([-1])?;
        let parts = parts.f_split_with_sizes(&sizes[..], 0)?;
        Ok(Noise {
            latent: parts[0].f_view([contexts, latent])?,
            next_action: parts[1].f_view([n, action])?,
            action: parts[2].f_view([n, action])?,
            next_latent: parts[3].f_view([next, latent])?,
        })
    }
}
