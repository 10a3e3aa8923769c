//! The Dirichlet-process mixture as prior: fitted to posterior means now and then.

use super::inference::narrow;
use crate::error::{Error, Result};
use crate::inference::Components;
use mixture::{Mixture, Moves, Schedule, Settings};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;
use tch::Device;
use types::experiment::{DirichletProcess, Prior, Refit};

/// A mixture, and when it is fitted again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FittedPrior {
    process: DirichletProcess,
    mixture: Option<Mixture>,
    /// The cycle after which it is fitted next.
    next: u64,
}

impl FittedPrior {
    /// Not fitted yet; `None` for another prior.
    #[must_use]
    pub fn of(prior: &Prior) -> Option<Self> {
        let Prior::DirichletProcess(process) = prior else {
            return None;
        };
        let next = schedule(process.refit).first();
        Some(Self { process: *process, mixture: None, next })
    }

    /// Whether a fit follows cycle number `cycle`, counted from 0.
    #[must_use]
    pub fn is_due(&self, cycle: u64) -> bool {
        cycle >= self.next
    }

    /// Posterior means that a fit sees.
    #[must_use]
    pub fn latents(&self) -> usize {
        self.process.latents
    }

    /// Fits it to `means` `[n, latent]`, from where it is; gives the number of components.
    ///
    /// # Errors
    /// If the means are not finite.
    pub fn fit(&mut self, means: &[f32], latent: usize, cycle: u64, seed: u64) -> Result<usize> {
        let mut rng = types::stream(seed, types::Role::Mixture, cycle, 0);
        let settings = settings(&self.process);
        let fitted = mixture::fit(means, latent, &settings, self.mixture.as_ref(), &mut rng);
        let (mixture, _) =
            fitted.map_err(|why| Error::Message { what: "fit the prior", why: why.to_string() })?;
        self.next = schedule(self.process.refit).after(cycle);
        let components = mixture.components();
        self.mixture = Some(mixture);
        Ok(components)
    }

    /// The mixture, if it has been fitted.
    #[must_use]
    pub fn mixture(&self) -> Option<&Mixture> {
        self.mixture.as_ref()
    }

    /// The mixture as tensors, if it has been fitted.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn components(&self, device: Device) -> Result<Option<Components>> {
        let Some(mixture) = &self.mixture else { return Ok(None) };
        let narrow = |numbers: Vec<f64>| numbers.into_iter().map(narrow).collect::<Vec<f32>>();
        let [weights, means, variances] =
            [mixture.weights(), mixture.means(), mixture.variances()].map(narrow);
        Ok(Some(Components::new(&weights, &means, &variances, device)?))
    }
}

fn schedule(refit: Refit) -> Schedule {
    let at_least_one = |count| NonZeroU64::new(count).unwrap_or(NonZeroU64::MIN);
    match refit {
        Refit::Every { start, cycles } => {
            Schedule::Every { start_epoch: start, epochs: at_least_one(cycles) }
        }
        Refit::Slowing { total } => Schedule::Stretching { num_epochs: at_least_one(total) },
    }
}

fn settings(process: &DirichletProcess) -> Settings {
    Settings {
        concentration: process.concentration,
        scale: process.scale,
        batches: process.batches,
        laps: process.laps,
        fresh: process.fresh,
        fewest_in_target: process.least as f64,
        fewest_in_fresh: process.least as f64,
        most_components: process.most,
        moves: Moves::ALL,
        ..Settings::melts()
    }
}
