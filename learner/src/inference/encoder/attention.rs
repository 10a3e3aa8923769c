//! Attention over rows (Vaswani et al. 2017, arXiv 1706.03762), with layer norms in front of its
//! parts; which part sees what is written at [`nets::EncoderSpec`].

use super::Seen;
use crate::error::Result;
use crate::networks::forward::{layer_norm, mlp};
use crate::networks::parameters::{NamedLayers, network};
use tch::{Kind, Tensor};
use types::experiment::Pooling;

/// Added to the variance before the root, where the standard deviation is pooled: the root has no
/// gradient at 0.
const SPREAD_EPSILON: f64 = 1e-8;

/// What is attended to.
struct Memory {
    /// `[b, t, width]`.
    rows: Tensor,
    /// `[b, 1, 1, t]`: whether a row is absent.
    absent: Tensor,
}

/// Learned queries that have attended to the rows, side by side: `[b, queries · width]`.
pub(super) fn queries(
    heads: usize,
    blocks: usize,
    layers: &NamedLayers,
    seen: &Seen,
) -> Result<Tensor> {
    let memory = attending(heads, blocks, layers, seen)?;
    let table = &network(layers, "encoder.queries")?[0];
    let contexts = memory.rows.size()[0];
    let queries = table.weight.f_add(&table.bias)?.f_unsqueeze(0)?;
    let mut queries = queries.f_expand([contexts, -1, -1], false)?;
    for index in 0..blocks {
        let block = Block { name: format!("encoder.query.{index}"), heads, layers };
        let normed = block.norm("norm", &queries)?;
        queries = block.run(&queries, &normed, &memory)?;
    }
    Ok(queries.f_flatten(1, 2)?.f_mul(&seen.any()?)?)
}

/// Rows that have attended to each other, pooled: `[b, width]`, or `[b, 4 · width]` for moments.
pub(super) fn pooled(
    heads: usize,
    blocks: usize,
    pooling: Pooling,
    layers: &NamedLayers,
    seen: &Seen,
) -> Result<Tensor> {
    let rows = attending(heads, blocks, layers, seen)?.rows;
    let count = seen.length.f_clamp_min(1)?.f_view([-1, 1, 1])?;
    let mean_of = |terms: &Tensor| -> Result<Tensor> {
        let sum = terms.f_mul(&seen.present)?.f_sum_dim_intlist(1, true, Kind::Float)?;
        Ok(sum.f_div(&count)?)
    };
    let mean = mean_of(&rows)?;
    let features = match pooling {
        Pooling::Mean => mean.f_squeeze_dim(1)?,
        Pooling::Moments => {
            let variance = mean_of(&rows.f_sub(&mean)?.f_square()?)?;
            let spread = variance.f_add_scalar(SPREAD_EPSILON)?.f_sqrt()?;
            let absent = seen.present.f_eq(0.0)?;
            let least = rows.f_masked_fill(&absent, f64::INFINITY)?.f_amin([1], true)?;
            let greatest = rows.f_masked_fill(&absent, f64::NEG_INFINITY)?.f_amax([1], true)?;
            let moments = Tensor::f_cat(&[mean, least, greatest, spread], 2)?.f_squeeze_dim(1)?;
            // Without a row least and greatest are infinite.
            let none = seen.any()?.f_eq(0.0)?;
            return Ok(moments.f_masked_fill(&none, 0.0)?);
        }
    };
    Ok(features.f_mul(&seen.any()?)?)
}

/// Rows after embedding and self-attention.
fn attending(heads: usize, blocks: usize, layers: &NamedLayers, seen: &Seen) -> Result<Memory> {
    let absent = seen.present.f_eq(0.0)?.f_transpose(1, 2)?.f_unsqueeze(1)?;
    let rows = mlp(network(layers, "encoder.embed")?, &seen.rows)?;
    let mut memory = Memory { rows, absent };
    for index in 0..blocks {
        let block = Block { name: format!("encoder.block.{index}"), heads, layers };
        let x = memory.rows;
        memory.rows = block.norm("norm", &x)?;
        let normed = memory.rows.shallow_clone();
        memory.rows = block.run(&x, &normed, &memory)?;
    }
    Ok(memory)
}

/// One block: attention, then an MLP, each added to what came in.
struct Block<'a> {
    name: String,
    heads: usize,
    layers: &'a NamedLayers,
}

impl Block<'_> {
    /// x + output(attend(query(normed), memory)), then x + feed(feed_norm(x)); `x` and `normed` are
    /// `[b, n, width]`.
    fn run(&self, x: &Tensor, normed: &Tensor, memory: &Memory) -> Result<Tensor> {
        let query = self.heads_of("query", normed)?;
        let key = self.heads_of("key", &memory.rows)?;
        let value = self.heads_of("value", &memory.rows)?;
        let scale = 1.0 / (query.size()[3] as f64).sqrt();
        let scores = query.f_matmul(&key.f_transpose(2, 3)?)?.f_mul_scalar(scale)?;
        // Finite, so that a context without any row stays finite as well.
        let weights = scores.f_masked_fill(&memory.absent, -1e9)?.f_softmax(-1, Kind::Float)?;
        let mixed = weights.f_matmul(&value)?.f_transpose(1, 2)?.f_flatten(2, 3)?;
        let x = x.f_add(&self.linear("output", &mixed)?)?;
        Ok(x.f_add(&self.linear("feed", &self.norm("feed_norm", &x)?)?)?)
    }

    /// `[b, n, width]` through a linear layer, to `[b, heads, n, width / heads]`.
    fn heads_of(&self, part: &str, x: &Tensor) -> Result<Tensor> {
        let (contexts, rows, width) = x.size3()?;
        let heads = self.heads as i64;
        let apart = self.linear(part, x)?.f_view([contexts, rows, heads, width / heads])?;
        Ok(apart.f_transpose(1, 2)?)
    }

    fn linear(&self, part: &str, x: &Tensor) -> Result<Tensor> {
        mlp(network(self.layers, &format!("{}.{part}", self.name))?, x)
    }

    fn norm(&self, part: &str, x: &Tensor) -> Result<Tensor> {
        layer_norm(&network(self.layers, &format!("{}.{part}", self.name))?[0], x)
    }
}
