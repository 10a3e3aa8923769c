//! Forward pass of an MLP or of an ensemble of equally shaped ones.

use crate::error::Result;
use tch::Tensor;

/// One linear layer of a stack.
#[derive(Debug)]
pub struct Layer {
    /// `[output, input]`, or `[members, output, input]` for an ensemble.
    pub weight: Tensor,
    /// `[output]`, or `[members, 1, output]` for an ensemble.
    pub bias: Tensor,
}

/// ReLU after every layer but the last.
///
/// `input` is `[n, input]`. The result is `[n, output]` for a single network and
/// `[members, n, output]` for an ensemble, whose members all see the same input.
///
/// # Errors
/// If shapes do not fit.
pub fn mlp(layers: &[Layer], input: &Tensor) -> Result<Tensor> {
    let mut x = input.shallow_clone();
    for (index, layer) in layers.iter().enumerate() {
        if index > 0 {
            x = x.f_relu()?;
        }
        x = linear(layer, &x)?;
    }
    Ok(x)
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
