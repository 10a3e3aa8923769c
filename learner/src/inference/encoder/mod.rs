//! Contexts to posteriors, as [`EncoderSpec`] says.
//!
//! The same networks run on actors (`nets`); both are held to numbers recorded from PyTorch. What
//! absent rows mean: an MLP over the window and the convolution see zeros; a recurrent unit skips
//! them; products, means, pairs and attention go without them. Without any row a product is
//! N(0, I), and the features of means, pairs and attention are zero.

mod attention;
mod convolution;
mod recurrent;
mod transitions;

use crate::error::{Error, Result};
use crate::inference::linear_map;
use crate::inference::posterior::Belief;
use crate::networks::Layer;
use crate::networks::forward::mlp;
use crate::networks::parameters::{NamedLayers, network};
use nets::{EncoderSpec, INPUTS};
use tch::{Kind, Tensor};
use types::experiment::{Encoder, Merge};

/// Contexts as tensors: `b` windows or sets of at most `t` rows.
#[derive(Debug)]
pub struct Windows {
    /// `[b, t, width]`, oldest first. Absent rows are in front, and zero.
    pub rows: Tensor,
    /// `[b]`, whole numbers: rows that are present.
    pub length: Tensor,
}

impl Windows {
    /// `[b, t]`: 1 for rows that are present, else 0.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn present(&self) -> Result<Tensor> {
        let rows = self.rows.size().get(1).copied().unwrap_or(0);
        let index = Tensor::f_arange(rows, (Kind::Int64, self.rows.device()))?;
        let first = self.length.f_neg()?.f_add_scalar(rows)?.f_unsqueeze(1)?;
        Ok(index.f_ge_tensor(&first)?.f_to_kind(Kind::Float)?)
    }

    /// These contexts with more rows behind them: `rows` `[b, m, width]`, of which `present` `[b, m]`
    /// (1 or 0) are there. What is absent comes to the front, and the order stays as it is.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn extended(&self, rows: &Tensor, present: &Tensor) -> Result<Self> {
        let width = rows.size()[2];
        let rows = Tensor::f_cat(&[&self.rows, rows], 1)?;
        let present = Tensor::f_cat(&[&self.present()?, present], 1)?;
        let order = present.f_argsort_stable(true, 1, false)?.f_unsqueeze(2)?;
        let rows = rows.f_gather(1, &order.f_expand([-1, -1, width], false)?, false)?;
        Ok(Self { rows, length: present.f_sum_dim_intlist(1, false, Kind::Int64)? })
    }

    fn check(&self, spec: &EncoderSpec) -> Result<()> {
        let size = self.rows.size();
        let width = spec.width() as i64;
        let rows = match spec.body {
            Encoder::Window { .. } => spec.rows() as i64..=spec.rows() as i64,
            Encoder::Convolution { ref channels, kernel } => {
                (channels.len() * (kernel - 1) + 1) as i64..=i64::MAX
            }
            _ => 1..=i64::MAX,
        };
        let fits = matches!(size[..], [b, t, w]
            if rows.contains(&t) && w == width && self.length.size() == [b]);
        if fits {
            return Ok(());
        }
        let least = if *rows.end() == i64::MAX { "at least " } else { "" };
        Err(Error::Shape {
            what: "windows",
            expected: format!("rows [b, t, {width}] with t {least}{} and length [b]", rows.start()),
            got: format!("rows {size:?} and length {:?}", self.length.size()),
        })
    }
}

/// x·scale + shift, over the last dimension; both are constants.
///
/// # Errors
/// If shapes do not fit.
pub fn scale(inputs: &Layer, x: &Tensor) -> Result<Tensor> {
    Ok(x.f_mul(&inputs.weight.f_detach()?)?.f_add(&inputs.bias.f_detach()?)?)
}

/// What the networks see of the windows.
struct Seen {
    /// `[b, t, input]`.
    rows: Tensor,
    /// `[b, t, 1]`: 1 for rows that are present, else 0.
    present: Tensor,
    /// `[b]`, whole numbers: rows that are present.
    length: Tensor,
}

impl Seen {
    fn new(spec: &EncoderSpec, layers: &NamedLayers, windows: &Windows) -> Result<Self> {
        windows.check(spec)?;
        let rows = match &spec.inputs {
            Some(map) => linear_map::apply(map, &windows.rows)?,
            None => windows.rows.shallow_clone(),
        };
        let present = windows.present()?.f_unsqueeze(2)?;
        let rows = match spec.normalise {
            true => scale(&network(layers, INPUTS)?[0], &rows)?.f_mul(&present)?,
            false => rows,
        };
        Ok(Self { rows, present, length: windows.length.shallow_clone() })
    }

    /// `[b, 1]`: 1 for contexts with a row, else 0.
    fn any(&self) -> Result<Tensor> {
        Ok(self.length.f_clamp(0, 1)?.f_unsqueeze(1)?.f_to_kind(Kind::Float)?)
    }
}

/// The numbers that describe the posteriors, `[b, described_by]`: z; mean and raw variance; or means,
/// raw variances and logits of a mixture. For a product of Gaussians mean and variance (no raw one)
/// of the product. [`Belief::read`] reads them.
///
/// # Errors
/// [`Error::Shape`] for windows that `spec` does not take, and whatever libtorch refuses.
pub fn describe(spec: &EncoderSpec, layers: &NamedLayers, windows: &Windows) -> Result<Tensor> {
    let seen = Seen::new(spec, layers, windows)?;
    let features = match &spec.body {
        Encoder::Transitions { merge: Merge::Product, .. } => {
            return transitions::product(spec, layers, &seen);
        }
        Encoder::Window { .. } => {
            return mlp(network(layers, "encoder")?, &seen.rows.f_flatten(1, 2)?);
        }
        Encoder::Transitions { merge: Merge::Mean, .. } => transitions::mean(layers, &seen)?,
        Encoder::Transitions { merge: Merge::Pairs, .. } => transitions::pairs(layers, &seen)?,
        Encoder::Gru { layers: units, rectify: true, .. } => {
            recurrent::last_state(*units, layers, &seen)?.f_relu()?
        }
        Encoder::Gru { layers: units, rectify: false, .. } => {
            recurrent::last_state(*units, layers, &seen)?
        }
        Encoder::Convolution { channels, kernel } => {
            convolution::features(channels.len(), *kernel, layers, &seen)?
        }
        Encoder::Attention { heads, layers: blocks, .. } => {
            attention::queries(*heads, *blocks, layers, &seen)?
        }
        Encoder::Transformer { heads, layers: blocks, pooling, .. } => {
            attention::pooled(*heads, *blocks, *pooling, layers, &seen)?
        }
    };
    mlp(network(layers, "encoder.head")?, &features)
}

/// q(z|c) of every context.
///
/// # Errors
/// As [`describe`].
pub fn infer(spec: &EncoderSpec, layers: &NamedLayers, windows: &Windows) -> Result<Belief> {
    Belief::read(spec, &describe(spec, layers, windows)?)
}
