//! Convolutions over time.

use super::Seen;
use crate::error::Result;
use crate::networks::parameters::{NamedLayers, network};
use tch::{Kind, Tensor};

/// The mean over time of the last layer's channels, `[b, channels]`. A layer's weight
/// `[channels, kernel · below]` belongs to `kernel` rows side by side, oldest first.
pub(super) fn features(
    count: usize,
    kernel: usize,
    layers: &NamedLayers,
    seen: &Seen,
) -> Result<Tensor> {
    let mut x = seen.rows.f_transpose(1, 2)?;
    for layer in 0..count {
        let layer = &network(layers, &format!("encoder.convolution.{layer}"))?[0];
        let channels = layer.weight.size()[0];
        let weight = layer.weight.f_view([channels, kernel as i64, -1])?.f_transpose(1, 2)?;
        x = x.f_conv1d(&weight, Some(&layer.bias), 1, 0, 1, 1)?.f_relu()?;
    }
    Ok(x.f_mean_dim(-1, false, Kind::Float)?)
}
