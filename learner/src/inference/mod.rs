//! What task am I in: encoders, posteriors, priors, decoders and their objectives, as functions of
//! tensors without state.
//!
//! [`encoder`] turns contexts into a [`posterior::Belief`]; an objective in [`objectives`] compares
//! it with a [`prior`] and with what a [`decoder`] makes of it. Which of them an experiment uses is
//! written in its `[inference]` table.

pub mod conflicts;
pub mod decoder;
pub mod encoder;
pub mod gaussian_product;
pub mod gaussians;
pub mod objectives;
pub mod posterior;
pub mod prior;
mod linear_map;

pub use decoder::{DecoderSpec, Reconstruction, Targets};
pub use encoder::Windows;
pub use gaussians::Gaussians;
pub use posterior::Belief;
pub use prior::{Components, Prior};
