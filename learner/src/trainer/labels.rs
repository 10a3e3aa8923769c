//! Relabelling: what the encoder says of all transitions, kept beside them until it is trained again.

use super::Trainer;
use crate::error::Result;
use crate::inference::Belief;
use crate::inference::Gaussians;
use crate::replay::HostWindows;
use crate::replay::labels::Unlabelled;
use crate::replay::sampler::{matrix, windows};
use types::experiment::Latents;

/// Windows that go through the encoder together. Always as many, filled up with empty ones, so that
/// what it says of one does not depend on when it was asked.
const TOGETHER: usize = 1024;
/// Transitions whose windows are gathered at a time.
const GATHERED: u64 = 4000;

impl Trainer {
    /// Labels what has no labels, where updates of the agent use labels; `false` if it was told to
    /// stop before all had some.
    pub(super) fn label(&mut self) -> Result<bool> {
        let training = self.experiment.inference.training.as_ref();
        let labels = training.is_some_and(|t| t.latents == Latents::Relabelled);
        let (true, Some(shape)) = (labels, self.windows) else {
            return Ok(true);
        };
        if self.labelled_at == Some((self.turns.cycles, self.store.written())) {
            return Ok(true);
        }
        let at = (self.turns.cycles, self.store.written());
        let mut unlabelled = Unlabelled::default();
        for task in 0..self.store.tasks() {
            while let Some(first) = self.store.unlabelled(task, shape, GATHERED, &mut unlabelled) {
                if self.stop.is_cancelled() {
                    return Ok(false);
                }
                self.report_if_due(self.phase())?;
                let said = self.say_all(&unlabelled.windows)?;
                let width = 2 * self.experiment.inference.latent;
                let both = unlabelled.places.iter().flatten();
                let labels: Vec<f32> = both
                    .flat_map(|place| &said[place * width..(place + 1) * width])
                    .copied()
                    .collect();
                self.store.label(task, first, width, &labels);
            }
        }
        self.labelled_at = Some(at);
        Ok(true)
    }

    /// Mean and variance of each window, side by side: `[windows, 2 latent]`.
    fn say_all(&self, all: &HostWindows) -> Result<Vec<f32>> {
        let layout = self.store.layout();
        let count = all.lengths.len();
        let numbers = all.rows.len().checked_div(count).unwrap_or(0);
        let latent = self.experiment.inference.latent;
        let mut said = Vec::with_capacity(count * 2 * latent);
        for start in (0..count).step_by(TOGETHER) {
            let end = count.min(start + TOGETHER);
            let mut part = HostWindows {
                rows: all.rows[start * numbers..end * numbers].to_vec(),
                lengths: all.lengths[start..end].to_vec(),
            };
            part.rows.resize(TOGETHER * numbers, 0.0);
            part.lengths.resize(TOGETHER, 0);
            let whole = self.method.say(&windows(&part, &layout, self.device)?)?;
            let rows = whole.mean.chunks(latent).zip(whole.variance.chunks(latent));
            said.extend(
                rows.take(end - start).flat_map(|(mean, variance)| [mean, variance].concat()),
            );
        }
        Ok(said)
    }

    /// Labels as beliefs.
    pub(super) fn belief_of(&self, labels: &[f32]) -> Result<Belief> {
        let latent = self.experiment.inference.latent;
        let both = matrix(labels, 2 * latent, self.device)?.f_chunk(2, 1)?;
        Ok(Belief::Gaussian(Gaussians {
            mean: both[0].shallow_clone(),
            variance: both[1].shallow_clone(),
        }))
    }
}
