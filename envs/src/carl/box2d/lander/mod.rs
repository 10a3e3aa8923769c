//! `carl-lunar-lander` and `carl-lunar-lander-continuous`: land on the pad, gently.

mod build;
mod context;
mod family;
mod flight;
mod thrust;

pub use context::{Context, FEATURES};
pub use family::{CarlLunarLander, CarlLunarLanderContinuous};
pub use flight::{Flight, State};
pub use thrust::Thrust;
