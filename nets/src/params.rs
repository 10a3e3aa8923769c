//! Named parameters and their bytes: safetensors, for the wire and for checkpoints alike.

use crate::{AgentSpec, Error, TensorShape, parameter_shapes};
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;

/// Value of the metadata entry `version` of a file that holds an agent.
pub const FORMAT_VERSION: &str = "1";

/// A named array of finite `f32`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    name: String,
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Tensor {
    /// `data` in row-major order; the product of `shape` is its length.
    ///
    /// # Errors
    /// [`Error::Length`] or [`Error::NotFinite`].
    pub fn new(name: String, shape: Vec<usize>, data: Vec<f32>) -> Result<Self, Error> {
        let expected = numbers(&shape);
        if expected != Some(data.len()) {
            return Err(Error::Length {
                what: format!("tensor {name} of shape {shape:?}"),
                expected: expected.unwrap_or(usize::MAX),
                got: data.len(),
            });
        }
        if let Some(index) = data.iter().position(|v| !v.is_finite()) {
            return Err(Error::NotFinite { tensor: name, index, value: data[index] });
        }
        Ok(Self { name, shape, data })
    }

    /// For callers in this crate that made `data` to measure.
    pub(crate) fn of(shape: TensorShape, data: Vec<f32>) -> Self {
        let TensorShape { name, shape } = shape;
        debug_assert_eq!(numbers(&shape), Some(data.len()));
        Self { name, shape, data }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its numbers in row-major order.
    #[must_use]
    pub fn data(&self) -> &[f32] {
        &self.data
    }
}

/// Tensors with different names, in an order that is kept on the way through bytes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Params {
    tensors: Vec<Tensor>,
}

impl Params {
    /// Takes the tensors in their order.
    ///
    /// # Errors
    /// [`Error::Unexpected`] for a second tensor of the same name.
    pub fn new(tensors: Vec<Tensor>) -> Result<Self, Error> {
        let mut names = std::collections::HashSet::new();
        if let Some(second) = tensors.iter().find(|t| !names.insert(t.name.as_str())) {
            return Err(Error::Unexpected {
                tensor: second.name.clone(),
                got: second.shape.clone(),
            });
        }
        Ok(Self { tensors })
    }

    /// All tensors in order.
    #[must_use]
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The tensor called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|t| t.name == name)
    }

    /// The numbers of the tensor `expected` names.
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::Shape`].
    pub fn data(&self, expected: &TensorShape) -> Result<&[f32], Error> {
        let Some(tensor) = self.get(&expected.name) else {
            return Err(Error::Missing {
                tensor: expected.name.clone(),
                expected: expected.shape.clone(),
            });
        };
        if tensor.shape != expected.shape {
            return Err(Error::Shape {
                tensor: expected.name.clone(),
                expected: expected.shape.clone(),
                got: tensor.shape.clone(),
            });
        }
        Ok(&tensor.data)
    }

    /// Exactly the tensors `expected`, in that order.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Shape`] or [`Error::Unexpected`].
    pub fn arranged(self, expected: &[TensorShape]) -> Result<Self, Error> {
        for shape in expected {
            self.data(shape)?;
        }
        let mut found: BTreeMap<String, Tensor> = BTreeMap::new();
        for tensor in self.tensors {
            found.insert(tensor.name.clone(), tensor);
        }
        let tensors = expected.iter().filter_map(|s| found.remove(&s.name));
        let tensors: Vec<Tensor> = tensors.collect();
        match found.into_values().next() {
            None => Self::new(tensors),
            Some(extra) => Err(Error::Unexpected { tensor: extra.name, got: extra.shape }),
        }
    }

    /// A safetensors file: the same bytes for the same parameters and metadata, always.
    ///
    /// (The writer of the `safetensors` crate puts metadata in a random order and sorts tensors;
    /// a resumed run could then not end with the same bytes.)
    #[must_use]
    pub fn to_bytes(&self, metadata: &BTreeMap<String, String>) -> Vec<u8> {
        let header = self.header(metadata);
        let data: usize = self.tensors.iter().map(|t| 4 * t.data.len()).sum();
        let mut bytes = Vec::with_capacity(8 + header.len() + data);
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header.as_bytes());
        for tensor in &self.tensors {
            let start = bytes.len();
            bytes.resize(start + 4 * tensor.data.len(), 0);
            for (slot, value) in bytes[start..].chunks_exact_mut(4).zip(&tensor.data) {
                slot.copy_from_slice(&value.to_le_bytes());
            }
        }
        bytes
    }

    /// The JSON header, padded with spaces so that the numbers are aligned.
    fn header(&self, metadata: &BTreeMap<String, String>) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let entries: Vec<String> = metadata
            .iter()
            .map(|(key, value)| format!("{}:{}", quoted(key), quoted(value)))
            .collect();
        let mut fields = vec![format!("\"__metadata__\":{{{}}}", entries.join(","))];
        let mut start = 0;
        for tensor in &self.tensors {
            let end = start + 4 * tensor.data.len();
            let (name, shape) = (quoted(&tensor.name), &tensor.shape);
            fields.push(format!(
                "{name}:{{\"dtype\":\"F32\",\"shape\":{shape:?},\"data_offsets\":[{start},{end}]}}"
            ));
            start = end;
        }
        let mut header = format!("{{{}}}", fields.join(","));
        while !header.len().is_multiple_of(8) {
            header.push(' ');
        }
        header
    }

    /// Reads a safetensors file of F32 or BF16 tensors and its metadata; what it allocates is
    /// bounded by the length of `bytes`.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Dtype`] or [`Error::NotFinite`].
    pub fn from_bytes(bytes: &[u8]) -> Result<(Self, BTreeMap<String, String>), Error> {
        let (_, header) = SafeTensors::read_metadata(bytes)?;
        let file = SafeTensors::deserialize(bytes)?;
        let mut tensors = Vec::with_capacity(file.len());
        for name in header.offset_keys() {
            let view = file.tensor(&name)?;
            let data = match view.dtype() {
                Dtype::F32 => read_f32(view.data()),
                Dtype::BF16 => read_bf16(view.data()),
                other => {
                    return Err(Error::Dtype { tensor: name, got: format!("{other:?}") });
                }
            };
            tensors.push(Tensor::new(name, view.shape().to_vec(), data)?);
        }
        let metadata = header.metadata().iter().flatten();
        let metadata = metadata.map(|(k, v)| (k.clone(), v.clone())).collect();
        Ok((Self::new(tensors)?, metadata))
    }
}

