//! Parameters of several networks in one flat buffer.

use crate::error::Result;
use crate::networks::forward::Layer;
use nets::{MlpSpec, Network, Params, TensorShape};
use tch::{Device, Kind, Tensor};

/// Networks of equal shape that run side by side as one batched ensemble; usually just one.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    names: Vec<String>,
    mlp: MlpSpec,
}

impl Stack {
    /// A single network.
    #[must_use]
    pub fn single(network: &Network) -> Self {
        Self { names: vec![network.name.clone()], mlp: network.mlp.clone() }
    }

    /// An ensemble. All members have the shape of the first.
    #[must_use]
    pub fn ensemble(members: &[Network]) -> Option<Self> {
        let mlp = members.first()?.mlp.clone();
        if members.iter().any(|member| member.mlp != mlp) {
            return None;
        }
        Some(Self { names: members.iter().map(|member| member.name.clone()).collect(), mlp })
    }

    fn members(&self) -> i64 {
        self.names.len() as i64
    }

    /// Shapes of the tensors of this stack in the buffer: per layer `[members, output, input]` and
    /// `[members, 1, output]`, without the first dimension for a single network.
    fn shapes(&self) -> Vec<Vec<i64>> {
        let mut shapes = Vec::new();
        for layer in self.mlp.layers() {
            let (input, output) = (layer.input as i64, layer.output as i64);
            if self.names.len() == 1 {
                shapes.extend([vec![output, input], vec![output]]);
            } else {
                let members = self.members();
                shapes.extend([vec![members, output, input], vec![members, 1, output]]);
            }
        }
        shapes
    }

    /// Name and shape of each member's part of each tensor, in buffer order.
    fn parts(&self) -> Vec<TensorShape> {
        let per_member: Vec<Vec<TensorShape>> = self
            .names
            .iter()
            .map(|name| Network::new(name, self.mlp.clone()).parameters())
            .collect();
        let tensors = 2 * self.mlp.layers().len();
        (0..tensors)
            .flat_map(|tensor| per_member.iter().map(move |member| member[tensor].clone()))
            .collect()
    }
}

/// Parameters that one optimiser moves, in one flat `[n]` buffer.
#[derive(Debug)]
pub struct Group {
    stacks: Vec<Stack>,
    sizes: Vec<i64>,
    shapes: Vec<Vec<i64>>,
    flat: Tensor,
}

impl Group {
    /// Takes the values of the parameters of `stacks` from `params`.
    ///
    /// # Errors
    /// If a parameter is missing or has another shape.
    pub fn new(stacks: Vec<Stack>, params: &Params, device: Device) -> Result<Self> {
        let shapes: Vec<Vec<i64>> = stacks.iter().flat_map(Stack::shapes).collect();
        let sizes: Vec<i64> = shapes.iter().map(|shape| shape.iter().product()).collect();
        let flat = gather(&stacks, "", params, device)?.f_set_requires_grad(true)?;
        Ok(Self { stacks, sizes, shapes, flat })
    }

