//! The families of CARL (Benjamins et al., 2023, arXiv 2202.04500): known environments whose physics
//! vary by named features, the context.

pub mod context;

pub mod box2d;
pub mod classic;
pub mod mujoco;
