//! Forward pass of an MLP or of an ensemble of equally shaped ones.

use crate::error::Result;
use tch::{Device, Tensor};

/// Added to the variance in a layer norm.
const NORM_EPSILON: f64 = 1e-5;

/// One pair of a network: a linear layer, or scale and shift.
#[derive(Debug)]
pub struct Layer {
    /// `[output, input]`, or `[members, output, input]` for an ensemble; other blocks as
    /// [`nets::Block::shapes`] says.
    pub weight: Tensor,
    /// `[output]`, or `[members, 1, output]` for an ensemble.
    pub bias: Tensor,
}

/// ReLU after every layer but the last.
///
/// `input` is `[n, input]`. The result is `[n, output]` for a single network (which takes any
/// dimensions in place of `n`) and `[members, n, output]` for an ensemble, whose members all see the same input.
///
/// # Errors
/// If shapes do not fit.
pub fn mlp(layers: &[Layer], input: &Tensor) -> Result<Tensor> {
    let ensemble = layers.first().is_some_and(|layer| layer.weight.dim() == 3);
    if ensemble && input.device() == Device::Cpu {
        return one_by_one(layers, input);
    }
    let mut x = input.shallow_clone();
    for (index, layer) in layers.iter().enumerate() {
        if index > 0 {
            x = x.f_relu()?;
        }
        x = linear(layer, &x)?;
    }
    Ok(x)
}

/// Layer normalisation over the last dimension (Ba et al. 2016, arXiv 1607.06450): zero mean and
/// unit variance, then scale (`weight` `[width]`) and shift (`bias` `[width]`).
///
/// # Errors
/// If shapes do not fit.
pub fn layer_norm(norm: &Layer, x: &Tensor) -> Result<Tensor> {
    let width = norm.weight.size();
    let (scale, shift) = (Some(&norm.weight), Some(&norm.bias));
    Ok(x.f_layer_norm(&width[..], scale, shift, NORM_EPSILON, false)?)
}

/// The members of an ensemble after each other: on a CPU, batched products are slower than single
/// ones (they copy the shared input, and do not use the kernels with a fused bias).
fn one_by_one(layers: &[Layer], input: &Tensor) -> Result<Tensor> {
    let mut members: Vec<Vec<Layer>> = Vec::new();
    for layer in layers {
        let weights = layer.weight.f_unbind(0)?;
        let biases = layer.bias.f_squeeze_dim(1)?.f_unbind(0)?;
        members.resize_with(weights.len(), Vec::new);
        for ((member, weight), bias) in members.iter_mut().zip(weights).zip(biases) {
            member.push(Layer { weight, bias });
        }
    }
    let outputs: Result<Vec<Tensor>> = members.iter().map(|member| mlp(member, input)).collect();
    Ok(Tensor::f_stack(&outputs?, 0)?)
}

fn linear(layer: &Layer, x: &Tensor) -> Result<Tensor> {
    if layer.weight.dim() == 2 {
        return Ok(x.f_linear(&layer.weight, Some(&layer.bias))?);
    }
    let members = layer.weight.size()[0];
    let weight = layer.weight.f_transpose(1, 2)?;
    let batched = if x.dim() == 2 {
        x.f_unsqueeze(0)?.f_expand([members, -1, -1], false)?
    } else {
        x.shallow_clone()
    };
    Ok(layer.bias.f_baddbmm(&batched, &weight, 1.0, 1.0)?)
}
