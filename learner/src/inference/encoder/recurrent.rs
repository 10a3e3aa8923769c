//! Gated recurrent units (Cho et al. 2014, arXiv 1406.1078), with the reset gate behind the product,
//! as in PyTorch:
//!
//! r = σ(W_ir x + b_ir + W_hr h + b_hr), u = σ(W_iu x + b_iu + W_hu h + b_hu),
//! n = tanh(W_in x + b_in + r (W_hn h + b_hn)), h' = (1 − u) n + u h.
//!
//! libtorch's cell is run row by row. On a CPU, with gradients, that is faster than its unit over all
//! rows, and than gates of our own: large intermediate tensors cost more than single products save.

use super::Seen;
use crate::error::{Error, Result};
use crate::networks::Layer;
use crate::networks::parameters::{NamedLayers, network};
use tch::{Kind, Tensor};

/// The last state of the uppermost of `units` units, `[b, width]`. Absent rows are in front and leave
/// the state at 0.
pub(super) fn last_state(units: usize, layers: &NamedLayers, seen: &Seen) -> Result<Tensor> {
    let present = seen.present.f_unbind(1)?;
    let contexts = seen.rows.size()[0];
    let mut below = seen.rows.f_transpose(0, 1)?.f_contiguous()?.f_unbind(0)?;
    for unit in 0..units {
        let part = |what: &str| network(layers, &format!("encoder.gru.{unit}.{what}"));
        below = states([&part("input")?[0], &part("state")?[0]], contexts, &below, &present)?;
    }
    below.pop().ok_or_else(|| Error::Shape {
        what: "windows",
        expected: "at least one row".to_owned(),
        got: "none".to_owned(),
    })
}

/// All states of one unit, `[b, width]` each, for `rows` `[b, n]` each, of which `present` `[b, 1]`
/// each (1 or 0) are there.
fn states(
    [input, state]: [&Layer; 2],
    contexts: i64,
    rows: &[Tensor],
    present: &[Tensor],
) -> Result<Vec<Tensor>> {
    let options = (Kind::Float, state.weight.device());
    let mut h = Tensor::f_zeros([contexts, state.weight.size()[1]], options)?;
    let mut states = Vec::with_capacity(rows.len());
    for (row, present) in rows.iter().zip(present) {
        let biases = [Some(&input.bias), Some(&state.bias)];
        let next = row.f_gru_cell(&h, &input.weight, &state.weight, biases[0], biases[1])?;
        h = next.f_mul(present)?;
        states.push(h.shallow_clone());
    }
    Ok(states)
}
