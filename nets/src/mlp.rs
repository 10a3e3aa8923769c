//! The forward pass of an MLP on one CPU thread, for a handful of rows at a time.
//!
//! # Why not tensors
//!
//! An actor calls the policy once per environment step, with a row per environment. Microseconds
//! per row for HalfCheetah's policy (25 → 300 → 300 → 300 → 12, 382 kflop), medians on one core
//! with AVX-512 that can do about 120 Gflop/s, which makes 3.2 µs the least there is:
//!
//! | rows per call | candle 0.11 tensors | `gemm` 0.19 into own buffers | this module |
//! |---|---|---|---|
//! | 1 | 136 | 12.5 | 14 |
//! | 8 | 25 | 5.3 to 7.1 | 3.5 |
//! | 16 | 14 to 20 | 4.3 | 3.5 |
//!
//! (`cargo run --release -p nets --example inference` repeats the first and the last column. With
//! AVX2 in place of AVX-512 the last is 3.8 at 8 and 16 rows. Fewer rows than four cost as much as
//! four.) candle spends most of its time around the arithmetic; `gemm`, its kernel crate, has an
//! `unsafe` interface, which the workspace denies. So candle is what the tests compare with, and
//! layers run in the loop below, which owns packed weights and buffers and allocates nothing.
//!
//! # What it guarantees
//!
//! Every output is the same chain of fused multiply-adds, bias first and inputs in order, whatever
//! the number of rows, the row's position and the width of the vector registers. So a row's result
//! does not depend on its company, nor on whether the machine has AVX2 or AVX-512 (chosen at run
//! time by `pulp`): a trial gives the same actions on every actor.

use crate::aligned::{Activations, Aligned};
use crate::{Error, Network, Params};
use pulp::{Arch, Simd, WithSimd};

/// Rows that go through a layer together. With [`PANEL`] vectors that makes 8 running sums: enough
/// to hide the latency of a multiply-add, and they fit the 16 registers of AVX2.
const TILE: usize = 4;
/// Vectors of outputs that are computed together.
const PANEL: usize = 2;

/// An MLP with packed weights and room for its activations.
#[derive(Debug)]
pub(crate) struct Mlp {
    arch: Arch,
    layers: Vec<Layer>,
    /// Inputs, activations and outputs: one more than layers. Rows are padded to whole tiles.
    activations: Vec<Activations>,
    rows: usize,
    last: Last,
}

/// What becomes of the outputs of the last layer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Last {
    Linear,
    Rectified,
}

