//! Parameters of several networks in one flat buffer.

use crate::error::{Error, Result};
use crate::networks::forward::Layer;
use nets::{Network, Params, TensorShape, Ties};
use std::collections::BTreeMap;
use tch::{Device, Kind, Tensor};

/// Networks of equal shape that run side by side as one batched ensemble; usually just one.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    members: Vec<Network>,
}

/// One tensor of a stack: how it looks to a forward pass, and how many numbers of each member lie
/// in the buffer.
#[derive(Debug)]
struct Slot {
    shape: Vec<i64>,
    members: i64,
    free: i64,
    /// Where numbers are tied: which free number each is, and its sign.
    ties: Option<(Tensor, Tensor)>,
}

impl Stack {
    /// A single network.
    #[must_use]
    pub fn single(network: &Network) -> Self {
        Self { members: vec![network.clone()] }
    }

    /// An ensemble. All members have the shape of the first.
    #[must_use]
    pub fn ensemble(members: &[Network]) -> Option<Self> {
        let first = members.first()?;
        let alike = |member: &Network| member.block == first.block && member.ties == first.ties;
        members.iter().all(alike).then(|| Self { members: members.to_vec() })
    }

    /// Name of the first member.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.members[0].name
    }

    fn pairs(&self) -> usize {
        self.members[0].block.shapes().len()
    }

    /// The tensors of this stack: per layer weight and bias. Those of an ensemble are
    /// `[members, …]` and `[members, 1, …]`.
    fn slots(&self, device: Device) -> Result<Vec<Slot>> {
        let first = &self.members[0];
        let members = self.members.len() as i64;
        let mut slots = Vec::new();
        for (place, part) in first.parameters().iter().enumerate() {
            let own = part.shape.iter().map(|&n| n as i64);
            let shape: Vec<i64> = match (members, place % 2) {
                (1, _) => own.collect(),
                (_, 0) => std::iter::once(members).chain(own).collect(),
                _ => [members, 1].into_iter().chain(own).collect(),
            };
            let whole = part.shape.iter().product::<usize>() as i64;
            let ties = first.ties.get(place);
            let free = ties.map_or(whole, |ties| ties.free as i64);
            let ties = ties.map(|ties| on_device(ties, device)).transpose()?;
            slots.push(Slot { shape, members, free, ties });
        }
        Ok(slots)
    }

    /// Name and shape of each member's part of each tensor, with its ties, in buffer order.
    fn parts(&self) -> Vec<(TensorShape, Option<&Ties>)> {
        let per_member: Vec<Vec<TensorShape>> =
            self.members.iter().map(Network::parameters).collect();
        let ties = &self.members[0].ties;
        let part = |place: usize| {
            per_member.iter().map(move |member| (member[place].clone(), ties.get(place)))
        };
        (0..2 * self.pairs()).flat_map(part).collect()
    }
}

fn on_device(ties: &Ties, device: Device) -> Result<(Tensor, Tensor)> {
    let index: Vec<i64> = ties.index.iter().map(|&index| index.into()).collect();
    let index = Tensor::f_from_slice(&index)?.f_to_device(device)?;
    Ok((index, Tensor::f_from_slice(&ties.sign)?.f_to_device(device)?))
}

impl Slot {
    /// The tensor, from its part of the buffer.
    fn view(&self, part: &Tensor) -> Result<Tensor> {
        let Some((index, sign)) = &self.ties else {
            return Ok(part.f_view(&self.shape[..])?);
        };
        let free = part.f_view([self.members, self.free])?;
        Ok(free.f_index_select(1, index)?.f_mul(sign)?.f_view(&self.shape[..])?)
    }
}

/// Layers of networks by name.
pub type NamedLayers = BTreeMap<String, Vec<Layer>>;

/// The layers of the network called `name`; at least one.
///
/// # Errors
/// If there is none of that name.
pub fn network<'a>(layers: &'a NamedLayers, name: &str) -> Result<&'a [Layer]> {
    match layers.get(name).map(Vec::as_slice) {
        Some(found @ [_, ..]) => Ok(found),
        _ => {
            let names: Vec<&str> = layers.keys().map(String::as_str).collect();
            Err(Error::Shape {
                what: "networks",
                expected: format!("one called {name}"),
                got: names.join(", "),
            })
        }
    }
}

/// Parameters that one optimiser moves, in one flat `[n]` buffer.
#[derive(Debug)]
pub struct Group {
    stacks: Vec<Stack>,
    slots: Vec<Slot>,
    /// Numbers of each slot in the buffer.
    sizes: Vec<i64>,
    flat: Tensor,
}

impl Group {
    /// Takes the values of the parameters of `stacks` from `params`.
    ///
    /// # Errors
    /// If a parameter is missing or has another shape.
    pub fn new(stacks: Vec<Stack>, params: &Params, device: Device) -> Result<Self> {
        let mut slots = Vec::new();
        for stack in &stacks {
            slots.extend(stack.slots(device)?);
        }
        let sizes = slots.iter().map(|slot| slot.members * slot.free).collect();
        let flat = gather(&stacks, "", params, device)?.f_set_requires_grad(true)?;
        Ok(Self { stacks, slots, sizes, flat })
    }

    /// Takes the values of the parameters from `params`.
    ///
    /// # Errors
    /// If a parameter is missing or has another shape.
    pub fn assign(&mut self, params: &Params) -> Result<()> {
        let values = gather(&self.stacks, "", params, self.flat.device())?;
        tch::no_grad(|| self.flat.f_copy_(&values))?;
        Ok(())
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

    /// Layers of each network under its name, as views that gradients flow through.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn named_layers(&self) -> Result<NamedLayers> {
        Ok(self.by_name(self.layers()?))
    }

    /// Layers of each network under its name, as constants.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn named_constants(&self) -> Result<NamedLayers> {
        Ok(self.by_name(self.constant_layers()?))
    }

    fn by_name(&self, layers: Vec<Vec<Layer>>) -> NamedLayers {
        self.stacks.iter().map(|stack| stack.name().to_owned()).zip(layers).collect()
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
        for (part, slot) in parts.iter().zip(&self.slots) {
            tensors.push(slot.view(part)?);
        }
        let mut tensors = tensors.into_iter();
        let mut stacks = Vec::with_capacity(self.stacks.len());
        for stack in &self.stacks {
            let count = stack.pairs();
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
        let tensors = |stacks: &[Stack]| stacks.iter().map(|s| 2 * s.pairs()).sum();
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
    for (mut part, ties) in stacks.iter().flat_map(Stack::parts) {
        part.name.insert_str(0, prefix);
        let data = params.data(&part)?;
        match ties {
            Some(ties) => values.extend(ties.gather(data)),
            None => values.extend_from_slice(data),
        }
    }
    Ok(Tensor::f_from_slice(&values)?.f_to_device(device)?)
}

/// The numbers of `stacks` under the names of their parameters.
fn named(stacks: &[Stack], values: &[f32]) -> Result<Params> {
    let mut tensors = Vec::new();
    let mut rest = values;
    for (part, ties) in stacks.iter().flat_map(Stack::parts) {
        let whole = part.shape.iter().product();
        let (data, after) = rest.split_at(ties.map_or(whole, |ties| ties.free));
        let data = ties.map_or_else(|| data.to_vec(), |ties| ties.spread(data));
        tensors.push(nets::Tensor::new(part.name, part.shape, data)?);
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
