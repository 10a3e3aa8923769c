//! Networks with their optimiser.

use crate::error::Result;
use crate::networks::parameters::to_host;
use crate::networks::{Adam, AdamSettings, Group, Stack};
use nets::{Params, TensorShape};
use tch::{Device, Tensor};

/// Prefixes of Adam's state in a checkpoint.
const FIRST: &str = "adam_first.";
const SECOND: &str = "adam_second.";
const STEPS: &str = "adam_steps.";

/// Networks that are moved together.
#[derive(Debug)]
pub(super) struct Trainable {
    name: &'static str,
    /// Their parameters.
    pub(super) group: Group,
    adam: Adam,
}

impl Trainable {
    /// Takes values from `params`; Adam's moments are zero.
    ///
    /// # Errors
    /// If a parameter is missing or misshapen.
    pub(super) fn new(
        name: &'static str,
        stacks: Vec<Stack>,
        (params, device): (&Params, Device),
        settings: AdamSettings,
    ) -> Result<Self> {
        let group = Group::new(stacks, params, device)?;
        Ok(Self { name, adam: Adam::new(settings, group.flat())?, group })
    }

    /// Takes Adam's moments from `params` too.
    ///
    /// # Errors
    /// If a tensor is missing or misshapen.
    pub(super) fn resume(&mut self, params: &Params, settings: AdamSettings) -> Result<()> {
        let first = self.group.gather_like(FIRST, params)?;
        let second = self.group.gather_like(SECOND, params)?;
        let steps = TensorShape { name: format!("{STEPS}{}", self.name), shape: vec![1] };
        let steps = params.data(&steps)?.first().copied().unwrap_or(0.0);
        self.adam = Adam::resume(settings, first, second, steps)?;
        Ok(())
    }

    /// One step of Adam, if `usable` is 1.
    ///
    /// # Errors
    /// If libtorch fails.
    pub(super) fn step(&mut self, gradient: &Tensor, usable: &Tensor) -> Result<()> {
        self.adam.step(self.group.flat(), gradient, usable)
    }

    /// Parameters and Adam's state by name.
    ///
    /// # Errors
    /// If a number is not finite or libtorch fails.
    pub(super) fn export(&self, tensors: &mut Vec<nets::Tensor>) -> Result<()> {
        let Self { name, group, adam } = self;
        tensors.extend_from_slice(group.export()?.tensors());
        tensors.extend(prefixed(FIRST, &group.export_like(adam.first())?)?);
        tensors.extend(prefixed(SECOND, &group.export_like(adam.second())?)?);
        let steps = to_host(adam.steps())?;
        tensors.push(nets::Tensor::new(format!("{STEPS}{name}"), vec![1], steps)?);
        Ok(())
    }
}

/// Tensors with `prefix` in front of their names.
///
/// # Errors
/// Never for names of their own.
pub fn prefixed(prefix: &str, params: &Params) -> Result<Vec<nets::Tensor>> {
    let rename = |t: &nets::Tensor| {
        nets::Tensor::new(format!("{prefix}{}", t.name()), t.shape().to_vec(), t.data().to_vec())
    };
    Ok(params.tensors().iter().map(rename).collect::<std::result::Result<_, _>>()?)
}

/// Gradients of `loss` with respect to the buffers of `groups`.
///
/// # Errors
/// If libtorch fails, or the loss does not depend on one of them.
pub(super) fn gradients(loss: &Tensor, groups: &[&Group]) -> Result<Vec<Tensor>> {
    let leaves: Vec<&Tensor> = groups.iter().map(|group| group.flat()).collect();
    Ok(Tensor::f_run_backward(&[loss], &leaves, true, false)?)
}
