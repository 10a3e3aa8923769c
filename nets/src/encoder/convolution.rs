//! Convolutions over time.

use super::contexts::Contexts;
use crate::mlp::Mlp;
use crate::{EncoderSpec, Error, Params};

/// Layers that map `kernel` rows side by side to one row, with ReLU; then the mean over time.
///
/// Consecutive rows lie side by side in memory, so a layer's inputs are overlapping slices of the
/// layer before.
#[derive(Debug)]
pub(crate) struct Convolution {
    layers: Vec<Mlp>,
    kernel: usize,
    /// Rows of one context, before and after a layer.
    rows: Vec<f32>,
}

impl Convolution {
    pub(crate) fn new(spec: &EncoderSpec, params: &Params) -> Result<Self, Error> {
        let networks = spec.body_and_head();
        let layers = &networks[..networks.len() - 1];
        let layers: Vec<Mlp> =
            layers.iter().map(|layer| Mlp::rectified(layer, params)).collect::<Result<_, _>>()?;
        let kernel = layers.first().map_or(1, |first| first.width() / spec.input());
        Ok(Self { layers, kernel, rows: Vec::new() })
    }

    /// Features of contexts, as windows of `size` rows with zeros in front, go to `head`.
    pub(crate) fn features(&mut self, contexts: Contexts<'_>, size: usize, head: &mut Mlp) {
        for (features, rows) in head.inputs(contexts.len()).zip(contexts.iter()) {
            self.pad(contexts, rows, size);
            for layer in &mut self.layers {
                convolve(layer, self.kernel, &mut self.rows);
            }
            mean_over_time(&self.rows, features);
        }
    }

    fn pad(&mut self, contexts: Contexts<'_>, rows: &[f32], size: usize) {
        let (width, seen) = (contexts.inputs.width, contexts.inputs.seen);
        self.rows.clear();
        self.rows.resize(size * seen, 0.);
        let present = &mut self.rows[(size - rows.len() / width) * seen..];
        for (row, to) in rows.chunks_exact(width).zip(present.chunks_exact_mut(seen)) {
            contexts.inputs.see(row, to);
        }
    }
}

/// Replaces `rows` by what `layer` makes of each `kernel` of them.
fn convolve(layer: &mut Mlp, kernel: usize, rows: &mut Vec<f32>) {
    let span = layer.width();
    let width = span / kernel;
    let count = rows.len() / width + 1 - kernel;
    for (input, first) in layer.inputs(count).zip((0..).step_by(width)) {
        input.copy_from_slice(&rows[first..][..span]);
    }
    rows.clear();
    layer.forward().for_each(|row| rows.extend_from_slice(row));
}

fn mean_over_time(rows: &[f32], features: &mut [f32]) {
    let times = rows.chunks_exact(features.len());
    #[allow(clippy::cast_precision_loss, reason = "windows are far below 2^24 rows")]
    let share = 1. / times.len() as f32;
    features.fill(0.);
    for row in times {
        for (feature, number) in features.iter_mut().zip(row) {
            *feature += number;
        }
    }
    features.iter_mut().for_each(|feature| *feature *= share);
}
