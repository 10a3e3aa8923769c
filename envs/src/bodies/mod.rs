//! Gymnasium's MuJoCo bodies (version 5 of its environments): how they are built, and what its
//! environments make of them.
//!
//! A [`Plan`] says how a body is built and started; families build their own tasks on it. A
//! [`Standard`] adds the observation, the reward and the end of the Gymnasium environment with its
//! default settings, which `tests/bodies.rs` compares with Gymnasium itself.

mod standard;

mod ant;
mod half_cheetah;
mod hopper;
mod humanoid;
mod pendulum;
mod pusher;
mod reacher;
mod striker;
mod swimmer;
mod walker;

pub use ant::{ANT, Ant};
pub use half_cheetah::{HALF_CHEETAH, HalfCheetah};
pub use hopper::{HOPPER, Hopper};
pub use humanoid::{HUMANOID, HUMANOID_STANDUP, Humanoid, HumanoidStandup};
pub use pendulum::{
    INVERTED_DOUBLE_PENDULUM, INVERTED_PENDULUM, InvertedDoublePendulum, InvertedPendulum,
};
pub use pusher::{PUSHER, Pusher};
pub use reacher::{REACHER, Reacher};
pub use standard::{Outcome, Standard};
pub use striker::{STRIKER, Striker};
pub use swimmer::{SWIMMER, Swimmer};
pub use walker::{WALKER, Walker};

use crate::body::{Noise, Plan};

const fn plan(
    model: &'static str,
    frame_skip: u32,
    [coordinates, velocities, motors]: [usize; 3],
    start: f64,
    start_velocities: Noise,
) -> Plan {
    let start_positions = Noise::Uniform(start);
    Plan { model, frame_skip, coordinates, velocities, motors, start_positions, start_velocities }
}

/// Distance between two places.
fn distance(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

/// Whether `value` lies between the ends of `range`, which do not count.
fn within(value: f64, [low, high]: [f64; 2]) -> bool {
    low < value && value < high
}
