//! Gated recurrent units (Cho et al. 2014, arXiv 1406.1078, in the form of cuDNN and PyTorch, whose
//! reset gate acts behind the product with the state).

use super::contexts::Contexts;
use crate::activation::{sigmoid, tanh};
use crate::aligned::Aligned;
use crate::mlp::Mlp;
use crate::{EncoderSpec, Error, Network, Params};
use pulp::{Arch, Simd, WithSimd};

/// Numbers to whose multiples the gates are padded: whole vectors on every machine.
const LANES: usize = 16;

/// Units on top of each other, one step in time at a call.
///
/// r = σ(W_r x + U_r h), u = σ(W_u x + U_u h), n = tanh(W_n x + r ⊙ U_n h), h' = n + u ⊙ (h − n),
/// each product with its own bias. Gates are padded with zeros to whole vectors, which leaves the
/// numbers of the state behind its width at 0.
#[derive(Debug)]
pub(crate) struct Gru {
    arch: Arch,
    layers: Vec<Unit>,
}

/// The two products of a unit, `[reset, update, new]` behind each other.
#[derive(Debug)]
struct Unit {
    input: Mlp,
    state: Mlp,
}

/// States of all units, one after the other.
#[derive(Debug)]
pub(crate) struct States {
    layers: usize,
    width: usize,
    /// Numbers in a state of one unit, padded.
    stride: usize,
    numbers: Aligned,
}

impl States {
    /// `states` of 0, for `layers` units of `width` numbers.
    pub(crate) fn new(layers: usize, width: usize, states: usize) -> Self {
        let stride = width.next_multiple_of(LANES);
        Self { layers, width, stride, numbers: Aligned::zeros(states * layers * stride) }
    }

    /// Sets a state to 0.
    pub(crate) fn reset(&mut self, state: usize) {
        let numbers = self.layers * self.stride;
        self.numbers.get_mut()[state * numbers..][..numbers].fill(0.);
    }

    /// The state of the last unit, `[width]`.
    pub(crate) fn last(&self, state: usize) -> &[f32] {
        self.of(state, self.layers - 1)
    }

    fn of(&self, state: usize, layer: usize) -> &[f32] {
        let start = (state * self.layers + layer) * self.stride;
        &self.numbers.get()[start..][..self.width]
    }

    fn padded_mut(&mut self, state: usize, layer: usize) -> &mut [f32] {
        let start = (state * self.layers + layer) * self.stride;
        &mut self.numbers.get_mut()[start..][..self.stride]
    }
}

/// A state that is to take an input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    /// Which of the rows put in.
    pub(crate) input: usize,
    /// Which state; no two turns of a step have the same.
    pub(crate) state: usize,
}

impl Gru {
    /// `networks` are `input` and `state` of each unit in turn.
    pub(crate) fn new(width: usize, networks: &[Network], params: &Params) -> Result<Self, Error> {
        let unit = |pair: &[Network]| {
            Ok(Unit {
                input: gates(&pair[0], width, params)?,
                state: gates(&pair[1], width, params)?,
            })
        };
        let layers = networks.chunks_exact(2).map(unit).collect::<Result<_, Error>>()?;
        Ok(Self { arch: Arch::new(), layers })
    }

    /// Where the rows go before [`Gru::step`].
    pub(crate) fn inputs(&mut self, rows: usize) -> impl Iterator<Item = &mut [f32]> {
        self.layers[0].input.inputs(rows)
    }

    /// Lets each state in `turns` take its input. Several states may take the same.
    pub(crate) fn step(&mut self, turns: &[Turn], states: &mut States) {
        for layer in 0..self.layers.len() {
            let Unit { input, state } = &mut self.layers[layer];
            if layer > 0 {
                for (row, turn) in input.inputs(turns.len()).zip(turns) {
                    row.copy_from_slice(states.of(turn.state, layer - 1));
                }
            }
            input.forward().for_each(drop);
            for (row, turn) in state.inputs(turns.len()).zip(turns) {
                row.copy_from_slice(states.of(turn.state, layer));
            }
            state.forward().for_each(drop);
            self.arch.dispatch(Gates { input, state, turns, layer, states });
        }
    }
}

