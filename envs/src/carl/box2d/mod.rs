//! LunarLander and BipedalWalker, on Box2D.
//!
//! The worlds are Gymnasium's (version 1.4.0, `LunarLander-v3` and `BipedalWalker-v3`) and the
//! engine is the one that Gymnasium runs on, so that with the same random numbers the same happens,
//! to the last bit. What CARL lets vary is a [`Feature`](crate::carl::context::Feature) each.

mod draw;
mod features;
mod scene;
pub mod lander;
pub mod walker;

pub use draw::Draw;
pub use lander::{CarlLunarLander, CarlLunarLanderContinuous};
pub use walker::CarlBipedalWalker;

use crate::{Error, TaskFamily};

/// All of them.
pub(crate) static FAMILIES: &[&dyn TaskFamily] =
    &[&CarlLunarLander, &CarlLunarLanderContinuous, &CarlBipedalWalker];

/// Rounds of Box2D's solvers in a step, for velocities and for positions.
const ROUNDS: [i32; 2] = [180, 60];

impl From<box2d::Broken> for Error {
    fn from(broken: box2d::Broken) -> Self {
        Self::Diverged { what: broken.to_string() }
    }
}

/// What comes of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The reward.
    pub reward: f64,
    /// Whether the episode is over.
    pub terminated: bool,
}

/// A point or a vector as Box2D takes it.
fn single([x, y]: [f64; 2]) -> [f32; 2] {
    [crate::env::narrow(x), crate::env::narrow(y)]
}

/// A point or a vector as environments compute with it.
fn double([x, y]: [f32; 2]) -> [f64; 2] {
    [f64::from(x), f64::from(y)]
}
