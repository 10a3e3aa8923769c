//! What can be wrong with a spec, with parameters, or with arrays handed to a network.

/// Everything that this crate refuses.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are not a safetensors file.
    #[error("expected a safetensors file, got bytes that are not one: {0}")]
    Format(#[from] safetensors::SafeTensorError),
    /// A metadata entry of the file is missing or wrong.
    #[error("metadata {key:?}: expected {expected}, got {got}")]
    Metadata {
        /// Which entry.
        key: &'static str,
        /// What would be right.
        expected: &'static str,
        /// What was there.
        got: String,
    },
    /// A size in a spec is out of range or disagrees with another.
    #[error("{field}: expected {expected}, got {got}")]
    Spec {
        /// Path of the field in the spec.
        field: String,
        /// What would be right.
        expected: String,
        /// What was there.
        got: String,
    },
    /// A tensor holds another type of number.
    #[error("tensor {tensor}: expected numbers of type F32 or BF16, got {got}")]
    Dtype {
        /// Which tensor.
        tensor: String,
        /// The type it holds.
        got: String,
    },
    /// A tensor that the spec asks for is not there.
    #[error("tensor {tensor}: expected shape {expected:?}, got no such tensor")]
    Missing {
        /// Which tensor.
        tensor: String,
        /// Its shape.
        expected: Vec<usize>,
    },
    /// A tensor is there that the spec does not know, or is there twice.
    #[error("tensor {tensor}: expected no such tensor (or no second one), got shape {got:?}")]
    Unexpected {
        /// Which tensor.
        tensor: String,
        /// Its shape.
        got: Vec<usize>,
    },
    /// A tensor has another shape than the spec asks for.
    #[error("tensor {tensor}: expected shape {expected:?}, got {got:?}")]
    Shape {
        /// Which tensor.
        tensor: String,
        /// Shape in the spec.
        expected: Vec<usize>,
        /// Its shape.
        got: Vec<usize>,
    },
    /// A tensor holds NaN or an infinity.
    #[error("tensor {tensor}: expected finite numbers, got {value} at position {index}")]
    NotFinite {
        /// Which tensor.
        tensor: String,
        /// Position in row-major order.
        index: usize,
        /// The offending value.
        value: f32,
    },
    /// A slice has the wrong length.
    #[error("{what}: expected {expected} numbers, got {got}")]
    Length {
        /// Which slice or tensor.
        what: String,
        /// Numbers it should hold.
        expected: usize,
        /// Numbers it holds.
        got: usize,
    },
    /// A slot that a tracker does not have, or that is named twice.
    #[error("slot of a tracker: expected one below {slots}, named once, got {got}")]
    Slot {
        /// Slots that it has.
        slots: usize,
        /// Which was named.
        got: usize,
    },
}

/// Checks the length of the slice called `what`.
pub(crate) fn length(what: &str, expected: usize, got: usize) -> Result<(), Error> {
    if expected == got {
        return Ok(());
    }
    Err(Error::Length { what: what.to_owned(), expected, got })
}