/// The product of `network` with each gate padded to [`LANES`].
fn gates(network: &Network, width: usize, params: &Params) -> Result<Mlp, Error> {
    let shapes = network.parameters();
    let (weight, bias) = (params.data(&shapes[0])?, params.data(&shapes[1])?);
    let (inputs, padded) = (weight.len() / bias.len(), width.next_multiple_of(LANES));
    let spread = |numbers: &[f32], per_output: usize| {
        let mut spread = vec![0.; 3 * padded * per_output];
        let gates = spread.chunks_exact_mut(padded * per_output);
        for (gate, numbers) in gates.zip(numbers.chunks_exact(width * per_output)) {
            gate[..numbers.len()].copy_from_slice(numbers);
        }
        spread
    };
    Ok(Mlp::linear(&spread(weight, inputs), &spread(bias, 1)))
}

/// One layer's gates for all turns.
struct Gates<'a> {
    input: &'a Mlp,
    state: &'a Mlp,
    turns: &'a [Turn],
    layer: usize,
    states: &'a mut States,
}

impl WithSimd for Gates<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (row, turn) in self.turns.iter().enumerate() {
            let input = if self.layer == 0 { turn.input } else { row };
            let [xr, xu, xn] = thirds(self.input.output(input));
            let [hr, hu, hn] = thirds(self.state.output(row));
            let [(xr, _), (xu, _), (xn, _)] = [xr, xu, xn].map(S::as_simd_f32s);
            let [(hr, _), (hu, _), (hn, _)] = [hr, hu, hn].map(S::as_simd_f32s);
            let (state, _) = S::as_mut_simd_f32s(self.states.padded_mut(turn.state, self.layer));
            for (i, h) in state.iter_mut().enumerate() {
                let reset = sigmoid(simd, simd.add_f32s(xr[i], hr[i]));
                let update = sigmoid(simd, simd.add_f32s(xu[i], hu[i]));
                let new = tanh(simd, simd.mul_add_f32s(reset, hn[i], xn[i]));
                *h = simd.mul_add_f32s(update, simd.sub_f32s(*h, new), new);
            }
        }
    }
}

fn thirds(numbers: &[f32]) -> [&[f32]; 3] {
    let (first, rest) = numbers.split_at(numbers.len() / 3);
    let (second, third) = rest.split_at(rest.len() / 2);
    [first, second, third]
}

/// An encoder that runs units over whole windows.
#[derive(Debug)]
pub(crate) struct Recurrent {
    pub(crate) gru: Gru,
    rectify: bool,
    states: States,
    turns: Vec<Turn>,
}

impl Recurrent {
    pub(crate) fn new(
        spec: &EncoderSpec,
        width: usize,
        rectify: bool,
        params: &Params,
    ) -> Result<Self, Error> {
        let networks = spec.body_and_head();
        let gru = Gru::new(width, &networks[..networks.len() - 1], params)?;
        let states = States::new(gru.layers.len(), width, 0);
        Ok(Self { gru, rectify, states, turns: Vec::new() })
    }

    /// Runs every context from its first row to its last; features go to `head`.
    pub(crate) fn features(&mut self, contexts: Contexts<'_>, head: &mut Mlp) {
        self.restart(contexts.len());
        for time in 0..contexts.lengths.iter().copied().max().unwrap_or(0) {
            self.step(contexts, time);
        }
        for (state, features) in head.inputs(contexts.len()).enumerate() {
            self.read(&self.states, state, features);
        }
    }

    /// Features that `state` stands for.
    pub(crate) fn read(&self, states: &States, state: usize, features: &mut [f32]) {
        let floor = if self.rectify { 0. } else { f32::NEG_INFINITY };
        for (feature, number) in features.iter_mut().zip(states.last(state)) {
            *feature = number.max(floor);
        }
    }

    fn restart(&mut self, contexts: usize) {
        let needed = contexts * self.states.layers * self.states.stride;
        if self.states.numbers.get().len() < needed {
            self.states = States::new(self.states.layers, self.states.width, contexts);
        }
        self.states.numbers.get_mut().fill(0.);
    }

    /// Row `time` of every context that is long enough.
    fn step(&mut self, contexts: Contexts<'_>, time: usize) {
        let Contexts { lengths, inputs, .. } = contexts;
        let present = lengths.iter().filter(|&&length| length > time).count();
        self.turns.clear();
        let long = contexts.iter().enumerate().filter(|(i, _)| lengths[*i] > time);
        for (seen, (state, rows)) in self.gru.inputs(present).zip(long) {
            inputs.see(&rows[time * inputs.width..][..inputs.width], seen);
            self.turns.push(Turn { input: self.turns.len(), state });
        }
        self.gru.step(&self.turns, &mut self.states);
    }
}
