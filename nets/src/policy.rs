//! π(a|s,z) on the CPU.

use crate::error::length;
use crate::gaussian::LOG_STD_RANGE;
use crate::mlp::Mlp;
use crate::{Error, Params, PolicySpec};

/// The policy of one version of the weights, with room for its activations.
#[derive(Debug)]
pub struct PolicyNet {
    spec: PolicySpec,
    mlp: Mlp,
}

impl PolicyNet {
    /// Takes the parameters `policy.*` out of `params`; others may be there.
    ///
    /// # Errors
    /// [`Error::Spec`] for impossible sizes; [`Error::Missing`] or [`Error::Shape`] for the first
    /// parameter that is not as `spec` says.
    pub fn from_params(spec: &PolicySpec, params: &Params) -> Result<Self, Error> {
        spec.check()?;
        let mlp = Mlp::from_params(&spec.network(), params)?;
        let spec = spec.clone();
        Ok(Self { spec, mlp })
    }

    /// Sizes of the policy.
    #[must_use]
    pub fn spec(&self) -> &PolicySpec {
        &self.spec
    }

    /// Fills `actions` `[n, action]` for `observations` `[n, observation]` and `latents`
    /// `[n, latent]`: a = tanh(mean + σ `noise`) with `noise` `[n, action]` from N(0, I), or
    /// a = tanh(mean) without noise.
    ///
    /// Allocates nothing, except when `n` is larger than ever before. An action depends on its own
    /// row only, to the last bit.
    ///
    /// # Errors
    /// [`Error::Length`] if the slices do not agree on `n`.
    pub fn act(
        &mut self,
        observations: &[f32],
        latents: &[f32],
        noise: Option<&[f32]>,
        actions: &mut [f32],
    ) -> Result<(), Error> {
        let width = self.spec.action;
        let n = observations.len() / self.spec.observation;
        length("actions", n * width, actions.len())?;
        if let Some(noise) = noise {
            length("noise", n * width, noise.len())?;
        }
        let heads = self.heads(observations, latents)?;
        for (row, (heads, actions)) in heads.zip(actions.chunks_exact_mut(width)).enumerate() {
            let (mean, log_std) = heads.split_at(width);
            let Some(noise) = noise else {
                squash(actions, mean.iter().copied());
                continue;
            };
            let noise = &noise[row * width..][..width];
            let draws = mean.iter().zip(log_std).zip(noise);
            squash(actions, draws.map(|((m, s), e)| m + libm::expf(clamp(*s)) * e));
        }
        Ok(())
    }

    /// Fills `mean` and `log_std` `[n, action]`: the Gaussian before the squashing, log σ clamped.
    ///
    /// # Errors
    /// [`Error::Length`] if the slices do not agree on `n`.
    pub fn gaussian(
        &mut self,
        observations: &[f32],
        latents: &[f32],
        mean: &mut [f32],
        log_std: &mut [f32],
    ) -> Result<(), Error> {
        let width = self.spec.action;
        let n = observations.len() / self.spec.observation;
        length("mean", n * width, mean.len())?;
        length("log_std", n * width, log_std.len())?;
        let out = mean.chunks_exact_mut(width).zip(log_std.chunks_exact_mut(width));
        for (heads, (mean, log_std)) in self.heads(observations, latents)?.zip(out) {
            mean.copy_from_slice(&heads[..width]);
            for (log_std, &raw) in log_std.iter_mut().zip(&heads[width..]) {
                *log_std = clamp(raw);
            }
        }
        Ok(())
    }

    /// Rows `[mean, log σ before clamping]`.
    fn heads(
        &mut self,
        observations: &[f32],
        latents: &[f32],
    ) -> Result<impl Iterator<Item = &[f32]>, Error> {
        let (observation, latent) = (self.spec.observation, self.spec.latent);
        let n = observations.len() / observation;
        length("observations", n * observation, observations.len())?;
        length("latents", n * latent, latents.len())?;
        let rows = observations.chunks_exact(observation);
        let rows = rows.zip(latents.chunks_exact(latent));
        for (input, (observation, latent)) in self.mlp.inputs(n).zip(rows) {
            let (front, back) = input.split_at_mut(observation.len());
            front.copy_from_slice(observation);
            back.copy_from_slice(latent);
        }
        Ok(self.mlp.forward())
    }
}

fn clamp(log_std: f32) -> f32 {
    let [least, greatest] = LOG_STD_RANGE;
    log_std.clamp(least, greatest)
}

fn squash(actions: &mut [f32], before: impl Iterator<Item = f32>) {
    for (action, u) in actions.iter_mut().zip(before) {
        *action = libm::tanhf(u);
    }
}
