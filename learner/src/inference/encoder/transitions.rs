//! Encoders that do not depend on the order of rows: one MLP for each, and a merge.

use super::Seen;
use crate::error::{Error, Result};
use crate::inference::{gaussian_product, posterior};
use crate::networks::forward::mlp;
use crate::networks::parameters::{NamedLayers, network};
use nets::EncoderSpec;
use tch::{Kind, Tensor};
use types::experiment::Posterior;

/// Mean and variance of the product of Gaussians, `[b, 2 · latent]`.
pub(super) fn product(spec: &EncoderSpec, layers: &NamedLayers, seen: &Seen) -> Result<Tensor> {
    let Posterior::Gaussian { variance } = spec.posterior else {
        return Err(Error::Shape {
            what: "posterior of a product",
            expected: "a gaussian".to_owned(),
            got: format!("{:?}", spec.posterior),
        });
    };
    let described = mlp(network(layers, "encoder")?, &seen.rows)?;
    let factors = posterior::gaussians(variance, &described)?;
    let product = gaussian_product::multiply(&factors, &seen.present, &seen.any()?)?;
    Ok(Tensor::f_cat(&[product.mean, product.variance], -1)?)
}

/// The mean of the rows' features.
pub(super) fn mean(layers: &NamedLayers, seen: &Seen) -> Result<Tensor> {
    mean_features(layers, &seen.rows, seen)
}

/// The mean of the features of neighbours, each row with the one after it and the last with the
/// first.
pub(super) fn pairs(layers: &NamedLayers, seen: &Seen) -> Result<Tensor> {
    let (_, rows, width) = seen.rows.size3()?;
    let first = seen.length.f_neg()?.f_add_scalar(rows)?.f_clamp_max(rows - 1)?;
    let first = first.f_view([-1, 1, 1])?.f_expand([-1, 1, width], false)?;
    let after = [seen.rows.f_narrow(1, 1, rows - 1)?, seen.rows.f_gather(1, &first, false)?];
    let pairs = Tensor::f_cat(&[&seen.rows, &Tensor::f_cat(&after, 1)?], 2)?;
    mean_features(layers, &pairs, seen)
}

/// `rows` `[b, t, n]` to `[b, features]`; 0 where no row is present.
fn mean_features(layers: &NamedLayers, rows: &Tensor, seen: &Seen) -> Result<Tensor> {
    let features = mlp(network(layers, "encoder")?, rows)?.f_relu()?.f_mul(&seen.present)?;
    let sum = features.f_sum_dim_intlist(1, false, Kind::Float)?;
    Ok(sum.f_div(&seen.length.f_clamp_min(1)?.f_unsqueeze(1)?)?)
}
