//! q(z|context) on the CPU.

use crate::error::length;
use crate::gaussian::{MIN_VARIANCE, softplus};
use crate::mlp::Mlp;
use crate::{EncoderSpec, Error, Params, Posterior};

/// Rows that go through the network together: enough to be fast, few enough to stay in cache.
const BLOCK: usize = 32;

/// The encoder of one version of the weights, with room for its activations.
#[derive(Debug)]
pub struct EncoderNet {
    spec: EncoderSpec,
    mlp: Mlp,
    variance: Vec<f32>,
}

impl EncoderNet {
    /// Takes the parameters `encoder.*` out of `params`; others may be there.
    ///
    /// # Errors
    /// [`Error::Spec`] for impossible sizes; [`Error::Missing`] or [`Error::Shape`] for the first
    /// parameter that is not as `spec` says.
    pub fn from_params(spec: &EncoderSpec, params: &Params) -> Result<Self, Error> {
        spec.check()?;
        Ok(Self {
            spec: spec.clone(),
            mlp: Mlp::from_params(&spec.networks()[0], params)?,
            variance: vec![0.; spec.latent],
        })
    }

    /// Sizes of the encoder.
    #[must_use]
    pub fn spec(&self) -> &EncoderSpec {
        &self.spec
    }

    /// Calls `each` with mean and variance `[latent]` of the factor of every row of `context`
    /// `[n, width]`, in order. A factor depends on its own row only, to the last bit.
    ///
    /// # Errors
    /// [`Error::Length`] if `context` is not a whole number of rows.
    pub fn encode(
        &mut self,
        context: &[f32],
        mut each: impl FnMut(&[f32], &[f32]),
    ) -> Result<(), Error> {
        let (width, latent) = (self.spec.width(), self.spec.latent);
        let rows = context.len() / width;
        length("context", rows * width, context.len())?;
        for block in context.chunks(BLOCK * width) {
            let inputs = self.mlp.inputs(block.len() / width);
            for (input, row) in inputs.zip(block.chunks_exact(width)) {
                input.copy_from_slice(row);
            }
            for output in self.mlp.forward() {
                let (mean, raw) = output.split_at(latent);
                for (variance, &x) in self.variance.iter_mut().zip(raw) {
                    *variance = to_variance(x);
                }
                each(mean, &self.variance);
            }
        }
        Ok(())
    }

    /// Multiplies the factors of all rows of `context` `[n, width]` into `posterior`. A context
    /// given piece by piece leads to the same bits as all of it at once.
    ///
    /// # Errors
    /// [`Error::Length`] if `context` is not a whole number of rows, or the posterior has another
    /// number of components.
    pub fn infer(&mut self, context: &[f32], posterior: &mut Posterior) -> Result<(), Error> {
        length("posterior", self.spec.latent, posterior.latent())?;
        let mut result = Ok(());
        self.encode(context, |mean, variance| {
            if result.is_ok() {
                result = posterior.add(mean, variance);
            }
        })?;
        result
    }
}

/// σ² = max(softplus(x), 1e-7).
#[allow(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
fn to_variance(x: f32) -> f32 {
    softplus(f64::from(x)).max(MIN_VARIANCE) as f32
}
