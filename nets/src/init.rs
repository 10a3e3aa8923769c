//! Initial parameters, as PEARL draws them.

use crate::{Error, Network, Params, Tensor};
use rand::{Rng, RngExt as _};

/// Biases of all layers but the last start here.
const BIAS: f32 = 0.1;

/// Draws the parameters of `network`.
///
/// Hidden layers: weights U(±1/√fan-in), biases 0.1. Last layer: weights and biases
/// U(±[`Network::output_bound`]), which is 3e-3, and 1e-3 for the policy.
///
/// Fan-in is the number of inputs of the layer. (The helper of the reference code takes the number
/// of rows of the weight, which in PyTorch is the number of outputs: the same for square layers,
/// a larger scale than ours where a layer narrows and a smaller one where it widens, such as the
/// first.)
#[must_use]
pub fn network<R: Rng + ?Sized>(network: &Network, rng: &mut R) -> Vec<Tensor> {
    let layers = network.mlp.layers();
    let last = layers.len() - 1;
    let mut shapes = network.parameters().into_iter();
    let mut tensors = Vec::with_capacity(2 * layers.len());
    for (index, layer) in layers.iter().enumerate() {
        let (Some(weight), Some(bias)) = (shapes.next(), shapes.next()) else {
            break;
        };
        let (weights, biases) = if index == last {
            let bound = network.output_bound;
            let weights = uniform(layer.input * layer.output, bound, rng);
            (weights, uniform(layer.output, bound, rng))
        } else {
            #[allow(clippy::cast_precision_loss, reason = "widths are far below 2^24")]
            let bound = 1. / (layer.input as f32).sqrt();
            let weights = uniform(layer.input * layer.output, bound, rng);
            (weights, vec![BIAS; layer.output])
        };
        tensors.push(Tensor::of(weight, weights));
        tensors.push(Tensor::of(bias, biases));
    }
    tensors
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