impl Mlp {
    /// Packs the parameters of `network`.
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::Shape`] for the first that is not as the network needs it.
    pub(crate) fn from_params(network: &Network, params: &Params) -> Result<Self, Error> {
        Self::for_machine(Arch::new(), network, params)
    }

    /// The same with ReLU behind the last layer too.
    ///
    /// # Errors
    /// As [`Mlp::from_params`].
    pub(crate) fn rectified(network: &Network, params: &Params) -> Result<Self, Error> {
        Ok(Self { last: Last::Rectified, ..Self::from_params(network, params)? })
    }

    /// One linear layer: `weight` `[outputs, inputs]`, `bias` `[outputs]`.
    pub(crate) fn linear(weight: &[f32], bias: &[f32]) -> Self {
        let arch = Arch::new();
        Self::of(arch, vec![Layer::pack(arch.dispatch(Lanes), weight, bias)])
    }

    fn for_machine(arch: Arch, network: &Network, params: &Params) -> Result<Self, Error> {
        let lanes = arch.dispatch(Lanes);
        let shapes = network.parameters();
        let layers = shapes.chunks_exact(2).map(|pair| {
            let (weight, bias) = (params.data(&pair[0])?, params.data(&pair[1])?);
            Ok(Layer::pack(lanes, weight, bias))
        });
        Ok(Self::of(arch, layers.collect::<Result<_, Error>>()?))
    }

    fn of(arch: Arch, layers: Vec<Layer>) -> Self {
        let lanes = arch.dispatch(Lanes);
        let outputs = layers.iter().map(|layer| layer.outputs);
        let widths = layers.first().map(|first| first.inputs).into_iter().chain(outputs);
        let activations = widths.map(|width| Activations::new(width, lanes)).collect();
        Self { arch, layers, activations, rows: 0, last: Last::Linear }
    }

    /// Numbers in an input row.
    pub(crate) fn width(&self) -> usize {
        self.activations[0].width
    }

    /// Numbers in an output row.
    pub(crate) fn outputs(&self) -> usize {
        self.activations[self.layers.len()].width
    }

    /// Where the `rows` input rows go before [`Mlp::forward`]. Only a larger number of rows than
    /// ever before allocates.
    pub(crate) fn inputs(&mut self, rows: usize) -> impl Iterator<Item = &mut [f32]> {
        self.rows = rows;
        for activations in &mut self.activations {
            activations.reserve(rows.next_multiple_of(TILE));
        }
        let Activations { width, stride, numbers, .. } = &mut self.activations[0];
        let rows = numbers.get_mut().chunks_exact_mut(*stride).take(rows);
        rows.map(|row| &mut row[..*width])
    }

    /// Of the rows that were put in, only the first `rows` count.
    pub(crate) fn keep(&mut self, rows: usize) {
        self.rows = self.rows.min(rows);
    }

    /// Runs the rows that were put in; gives the output rows.
    pub(crate) fn forward(&mut self) -> impl Iterator<Item = &[f32]> {
        self.arch.dispatch(Forward {
            rows: self.rows,
            layers: &self.layers,
            activations: &mut self.activations,
            last: self.last,
        });
        (0..self.rows).map(|row| self.output(row))
    }

    /// Runs the rows that were put in; the output rows go to `out`, one after the other.
    pub(crate) fn forward_into(&mut self, out: &mut [f32]) {
        let width = self.outputs();
        for (to, row) in out.chunks_exact_mut(width).zip(self.forward()) {
            to.copy_from_slice(row);
        }
    }

    /// What the last [`Mlp::forward`] made of input row `row`.
    pub(crate) fn output(&self, row: usize) -> &[f32] {
        self.activations[self.layers.len()].row(row)
    }
}

/// One linear layer. Weights are in panels of [`PANEL`] vectors of outputs (the last one may have
/// fewer): input by input, the weights from that input to all outputs of the panel. Outputs are
/// padded with zeros to whole vectors.
#[derive(Debug)]
struct Layer {
    inputs: usize,
    outputs: usize,
    /// Vectors of outputs.
    vectors: usize,
    weights: Aligned,
    bias: Aligned,
}

impl Layer {
    /// `weight` `[outputs, inputs]`, `bias` `[outputs]`.
    fn pack(lanes: usize, weight: &[f32], bias: &[f32]) -> Self {
        let (outputs, inputs) = (bias.len(), weight.len() / bias.len());
        let vectors = outputs.div_ceil(lanes);
        let mut weights = Aligned::zeros(vectors * lanes * inputs);
        let panels = weights.get_mut().chunks_mut(PANEL * lanes * inputs);
        for (panel, rows) in panels.zip(weight.chunks(PANEL * lanes * inputs)) {
            let width = panel.len() / inputs;
            for (output, row) in rows.chunks_exact(inputs).enumerate() {
                for (input, &value) in row.iter().enumerate() {
                    panel[input * width + output] = value;
                }
            }
        }
        let mut padded = Aligned::zeros(vectors * lanes);
        padded.get_mut()[..outputs].copy_from_slice(bias);
        Self { inputs, outputs, vectors, weights, bias: padded }
    }
}

/// Numbers in a vector of this machine.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

/// All layers, compiled once per instruction set.
struct Forward<'a> {
    rows: usize,
    layers: &'a [Layer],
    activations: &'a mut [Activations],
    last: Last,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let last = self.layers.len() - 1;
        for (index, layer) in self.layers.iter().enumerate() {
            let (before, after) = self.activations.split_at_mut(index + 1);
            let relu = index != last || self.last == Last::Rectified;
            run_layer(simd, layer, self.rows, &before[index], &mut after[0], relu);
        }
    }
}

#[inline(always)]
fn run_layer<S: Simd>(
    simd: S,
    layer: &Layer,
    rows: usize,
    x: &Activations,
    y: &mut Activations,
    relu: bool,
) {
    let (weights, _) = S::as_simd_f32s(layer.weights.get());
    let (bias, _) = S::as_simd_f32s(layer.bias.get());
    let (x, x_stride) = (x.numbers.get(), x.stride);
    let y_stride = y.stride / S::F32_LANES;
    let (y, _) = S::as_mut_simd_f32s(y.numbers.get_mut());
    for first in (0..layer.vectors).step_by(PANEL) {
        let panel = &weights[first * layer.inputs..];
        for row in (0..rows).step_by(TILE) {
            let x = &x[row * x_stride..];
            let y = &mut y[row * y_stride + first..];
            let rows = Rows { x, x_stride, inputs: layer.inputs, y, y_stride, relu };
            if first + PANEL <= layer.vectors {
                tile::<S, PANEL>(simd, panel, &bias[first..], rows);
            } else {
                tile::<S, 1>(simd, panel, &bias[first..], rows);
            }
        }
    }
}

/// [`TILE`] rows of inputs, and where their outputs go.
struct Rows<'a, S: Simd> {
    x: &'a [f32],
    x_stride: usize,
    inputs: usize,
    y: &'a mut [S::f32s],
    y_stride: usize,
    relu: bool,
}

/// y = W x + b, or max(W x + b, 0), for [`TILE`] rows and `N` vectors of outputs.
#[inline(always)]
fn tile<S: Simd, const N: usize>(simd: S, panel: &[S::f32s], bias: &[S::f32s], rows: Rows<'_, S>) {
    let x: [&[f32]; TILE] =
        std::array::from_fn(|row| &rows.x[row * rows.x_stride..][..rows.inputs]);
    let bias: [S::f32s; N] = std::array::from_fn(|n| bias[n]);
    let (panel, _) = panel.as_chunks::<N>();
    let mut sums = [bias; TILE];
    for (input, weights) in panel[..rows.inputs].iter().enumerate() {
        for (sums, x) in sums.iter_mut().zip(x) {
            let x = simd.splat_f32s(x[input]);
            for (sum, &weight) in sums.iter_mut().zip(weights) {
                *sum = simd.mul_add_f32s(x, weight, *sum);
            }
        }
    }
    let floor = simd.splat_f32s(if rows.relu { 0. } else { f32::NEG_INFINITY });
    for (row, sums) in sums.into_iter().enumerate() {
        let y = &mut rows.y[row * rows.y_stride..][..N];
        for (y, sum) in y.iter_mut().zip(sums) {
            *y = simd.max_f32s(floor, sum);
        }
    }
}

#[cfg(test)]
mod tests;
