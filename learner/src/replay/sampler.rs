//! Which experience an update uses, and its way onto the device.

use crate::error::Result;
use crate::pearl::{Batch, Noise};
use crate::replay::row::RowLayout;
use rand::RngExt as _;
use rand_distr::StandardNormal;
use tch::{Device, Kind, Tensor};
use types::{Role, stream};

/// How much an update uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleSizes {
    /// Tasks.
    pub tasks: usize,
    /// Transitions per task.
    pub transitions: usize,
    /// Context transitions per task.
    pub context: usize,
}

impl SampleSizes {
    /// Transitions that one update samples for the agent.
    #[must_use]
    pub fn samples(&self) -> u64 {
        (self.tasks * self.transitions) as u64
    }
}

/// Rows of one update on the host; reused, so that sampling allocates nothing.
#[derive(Debug, Default)]
pub struct HostBatch {
    /// `[tasks · transitions, width]`.
    pub rows: Vec<f32>,
    /// `[tasks · context, context width]`.
    pub context: Vec<f32>,
}

impl HostBatch {
    /// Empties it and keeps the memory.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.context.clear();
    }
}

/// The tasks of update number `update`: drawn without replacement while there are enough.
#[must_use]
pub fn choose_tasks(seed: u64, update: u64, wanted: usize, available: usize) -> Vec<usize> {
    let mut rng = stream(seed, Role::Sample, update, 0);
    if wanted > available {
        return (0..wanted).map(|_| rng.random_range(0..available)).collect();
    }
    rand::seq::index::sample(&mut rng, available, wanted).into_vec()
}

/// Standard normal numbers for update number `update`: latent, next action, action.
#[derive(Debug, Default)]
pub struct HostNoise {
    numbers: Vec<f32>,
}

impl HostNoise {
    /// Draws `count` numbers for an update.
    pub fn draw(&mut self, seed: u64, update: u64, count: usize) -> &[f32] {
        let mut rng = stream(seed, Role::UpdateNoise, update, 0);
        self.numbers.clear();
        self.numbers.extend((0..count).map(|_| rng.sample::<f32, _>(StandardNormal)));
        &self.numbers
    }
}

/// Shapes of the noise of one update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoiseShape {
    /// Tasks.
    pub tasks: usize,
    /// Numbers in z.
    pub latent: usize,
    /// Transitions over all tasks.
    pub transitions: usize,
    /// Numbers in an action.
    pub action: usize,
}

impl NoiseShape {
    /// Numbers needed.
    #[must_use]
    pub fn count(&self) -> usize {
        self.tasks * self.latent + 2 * self.transitions * self.action
    }
}

/// Copies a batch to the device: three copies, whatever the number of arrays in it.
///
/// # Errors
/// If libtorch fails.
pub fn to_device(
    host: &HostBatch,
    noise: &[f32],
    shape: NoiseShape,
    layout: &RowLayout,
    device: Device,
) -> Result<Batch> {
    let matrix = |values: &[f32], width: usize| -> Result<Tensor> {
        Ok(upload(values, device)?.f_view([-1, width as i64])?)
    };
    let rows = matrix(&host.rows, layout.width())?;
    let column = |(start, length): (i64, i64)| rows.f_narrow(1, start, length);
    let [observation, action, next_observation, reward, not_terminated] = layout.columns();
    Ok(Batch {
        observation: column(observation)?,
        action: column(action)?,
        reward: column(reward)?,
        next_observation: column(next_observation)?,
        not_terminated: column(not_terminated)?,
        context: matrix(&host.context, layout.context_width())?,
        noise: split_noise(&upload(noise, device)?, shape)?,
    })
}

/// To a GPU by way of pinned memory: the copy is queued behind the updates before it, and nobody
/// waits for either. (libtorch keeps the pinned block until the copy is done.)
fn upload(values: &[f32], device: Device) -> Result<Tensor> {
    let host = Tensor::f_from_slice(values)?;
    if !device.is_cuda() {
        return Ok(host);
    }
    Ok(host.f_pin_memory(device)?.f_to_device_(device, Kind::Float, true, false)?)
}

fn split_noise(noise: &Tensor, shape: NoiseShape) -> Result<Noise> {
    let NoiseShape { tasks, latent, transitions, action } = shape;
    let sizes = [tasks * latent, transitions * action, transitions * action].map(|n| n as i64);
    let parts = noise.f_split_with_sizes(&sizes[..], 0)?;
    Ok(Noise {
        latent: parts[0].f_view([tasks as i64, latent as i64])?,
        next_action: parts[1].f_view([transitions as i64, action as i64])?,
        action: parts[2].f_view([transitions as i64, action as i64])?,
    })
}