    /// A buffer laid out like this group (Adam's moments, say) from the tensors that are named like
    /// the parameters behind `prefix`.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn gather_like(&self, prefix: &str, params: &Params) -> Result<Tensor> {
        gather(&self.stacks, prefix, params, self.flat.device())
    }

    /// The buffer: the leaf that gradients are taken with respect to.
    pub fn flat(&self) -> &Tensor {
        &self.flat
    }

    /// Layers of each stack, as views that gradients flow through into the flat buffer.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn layers(&self) -> Result<Vec<Vec<Layer>>> {
        self.views(&self.flat)
    }

    /// Layers of each stack as constants.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn constant_layers(&self) -> Result<Vec<Vec<Layer>>> {
        self.views(&self.flat.f_detach()?)
    }

    fn views(&self, flat: &Tensor) -> Result<Vec<Vec<Layer>>> {
        // One split: its gradient is one concatenation, where separate slices would each fill a
        // buffer of full size.
        let parts = flat.f_split_with_sizes(&self.sizes[..], 0)?;
        let mut tensors = Vec::with_capacity(parts.len());
        for (part, shape) in parts.iter().zip(&self.shapes) {
            tensors.push(part.f_view(&shape[..])?);
        }
        let mut tensors = tensors.into_iter();
        let mut stacks = Vec::with_capacity(self.stacks.len());
        for stack in &self.stacks {
            let count = stack.mlp.layers().len();
            let layers = std::iter::from_fn(|| {
                Some(Layer { weight: tensors.next()?, bias: tensors.next()? })
            });
            stacks.push(layers.take(count).collect());
        }
        Ok(stacks)
    }

    /// Values of the parameters under their names.
    ///
    /// # Errors
    /// If libtorch fails, or if a parameter is not finite.
    pub fn export(&self) -> Result<Params> {
        self.export_like(&self.flat)
    }

    /// Values of the parameters of stack number `stack` alone.
    ///
    /// # Errors
    /// If libtorch fails, or if a parameter is not finite.
    pub fn export_stack(&self, stack: usize) -> Result<Params> {
        named(&self.stacks[stack..=stack], &to_host(&self.part(stack)?)?)
    }

    /// Values of a buffer laid out like this group (Adam's moments, say) under the parameters'
    /// names.
    ///
    /// # Errors
    /// If libtorch fails, or if a value is not finite.
    pub fn export_like(&self, flat: &Tensor) -> Result<Params> {
        named(&self.stacks, &to_host(flat)?)
    }

    /// Moves towards `leader`, elementwise: θ ← θ + rate (leader − θ). The leader must be laid out
    /// alike; `rate` is `[]`, on the device.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn follow(&mut self, leader: &Tensor, rate: &Tensor) -> Result<()> {
        drop(tch::no_grad(|| self.flat.f_lerp_tensor_(leader, rate))?);
        Ok(())
    }

    /// The part of the buffer that holds stack number `stack`, as a constant.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn part(&self, stack: usize) -> Result<Tensor> {
        let tensors = |stacks: &[Stack]| stacks.iter().map(|s| 2 * s.mlp.layers().len()).sum();
        let before: usize = tensors(&self.stacks[..stack]);
        let until: usize = tensors(&self.stacks[..=stack]);
        let start = self.sizes[..before].iter().sum();
        let length = self.sizes[before..until].iter().sum();
        Ok(self.flat.f_detach()?.f_narrow(0, start, length)?)
    }
}

/// One flat buffer with the numbers of `stacks`.
fn gather(stacks: &[Stack], prefix: &str, params: &Params, device: Device) -> Result<Tensor> {
    let mut values = Vec::new();
    for mut part in stacks.iter().flat_map(Stack::parts) {
        part.name.insert_str(0, prefix);
        values.extend_from_slice(params.data(&part)?);
    }
    Ok(Tensor::f_from_slice(&values)?.f_to_device(device)?)
}

/// The numbers of `stacks` under the names of their parameters.
fn named(stacks: &[Stack], values: &[f32]) -> Result<Params> {
    let mut tensors = Vec::new();
    let mut rest = values;
    for part in stacks.iter().flat_map(Stack::parts) {
        let count = part.shape.iter().product();
        let (data, after) = rest.split_at(count);
        tensors.push(nets::Tensor::new(part.name, part.shape, data.to_vec())?);
        rest = after;
    }
    Ok(Params::new(tensors)?)
}

/// Copies a tensor's numbers to the host.
///
/// # Errors
/// If libtorch fails.
pub fn to_host(tensor: &Tensor) -> Result<Vec<f32>> {
    let host = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?;
    let mut values = vec![0.0; host.numel()];
    host.f_contiguous()?.f_copy_data(&mut values, host.numel())?;
    Ok(values)
}
