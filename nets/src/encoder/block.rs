//! A block of attention (Vaswani et al. 2017, arXiv 1706.03762, with norms in front of the parts as
//! in Xiong et al. 2020, arXiv 2002.04745).

use crate::mlp::Mlp;
use crate::{Error, Network, Params};
use std::ops::Range;

/// Added to the variance by layer norms.
const EPSILON: f32 = 1e-5;

/// Which rows belong to which context.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    ends: Vec<usize>,
}

impl Spans {
    pub(crate) fn set(&mut self, lengths: impl Iterator<Item = usize>) {
        self.ends.clear();
        let ends = lengths.scan(0, |end, length| {
            *end += length;
            Some(*end)
        });
        self.ends.extend(ends);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| start..end)
    }
}

/// Scale and shift behind a normalisation of each row.
#[derive(Debug)]
struct Norm {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

/// x + output(attend(query n(x), key m, value m)), then x + feed(f(x)).
#[derive(Debug)]
pub(crate) struct Block {
    heads: usize,
    norm: Norm,
    query: Mlp,
    key: Mlp,
    value: Mlp,
    output: Mlp,
    feed_norm: Norm,
    feed: Mlp,
    normed: Vec<f32>,
    /// Of one row and one head: how much it attends to each row of the memory.
    weights: Vec<f32>,
}

impl Block {
    /// `networks` are norm, query, key, value, output, feed_norm and feed.
    pub(crate) fn new(networks: &[Network], heads: usize, params: &Params) -> Result<Self, Error> {
        let mlp = |index: usize| Mlp::from_params(&networks[index], params);
        let norm = |index: usize| {
            let shapes = networks[index].parameters();
            let [scale, shift] = [0, 1].map(|part| params.data(&shapes[part]));
            Ok::<_, Error>(Norm { scale: scale?.to_vec(), shift: shift?.to_vec() })
        };
        Ok(Self {
            heads,
            norm: norm(0)?,
            query: mlp(1)?,
            key: mlp(2)?,
            value: mlp(3)?,
            output: mlp(4)?,
            feed_norm: norm(5)?,
            feed: mlp(6)?,
            normed: Vec::new(),
            weights: Vec::new(),
        })
    }

    /// Rows `[n, width]` attend to the rows of their own context.
    pub(crate) fn attend_within(&mut self, rows: &mut [f32], spans: &Spans) {
        self.norm.apply(rows, &mut self.normed);
        put(&mut self.key, &self.normed);
        put(&mut self.value, &self.normed);
        self.rest(rows, spans, spans);
    }

    /// Rows `[n, width]` attend to `memory`, the rows of their context.
    pub(crate) fn attend_to(&mut self, rows: &mut [f32], spans: &Spans, memory: (&[f32], &Spans)) {
        self.norm.apply(rows, &mut self.normed);
        put(&mut self.key, memory.0);
        put(&mut self.value, memory.0);
        self.rest(rows, spans, memory.1);
    }

    /// With keys and values put in, and normed rows in `normed`.
    fn rest(&mut self, rows: &mut [f32], spans: &Spans, memory: &Spans) {
        put(&mut self.query, &self.normed);
        for part in [&mut self.query, &mut self.key, &mut self.value] {
            part.forward().for_each(drop);
        }
        self.attend(spans, memory, rows.len() / self.query.width());
        add(&mut self.output, rows);
        self.feed_norm.apply(rows, &mut self.normed);
        put(&mut self.feed, &self.normed);
        add(&mut self.feed, rows);
    }

    /// Puts what each row gathers into `output`.
    fn attend(&mut self, spans: &Spans, memory: &Spans, rows: usize) {
        let width = self.query.width() / self.heads;
        let mut places = self.output.inputs(rows);
        for (rows, memory) in spans.iter().zip(memory.iter()) {
            for (row, gathered) in rows.zip(&mut places) {
                for (head, gathered) in gathered.chunks_exact_mut(width).enumerate() {
                    let of = head * width..(head + 1) * width;
                    let query = &self.query.output(row)[of.clone()];
                    let keys = memory.clone().map(|m| &self.key.output(m)[of.clone()]);
                    soft_max(query, keys, &mut self.weights);
                    let values = memory.clone().map(|m| &self.value.output(m)[of.clone()]);
                    gather(&self.weights, values, gathered);
                }
            }
        }
    }
}

impl Norm {
    /// Each row of `rows` with mean 0 and variance 1, scaled and shifted.
    fn apply(&self, rows: &[f32], out: &mut Vec<f32>) {
        out.clear();
        #[allow(clippy::cast_precision_loss, reason = "widths are far below 2^24")]
        let width = self.scale.len() as f32;
        for row in rows.chunks_exact(self.scale.len()) {
            let mean = row.iter().sum::<f32>() / width;
            let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / width;
            let inverse = 1. / (variance + EPSILON).sqrt();
            let normed = row.iter().zip(self.scale.iter().zip(&self.shift));
            out.extend(normed.map(|(x, (scale, shift))| (x - mean) * inverse * scale + shift));
        }
    }
}

fn put(mlp: &mut Mlp, rows: &[f32]) {
    let width = mlp.width();
    for (input, row) in mlp.inputs(rows.len() / width).zip(rows.chunks_exact(width)) {
        input.copy_from_slice(row);
    }
}

/// Adds what `mlp` makes of what was put in.
fn add(mlp: &mut Mlp, rows: &mut [f32]) {
    let width = mlp.outputs();
    for (row, output) in rows.chunks_exact_mut(width).zip(mlp.forward()) {
        row.iter_mut().zip(output).for_each(|(x, y)| *x += y);
    }
}

/// Fills `weights` with softmax(query · key / √width) over the keys.
fn soft_max<'a>(query: &[f32], keys: impl Iterator<Item = &'a [f32]>, weights: &mut Vec<f32>) {
    #[allow(clippy::cast_precision_loss, reason = "widths are far below 2^24")]
    let scale = 1. / (query.len() as f32).sqrt();
    weights.clear();
    weights.extend(keys.map(|key| {
        let products = query.iter().zip(key).map(|(q, k)| q * k);
        products.sum::<f32>() * scale
    }));
    let greatest = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    weights.iter_mut().for_each(|weight| *weight = libm::expf(*weight - greatest));
    let total: f32 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
}

/// Sum of `values` with `weights`.
fn gather<'a>(weights: &[f32], values: impl Iterator<Item = &'a [f32]>, out: &mut [f32]) {
    out.fill(0.);
    for (weight, value) in weights.iter().zip(values) {
        out.iter_mut().zip(value).for_each(|(sum, x)| *sum += weight * x);
    }
}