/// The parameters of an agent with its spec as metadata: what is published and what is kept.
///
/// # Errors
/// A spec that fails [`AgentSpec::check`], or parameters that are not those of the spec.
pub fn write_agent(spec: &AgentSpec, params: &Params) -> Result<Vec<u8>, Error> {
    spec.check()?;
    let shapes = parameter_shapes(&spec.networks());
    let params = params.clone().arranged(&shapes)?;
    let json = serde_json::to_string(spec).map_err(|error| Error::Metadata {
        key: "spec",
        expected: "a spec that JSON can hold",
        got: error.to_string(),
    })?;
    let metadata = [("spec", json), ("version", FORMAT_VERSION.to_owned())];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value));
    Ok(params.to_bytes(&BTreeMap::from(metadata)))
}

/// Reads what [`write_agent`] wrote and checks all of it.
///
/// # Errors
/// Bytes that are no safetensors file; a missing or different version; a spec that cannot be;
/// tensors missing, extra, of another shape or type, or not finite.
pub fn read_agent(bytes: &[u8]) -> Result<(AgentSpec, Params), Error> {
    let (params, metadata) = Params::from_bytes(bytes)?;
    let entry = |key: &str| metadata.get(key).map(String::as_str);
    if entry("version") != Some(FORMAT_VERSION) {
        return Err(Error::Metadata {
            key: "version",
            expected: FORMAT_VERSION,
            got: entry("version").unwrap_or("no such entry").to_owned(),
        });
    }
    let json = entry("spec").unwrap_or("");
    let spec: AgentSpec = serde_json::from_str(json).map_err(|error| Error::Metadata {
        key: "spec",
        expected: "an agent spec as JSON",
        got: error.to_string(),
    })?;
    spec.check()?;
    let params = params.arranged(&parameter_shapes(&spec.networks()))?;
    Ok((spec, params))
}

fn numbers(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))
}

fn read_f32(bytes: &[u8]) -> Vec<f32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|&word| f32::from_le_bytes(word)).collect()
}

/// BF16 is the upper half of an F32.
fn read_bf16(bytes: &[u8]) -> Vec<f32> {
    let (words, _) = bytes.as_chunks::<2>();
    let upper = words.iter().map(|&word| u16::from_le_bytes(word));
    upper.map(|bits| f32::from_bits(u32::from(bits) << 16)).collect()
}

#[cfg(test)]
mod tests;
