//! The acting networks: what they are, what their parameters are called, how they are stored, and
//! how they run on a CPU.
//!
//! The learner builds the same [`AgentSpec`] in another tensor library and sends [`Params`] back;
//! one naming (`<network>.<layer>.weight` and `.bias`) and one format (safetensors) hold the two
//! together. Numbers are `f32`, arrays are row-major.

mod error;
pub mod gaussian;
pub mod init;
mod params;
mod spec;

pub use error::Error;
pub use params::{FORMAT_VERSION, Params, Tensor, read_agent, write_agent};
pub use spec::{
    AgentSpec, CriticSpec, EncoderSpec, GaussianProductSpec, LayerShape, MlpSpec, Network,
    PolicySpec, TensorShape, parameter_shapes,
};
