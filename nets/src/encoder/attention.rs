//! Rows that attend to each other, and what is made of them: queries that attend to the rows, or
//! pooling. Blocks are in `block.rs`.

use super::block::{Block, Spans};
use super::contexts::Contexts;
use crate::mlp::Mlp;
use crate::{EncoderSpec, Error, Network, Params};
use types::experiment::{Encoder, Pooling};

/// Networks of a block.
const PER_BLOCK: usize = 7;

/// Rows, embedded, after blocks of self-attention.
#[derive(Debug)]
struct Rows {
    embed: Mlp,
    blocks: Vec<Block>,
    /// `[Σ lengths, width]`.
    rows: Vec<f32>,
    spans: Spans,
}

impl Rows {
    /// `networks` are `embed` and those of the blocks.
    fn new(networks: &[Network], heads: usize, params: &Params) -> Result<Self, Error> {
        let (embed, blocks) = networks.split_at(1);
        let embed = Mlp::from_params(&embed[0], params)?;
        let blocks = blocks_of(blocks, heads, params)?;
        Ok(Self { embed, blocks, rows: Vec::new(), spans: Spans::default() })
    }

    fn run(&mut self, contexts: Contexts<'_>) {
        self.spans.set(contexts.lengths.iter().copied());
        let count = contexts.lengths.iter().sum();
        for (seen, row) in self.embed.inputs(count).zip(contexts.all()) {
            contexts.inputs.see(row, seen);
        }
        self.rows.clear();
        self.embed.forward().for_each(|row| self.rows.extend_from_slice(row));
        for block in &mut self.blocks {
            block.attend_within(&mut self.rows, &self.spans);
        }
    }
}

fn blocks_of(networks: &[Network], heads: usize, params: &Params) -> Result<Vec<Block>, Error> {
    let blocks = networks.chunks_exact(PER_BLOCK);
    blocks.map(|block| Block::new(block, heads, params)).collect()
}

/// Learned queries that attend to the rows; their results side by side.
#[derive(Debug)]
pub(crate) struct Attention {
    rows: Rows,
    /// `[queries, width]`, with the shift.
    table: Vec<f32>,
    blocks: Vec<Block>,
    queries: Vec<f32>,
    spans: Spans,
}

impl Attention {
    pub(crate) fn new(spec: &EncoderSpec, params: &Params) -> Result<Self, Error> {
        let Encoder::Attention { heads, layers, .. } = spec.body else {
            return Err(other("attention", spec));
        };
        let networks = spec.body_and_head();
        let (rows, rest) = networks.split_at(1 + layers * PER_BLOCK);
        let shapes = rest[0].parameters();
        let (table, shift) = (params.data(&shapes[0])?, params.data(&shapes[1])?);
        let table = table.iter().zip(shift.iter().cycle()).map(|(number, shift)| number + shift);
        Ok(Self {
            rows: Rows::new(rows, heads, params)?,
            table: table.collect(),
            blocks: blocks_of(&rest[1..rest.len() - 1], heads, params)?,
            queries: Vec::new(),
            spans: Spans::default(),
        })
    }

    /// Features go to `head`; they are 0 for a context without rows.
    pub(crate) fn features(&mut self, contexts: Contexts<'_>, head: &mut Mlp) {
        self.rows.run(contexts);
        self.queries.clear();
        for _ in contexts.lengths {
            self.queries.extend_from_slice(&self.table);
        }
        let width = self.rows.embed.outputs();
        self.spans.set(contexts.lengths.iter().map(|_| self.table.len() / width));
        for block in &mut self.blocks {
            let memory = (&self.rows.rows[..], &self.rows.spans);
            block.attend_to(&mut self.queries, &self.spans, memory);
        }
        let results = self.queries.chunks_exact(self.table.len()).zip(contexts.lengths);
        for (features, (queries, &rows)) in head.inputs(contexts.len()).zip(results) {
            features.copy_from_slice(queries);
            if rows == 0 {
                features.fill(0.);
            }
        }
    }
}

/// Rows that attend to each other, pooled.
#[derive(Debug)]
pub(crate) struct Transformer {
    rows: Rows,
    pooling: Pooling,
}

impl Transformer {
    pub(crate) fn new(spec: &EncoderSpec, params: &Params) -> Result<Self, Error> {
        let Encoder::Transformer { heads, pooling, .. } = spec.body else {
            return Err(other("transformer", spec));
        };
        let networks = spec.body_and_head();
        let rows = Rows::new(&networks[..networks.len() - 1], heads, params)?;
        Ok(Self { rows, pooling })
    }

    /// Features go to `head`; they are 0 for a context without rows.
    pub(crate) fn features(&mut self, contexts: Contexts<'_>, head: &mut Mlp) {
        self.rows.run(contexts);
        let width = self.rows.embed.outputs();
        let each = self.rows.spans.iter();
        for (features, span) in head.inputs(contexts.len()).zip(each) {
            let rows = &self.rows.rows[span.start * width..span.end * width];
            match self.pooling {
                _ if rows.is_empty() => features.fill(0.),
                Pooling::Mean => mean(rows, features),
                Pooling::Moments => moments(rows, width, features),
            }
        }
    }
}

fn other(expected: &str, spec: &EncoderSpec) -> Error {
    Error::Spec {
        field: "encoder.body".to_owned(),
        expected: expected.to_owned(),
        got: format!("{:?}", spec.body),
    }
}

/// Mean over rows, `[width]`.
fn mean(rows: &[f32], out: &mut [f32]) {
    let rows = rows.chunks_exact(out.len());
    #[allow(clippy::cast_precision_loss, reason = "windows are far below 2^24 rows")]
    let share = 1. / rows.len() as f32;
    out.fill(0.);
    for row in rows {
        out.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    out.iter_mut().for_each(|sum| *sum *= share);
}

/// Mean, least, greatest and standard deviation over rows, `[4, width]`.
fn moments(rows: &[f32], width: usize, out: &mut [f32]) {
    let (means, rest) = out.split_at_mut(width);
    mean(rows, means);
    let each = rows.chunks_exact(width);
    #[allow(clippy::cast_precision_loss, reason = "windows are far below 2^24 rows")]
    let count = each.len() as f32;
    for (d, &mean) in means.iter().enumerate() {
        let column = || each.clone().map(|row| row[d]);
        rest[d] = column().fold(f32::INFINITY, f32::min);
        rest[width + d] = column().fold(f32::NEG_INFINITY, f32::max);
        let squares: f32 = column().map(|x| (x - mean) * (x - mean)).sum();
        rest[2 * width + d] = (squares / count + 1e-8).sqrt();
    }
}
