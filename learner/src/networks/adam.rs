//! Adam over one flat buffer, with moments that can be saved.
//!
//! libtorch's own optimiser cannot hand out its state through `tch`, and walks tensor by tensor.

use crate::error::Result;
use tch::{Kind, Tensor};

/// Constants of Adam (Kingma & Ba 2015, arXiv 1412.6980).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamSettings {
    /// Step size α.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
}

impl AdamSettings {
    /// The usual constants with the given step size.
    #[must_use]
    pub fn with_rate(learning_rate: f64) -> Self {
        Self { learning_rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

/// First and second moments of one buffer.
#[derive(Debug)]
pub struct Adam {
    settings: AdamSettings,
    first: Tensor,
    second: Tensor,
    /// Good steps so far, `[]`, on the device: a step that is skipped must not count.
    steps: Tensor,
}

impl Adam {
    /// Moments at zero for a buffer like `parameters`.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn new(settings: AdamSettings, parameters: &Tensor) -> Result<Self> {
        let zeros = parameters.f_detach()?.f_zeros_like()?;
        let steps = Tensor::f_zeros([], (Kind::Float, parameters.device()))?;
        Ok(Self { settings, first: zeros.f_zeros_like()?, second: zeros, steps })
    }

    /// Moments as they were, laid out like the parameters, after `steps` steps that counted.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn resume(
        settings: AdamSettings,
        first: Tensor,
        second: Tensor,
        steps: f32,
    ) -> Result<Self> {
        let device = first.device();
        let steps = Tensor::f_full([], f64::from(steps), (Kind::Float, device))?;
        Ok(Self { settings, first, second, steps })
    }

    /// One step: m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², θ ← θ − α m̂/(√v̂ + ε).
    ///
    /// `usable` is `[]`, 1 or 0: with 0 nothing changes, whatever the gradient holds. It stays on
    /// the device, so that the host does not have to wait for it.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn step(&mut self, parameters: &Tensor, gradient: &Tensor, usable: &Tensor) -> Result<()> {
        tch::no_grad(|| self.step_untracked(parameters, gradient, usable))
    }

    fn step_untracked(
        &mut self,
        parameters: &Tensor,
        gradient: &Tensor,
        usable: &Tensor,
    ) -> Result<()> {
        let AdamSettings { learning_rate, beta1, beta2, epsilon } = self.settings;
        let gradient = gradient.f_nan_to_num(0.0, 0.0, 0.0)?;
        let gradient = gradient.f_mul(usable)?;
        drop(self.steps.f_add_(usable)?);
        drop(self.first.f_lerp_tensor_(&gradient, &usable.f_mul_scalar(1.0 - beta1)?)?);
        let squared = gradient.f_square()?;
        drop(self.second.f_lerp_tensor_(&squared, &usable.f_mul_scalar(1.0 - beta2)?)?);
        let correction = |beta: f64| -> Result<Tensor> {
            // 1 − βᵗ; at least 1 − β, so that a skipped first step does not divide by zero.
            let steps = self.steps.f_clamp_min(1.0)?;
            Ok(steps.f_mul_scalar(beta.ln())?.f_expm1()?.f_neg()?)
        };
        let root = self.second.f_div(&correction(beta2)?)?.f_sqrt()?.f_add_scalar(epsilon)?;
        let rate = usable.f_mul_scalar(-learning_rate)?.f_div(&correction(beta1)?)?;
        drop(parameters.f_detach()?.f_addcdiv_(&self.first.f_mul(&rate)?, &root)?);
        Ok(())
    }

    /// First moment, laid out like the parameters.
    pub fn first(&self) -> &Tensor {
        &self.first
    }

    /// Second moment, laid out like the parameters.
    pub fn second(&self) -> &Tensor {
        &self.second
    }

    /// Steps that counted, `[]`.
    pub fn steps(&self) -> &Tensor {
        &self.steps
    }
}

/// 1 if an update can be applied, else 0; `[]`, on the device of the first.
///
/// Losses and the squares of gradients must sum up to finite numbers: a gradient whose square
/// overflows would leave an infinity in Adam's second moment for good.
///
/// # Errors
/// If libtorch fails.
pub fn usable(losses: &[&Tensor], gradients: &[&Tensor]) -> Result<Tensor> {
    let mut sums = Vec::with_capacity(losses.len() + gradients.len());
    for loss in losses {
        sums.push(loss.f_detach()?.f_sum(Kind::Float)?);
    }
    for gradient in gradients {
        sums.push(gradient.f_detach()?.f_square()?.f_sum(Kind::Float)?);
    }
    let total = Tensor::f_stack(&sums, 0)?.f_sum(Kind::Float)?;
    Ok(total.f_isfinite()?.f_to_kind(Kind::Float)?)
}
