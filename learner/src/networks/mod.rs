//! Networks as tensors: parameters in one flat buffer per optimiser, forward passes, Adam.
//!
//! libtorch's cost per operation is fought by doing fewer, larger ones: all parameters that one
//! optimiser moves lie in one buffer, and networks of equal shape run as one batched ensemble
//! (on a CPU, where that is slower, one by one).

pub mod adam;
pub mod forward;
pub mod parameters;

pub use adam::{Adam, AdamSettings};
pub use forward::Layer;
pub use parameters::{Group, NamedLayers, Stack};
