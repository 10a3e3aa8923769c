//! Initial parameters, as PEARL draws them.

use crate::{Block, Error, Network, Params, Tensor, TensorShape, Ties};
use rand::{Rng, RngExt as _};

/// Biases of all layers but the last start here.
const BIAS: f32 = 0.1;

/// Draws the parameters of `network`.
///
/// MLP: weights of hidden layers U(±1/√fan-in), biases 0.1; weights and biases of the last layer
/// U(±[`Network::output_bound`]), which is 3e-3, and 1e-3 for the policy. Layer norm: 1 and 0.
/// Table: rows U(±[`Network::output_bound`]), shift 0. Numbers that are tied are drawn once.
///
/// Fan-in is the number of inputs of the layer. (The helper of the reference code takes the number
/// of rows of the weight, which in PyTorch is the number of outputs: the same for square layers,
/// a larger scale than ours where a layer narrows and a smaller one where it widens, such as the
/// first.)
#[must_use]
pub fn network<R: Rng + ?Sized>(network: &Network, rng: &mut R) -> Vec<Tensor> {
    let shapes = network.parameters();
    let last = shapes.len() / 2 - 1;
    let mut tensors = Vec::with_capacity(shapes.len());
    for (index, pair) in shapes.chunks_exact(2).enumerate() {
        let [weight, bias] = pair else { break };
        let (weights, biases) = pair_of(network, index == last, weight, bias, rng);
        tensors.push(Tensor::of(weight.clone(), weights));
        tensors.push(Tensor::of(bias.clone(), biases));
    }
    tie(&network.ties, tensors)
}

/// Weight and bias of one pair.
fn pair_of<R: Rng + ?Sized>(
    network: &Network,
    last: bool,
    weight: &TensorShape,
    bias: &TensorShape,
    rng: &mut R,
) -> (Vec<f32>, Vec<f32>) {
    let numbers = |shape: &TensorShape| shape.shape.iter().product::<usize>();
    let bound = network.output_bound;
    match &network.block {
        Block::Mlp(_) if last => {
            let weights = uniform(numbers(weight), bound, rng);
            (weights, uniform(numbers(bias), bound, rng))
        }
        Block::Mlp(_) => {
            #[allow(clippy::cast_precision_loss, reason = "widths are far below 2^24")]
            let bound = 1. / (weight.shape[1] as f32).sqrt();
            (uniform(numbers(weight), bound, rng), vec![BIAS; numbers(bias)])
        }
        Block::Norm { .. } => (vec![1.; numbers(weight)], vec![0.; numbers(bias)]),
        Block::Table { .. } => (uniform(numbers(weight), bound, rng), vec![0.; numbers(bias)]),
    }
}

/// Gives tied numbers the value of the first of them.
fn tie(ties: &[Ties], tensors: Vec<Tensor>) -> Vec<Tensor> {
    if ties.is_empty() {
        return tensors;
    }
    let tied = tensors.into_iter().zip(ties).map(|(tensor, ties)| {
        let data = ties.spread(&ties.gather(tensor.data()));
        let shape = TensorShape { name: tensor.name().to_owned(), shape: tensor.shape().to_vec() };
        Tensor::of(shape, data)
    });
    tied.collect()
}

/// Draws the parameters of several networks, one after the other.
///
/// # Errors
/// [`Error::Unexpected`] if two networks have the same name.
pub fn networks<R: Rng + ?Sized>(networks: &[Network], rng: &mut R) -> Result<Params, Error> {
    Params::new(networks.iter().flat_map(|n| network(n, rng)).collect())
}

fn uniform<R: Rng + ?Sized>(count: usize, bound: f32, rng: &mut R) -> Vec<f32> {
    (0..count).map(|_| bound * (2. * rng.random::<f32>() - 1.)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MlpSpec;
    use types::{Role, stream};

    #[test]
    fn ranges_follow_the_inputs_and_the_last_layer_is_small() {
        let mlp = MlpSpec { input: 25, hidden: vec![100, 64], output: 12 };
        let spec = Network { output_bound: 1e-3, ..Network::new("policy", mlp) };
        let tensors = network(&spec, &mut stream(1, Role::Initialise, 0, 0));
        let largest = |i: usize| tensors[i].data().iter().fold(0f32, |m, v| m.max(v.abs()));
        for (index, bound) in [(0, 0.2), (2, 0.1), (4, 1e-3), (5, 1e-3)] {
            let name = tensors[index].name();
            assert!(largest(index) <= bound, "{name}: {}", largest(index));
            assert!(largest(index) > 0.7 * bound, "{name}: {}", largest(index));
        }
        assert!(tensors[1].data().iter().all(|&b| b == 0.1));
        let again = network(&spec, &mut stream(1, Role::Initialise, 0, 0));
        assert_eq!(tensors, again);
    }
}
