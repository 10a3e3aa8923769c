//! Networks: blocks of layers with names.

use serde::{Deserialize, Serialize};

/// Sizes of one linear layer, y = W x + b.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerShape {
    /// Columns of W: numbers going in.
    pub input: usize,
    /// Rows of W: numbers coming out.
    pub output: usize,
}

/// A multi-layer perceptron: ReLU after every hidden layer, linear output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpSpec {
    /// Numbers going in.
    pub input: usize,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Numbers coming out.
    pub output: usize,
}

impl MlpSpec {
    /// A single linear layer.
    #[must_use]
    pub fn linear(input: usize, output: usize) -> Self {
        Self { input, hidden: Vec::new(), output }
    }

    /// The linear layers from input to output.
    #[must_use]
    pub fn layers(&self) -> Vec<LayerShape> {
        let inputs = std::iter::once(self.input).chain(self.hidden.iter().copied());
        let outputs = self.hidden.iter().copied().chain([self.output]);
        inputs.zip(outputs).map(|(input, output)| LayerShape { input, output }).collect()
    }
}

/// What a network consists of. Each is a row of (weight, bias) pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Linear layers with ReLU in between: weights `[output, input]`, biases `[output]`.
    Mlp(MlpSpec),
    /// Layer normalisation: scale and shift, both `[width]`.
    Norm {
        /// Numbers in a row.
        width: usize,
    },
    /// Learned rows `[rows, width]` and a shift `[width]` that all of them share.
    Table {
        /// Rows.
        rows: usize,
        /// Numbers in a row.
        width: usize,
    },
}

impl Block {
    /// Shapes of weight and bias of each pair.
    #[must_use]
    pub fn shapes(&self) -> Vec<(Vec<usize>, Vec<usize>)> {
        match self {
            Self::Mlp(mlp) => {
                let layers = mlp.layers().into_iter();
                layers.map(|layer| (vec![layer.output, layer.input], vec![layer.output])).collect()
            }
            Self::Norm { width } => vec![(vec![*width], vec![*width])],
            Self::Table { rows, width } => vec![(vec![*rows, *width], vec![*width])],
        }
    }
}

/// Which numbers of a tensor are the same up to their sign: number i is `sign[i]` times free number
/// `index[i]`. What is equivariant under a group is written so.
#[derive(Debug, Clone, PartialEq)]
pub struct Ties {
    /// Free numbers.
    pub free: usize,
    /// For each number of the tensor, row-major: which free number.
    pub index: Vec<u32>,
    /// For each number of the tensor: 1, −1, or 0 for one that has to vanish.
    pub sign: Vec<f32>,
}

impl Ties {
    /// The free numbers of a tensor: of those that are tied, the first.
    #[must_use]
    pub fn gather(&self, numbers: &[f32]) -> Vec<f32> {
        let mut free = vec![0.0; self.free];
        let tied = numbers.iter().zip(&self.index).zip(&self.sign).rev();
        for ((&number, &index), &sign) in tied.filter(|(_, sign)| **sign != 0.0) {
            if let Some(slot) = free.get_mut(index as usize) {
                *slot = sign * number;
            }
        }
        free
    }

    /// The tensor with these free numbers.
    #[must_use]
    pub fn spread(&self, free: &[f32]) -> Vec<f32> {
        let places = self.index.iter().zip(&self.sign);
        places.map(|(&index, &sign)| sign * free.get(index as usize).unwrap_or(&0.0)).collect()
    }
}

/// A named block with what its initialisation needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// First part of its parameters' names.
    pub name: String,
    /// Its layers.
    pub block: Block,
    /// Weights and biases of the last layer of an MLP start in U(-bound, bound).
    pub output_bound: f32,
    /// Ties of each tensor in turn, weight and bias of each pair; empty where all numbers are free.
    pub ties: Vec<Ties>,
}

impl Network {
    /// An MLP whose last layer starts in U(±3e-3).
    #[must_use]
    pub fn new(name: &str, mlp: MlpSpec) -> Self {
        Self::of(name, Block::Mlp(mlp), 3e-3)
    }

    /// A linear layer that starts like a hidden layer, in U(±1/√input).
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "widths are far below 2^24")]
    pub fn linear(name: &str, input: usize, output: usize) -> Self {
        let bound = 1.0 / (input.max(1) as f32).sqrt();
        Self::of(name, Block::Mlp(MlpSpec::linear(input, output)), bound)
    }

    /// Any block.
    #[must_use]
    pub fn of(name: &str, block: Block, output_bound: f32) -> Self {
        Self { name: name.to_owned(), block, output_bound, ties: Vec::new() }
    }

    /// `<name>.<pair>.weight` and `<name>.<pair>.bias` in turn.
    #[must_use]
    pub fn parameters(&self) -> Vec<TensorShape> {
        let mut shapes = Vec::new();
        for (index, (weight, bias)) in self.block.shapes().into_iter().enumerate() {
            let part = |what| format!("{}.{index}.{what}", self.name);
            shapes.push(TensorShape { name: part("weight"), shape: weight });
            shapes.push(TensorShape { name: part("bias"), shape: bias });
        }
        shapes
    }
}

/// Name and shape of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorShape {
    /// `<network>.<layer>.weight` or `.bias`.
    pub name: String,
    /// `[output, input]` of a weight, `[output]` of a bias.
    pub shape: Vec<usize>,
}

/// All parameters of `networks`, in the order in which they are stored.
#[must_use]
pub fn parameter_shapes(networks: &[Network]) -> Vec<TensorShape> {
    networks.iter().flat_map(Network::parameters).collect()
}
