//! `carl-bipedal-walker`: walk to the end of uneven ground.

mod build;
mod context;
mod family;
mod terrain;
mod walk;

pub use context::{Context, FEATURES};
pub use family::CarlBipedalWalker;
pub use walk::{State, Walk};
