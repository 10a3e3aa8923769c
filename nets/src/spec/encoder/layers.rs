//! The networks of encoders that are more than an MLP.

use crate::spec::{Block, MlpSpec, Network};

#[allow(clippy::cast_precision_loss, reason = "widths are far below 2^24")]
pub(super) fn bound(input: usize) -> f32 {
    1.0 / (input.max(1) as f32).sqrt()
}

pub(super) fn gru(input: usize, width: usize, layers: usize) -> Vec<Network> {
    let mut networks = Vec::new();
    for layer in 0..layers {
        let below = if layer == 0 { input } else { width };
        for (part, from) in [("input", below), ("state", width)] {
            let name = format!("encoder.gru.{layer}.{part}");
            networks.push(Network {
                output_bound: bound(width),
                ..Network::linear(&name, from, 3 * width)
            });
        }
    }
    networks
}

pub(super) fn convolution(input: usize, channels: &[usize], kernel: usize) -> Vec<Network> {
    let inputs = std::iter::once(input).chain(channels.iter().copied());
    let layers = inputs.zip(channels).enumerate();
    layers
        .map(|(layer, (input, output))| {
            Network::linear(&format!("encoder.convolution.{layer}"), kernel * input, *output)
        })
        .collect()
}

pub(super) fn rows_attending(input: usize, width: usize, layers: usize) -> Vec<Network> {
    let mut networks = vec![Network::linear("encoder.embed", input, width)];
    networks.extend((0..layers).flat_map(|layer| attention("block", layer, width)));
    networks
}

/// A block of attention.
pub(super) fn attention(kind: &str, layer: usize, width: usize) -> Vec<Network> {
    let name = |part: &str| format!("encoder.{kind}.{layer}.{part}");
    let norm = |part| Network::of(&name(part), Block::Norm { width }, 0.0);
    let linear = |part| Network::linear(&name(part), width, width);
    let feed = MlpSpec { input: width, hidden: vec![2 * width], output: width };
    vec![
        norm("norm"),
        linear("query"),
        linear("key"),
        linear("value"),
        linear("output"),
        norm("feed_norm"),
        Network::of(&name("feed"), Block::Mlp(feed), bound(2 * width)),
    ]
}
