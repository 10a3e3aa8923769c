//! Which experience an update uses, and its way onto the device.

use crate::error::Result;
use crate::experience::ChunkLayout;
use crate::inference::Windows;
use crate::replay::ring::TaskReplay;
use crate::replay::row::RowLayout;
use crate::replay::window::{HostWindows, WindowShape};
use rand::{Rng, RngExt as _};
use rand_distr::StandardNormal;
use tch::{Device, Kind, Tensor};
use types::{Role, stream};

/// How much an update of the agent uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleSizes {
    /// Tasks.
    pub tasks: usize,
    /// Transitions per task.
    pub transitions: usize,
    /// What the task is inferred from.
    pub source: LatentDraw,
}

/// What an update of the agent infers the task from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatentDraw {
    /// So many context transitions per task.
    Set(usize),
    /// The window before each transition.
    Windows(WindowShape),
    /// The windows before and after each transition.
    BothWindows(WindowShape),
    /// The labels of each transition.
    Labels,
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
    /// `[tasks · context, context width]`, for sets.
    pub context: Vec<f32>,
    /// Before each transition.
    pub windows: HostWindows,
    /// After each transition.
    pub next_windows: HostWindows,
    /// `[tasks · transitions, label width]`: labels before each transition.
    pub labels: Vec<f32>,
    /// Labels after each transition.
    pub next_labels: Vec<f32>,
}

impl HostBatch {
    /// Empties it and keeps the memory.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.context.clear();
        self.windows.clear();
        self.next_windows.clear();
        self.labels.clear();
        self.next_labels.clear();
    }

    /// Adds what an update draws of one task.
    pub fn draw<R: Rng>(
        &mut self,
        replay: &TaskReplay,
        (chunks, layout): (ChunkLayout, &RowLayout),
        sizes: SampleSizes,
        rng: &mut R,
    ) {
        let ring = &replay.transitions;
        let numbers = match sizes.source {
            LatentDraw::Labels => replay.labels.range(),
            _ => ring.numbers(),
        };
        // The oldest transitions may have gone since they were labelled.
        let numbers = numbers.start.max(ring.numbers().start)..numbers.end;
        for _ in 0..if numbers.is_empty() { 0 } else { sizes.transitions } {
            let number = rng.random_range(numbers.clone());
            ring.one(number, chunks, |transitions, i| {
                layout.push_row(&transitions, i, &mut self.rows);
            });
            self.draw_source(replay, (chunks, layout), sizes.source, number, rng);
        }
        if let LatentDraw::Set(count) = sizes.source {
            replay.context.sample(count, chunks, rng, |transitions, i| {
                layout.push_context(&transitions, i, &mut self.context);
            });
        }
    }

    fn draw_source<R: Rng>(
        &mut self,
        replay: &TaskReplay,
        layouts: (ChunkLayout, &RowLayout),
        source: LatentDraw,
        number: u64,
        rng: &mut R,
    ) {
        match source {
            LatentDraw::Set(_) => {}
            LatentDraw::Windows(shape) | LatentDraw::BothWindows(shape) => {
                let ring = &replay.transitions;
                let reach = ring.reach(number, shape.within);
                let limit = rng.random_range(shape.least..=shape.size);
                self.windows.push(ring, layouts, shape, (number, reach), limit);
                if matches!(source, LatentDraw::BothWindows(_)) {
                    let after = (number + 1, reach + 1);
                    self.next_windows.push(ring, layouts, shape, after, limit);
                }
            }
            LatentDraw::Labels => {
                if let Some((before, after)) = replay.labels.of(number) {
                    self.labels.extend_from_slice(before);
                    self.next_labels.extend_from_slice(after);
                }
            }
        }
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
        self.numbers.resize(count, 0.0);
        fill_normal(&mut rng, &mut self.numbers);
        &self.numbers
    }
}

/// Fills `numbers` with draws from N(0, 1).
pub fn fill_normal(rng: &mut impl Rng, numbers: &mut [f32]) {
    numbers.fill_with(|| rng.sample::<f32, _>(StandardNormal));
}

/// Copies rows of numbers to the device, `[n, width]`.
///
/// To a GPU by way of pinned memory: the copy is queued behind the updates before it, and nobody
/// waits for either. (libtorch keeps the pinned block until the copy is done.)
///
/// # Errors
/// If libtorch fails.
pub fn matrix(values: &[f32], width: usize, device: Device) -> Result<Tensor> {
    let host = Tensor::f_from_slice(values)?.f_view([-1, width as i64])?;
    if !device.is_cuda() {
        return Ok(host);
    }
    Ok(host.f_pin_memory(device)?.f_to_device_(device, Kind::Float, true, false)?)
}

/// Copies windows to the device.
///
/// # Errors
/// If libtorch fails.
pub fn windows(host: &HostWindows, layout: &RowLayout, device: Device) -> Result<Windows> {
    let width = layout.context_width();
    let rows = matrix(&host.rows, width, device)?;
    let contexts = host.lengths.len() as i64;
    let length = Tensor::f_from_slice(&host.lengths)?.f_to_device(device)?;
    Ok(Windows { rows: rows.f_view([contexts, -1, width as i64])?, length })
}
