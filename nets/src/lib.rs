//! The acting networks: what they are, what their parameters are called, how they are stored, and
//! how they run on a CPU.
//!
//! The learner builds the same [`AgentSpec`] in another tensor library and sends [`Params`] back;
//! one naming (`<network>.<layer>.weight` and `.bias`) and one format (safetensors) hold the two
//! together. Numbers are `f32`, arrays are row-major.
//!
//! - [`AgentSpec`], [`CriticSpec`], [`Network`]: sizes and names
//! - [`Params`], [`read_agent`], [`write_agent`]: parameters and their bytes
//! - [`init`]: initial parameters
//! - [`tie_policy`], [`tie_encoder`], [`tie_critic`]: networks that commute with a group
//! - [`gaussian`]: densities, divergences and products
//! - [`PolicyNet`], [`EncoderNet`]: inference on one CPU thread
//! - [`Tracker`]: the encoder kept up with one transition at a time, for many environments
//! - [`Beliefs`]: what q(z|context) is, and what the policy is given of it

mod spec;
mod params;
pub mod init;
pub mod gaussian;
mod aligned;
mod activation;
mod mlp;
mod policy;
mod encoder;
mod tracker;
mod beliefs;
mod posterior;
mod symmetry;
mod error;

pub use beliefs::Beliefs;
pub use encoder::EncoderNet;
pub use error::Error;
pub use params::{FORMAT_VERSION, Params, Tensor, read_agent, write_agent};
pub use policy::PolicyNet;
pub use posterior::Posterior;
pub use spec::{
    AgentSpec, Block, CriticSpec, EncoderSpec, INPUTS, LayerShape, MlpSpec, Network, PolicySpec,
    TensorShape, Ties, parameter_shapes,
};
pub use symmetry::{tie_critic, tie_encoder, tie_policy};
pub use tracker::Tracker;
