//! Gated recurrent units (Cho et al. 2014, arXiv 1406.1078), with the reset gate behind the product,
//! as in PyTorch:
//!
//! r = σ(W_ir x + b_ir + W_hr h + b_hr), u = σ(W_iu x + b_iu + W_hu h + b_hu),
//! n = tanh(W_in x + b_in + r (W_hn h + b_hn)), h' = (1 − u) n + u h.

use super::Seen;
use crate::error::Result;
use crate::networks::Layer;
use crate::networks::parameters::{NamedLayers, network};
use tch::{Kind, Tensor};

/// What an absent row adds to the update gate before the sigmoid: 1/(1 + e⁻¹⁰⁰⁰) is 1 in `f32`, so
/// the state stays at 0, to the bit and without gradient.
const HOLD: f64 = 1e3;

/// The last state of the uppermost of `units` units, `[b, width]`.
pub(super) fn last_state(units: usize, layers: &NamedLayers, seen: &Seen) -> Result<Tensor> {
    // Time first, so that a step's rows lie together.
    let mut below = seen.rows.f_transpose(0, 1)?;
    let hold = seen.present.f_transpose(0, 1)?.f_neg()?.f_add_scalar(1.0)?.f_mul_scalar(HOLD)?;
    let mut states = Vec::new();
    for unit in 0..units {
        if unit > 0 {
            below = Tensor::f_stack(&states, 0)?;
        }
        let part = |what: &str| network(layers, &format!("encoder.gru.{unit}.{what}"));
        states = run(&part("input")?[0], &part("state")?[0], &below, &hold)?;
    }
    states.pop().map_or_else(|| Ok(below.f_select(0, -1)?), Ok)
}

/// All states of one unit, `[b, width]` each, for `rows` `[t, b, n]` and `hold` `[t, b, 1]`. Row by
/// row with the inputs' products taken beforehand
fn run(input: &Layer, state: &Layer, rows: &Tensor, hold: &Tensor) -> Result<Vec<Tensor>> {
    let width = state.weight.size()[1];
    let parts = [2 * width, width];
    let [gate_weight, new_weight] = split(&state.weight, parts, 0)?;
    let [gate_bias, new_bias] = split(&state.bias, parts, 0)?;
    let (gate_weight, new_weight) = (gate_weight.f_tr()?, new_weight.f_tr()?);
    let [gates, new] = split(&rows.f_linear(&input.weight, Some(&input.bias))?, parts, 2)?;
    let hold = hold.f_expand([-1, -1, width], false)?;
    let hold = Tensor::f_cat(&[&hold.f_zeros_like()?, &hold], 2)?;
    let gates = gates.f_add(&gate_bias)?.f_add(&hold)?.f_unbind(0)?;

    let mut h = Tensor::f_zeros([rows.size()[1], width], (Kind::Float, rows.device()))?;
    let mut states = Vec::with_capacity(gates.len());
    for (gates, new) in gates.iter().zip(new.f_unbind(0)?) {
        let gates = gates.f_addmm(&h, &gate_weight)?.f_sigmoid()?.f_chunk(2, 1)?;
        let candidate = new_bias.f_addmm(&h, &new_weight)?;
        let candidate = new.f_addcmul(&gates[0], &candidate)?.f_tanh()?;
        h = candidate.f_lerp_tensor(&h, &gates[1])?;
        states.push(h.shallow_clone());
    }
    Ok(states)
}

fn split(tensor: &Tensor, sizes: [i64; 2], dim: i64) -> Result<[Tensor; 2]> {
    let start = tensor.f_narrow(dim, 0, sizes[0])?;
    Ok([start, tensor.f_narrow(dim, sizes[0], sizes[1])?])
}
