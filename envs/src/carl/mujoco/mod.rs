//! Gymnasium's MuJoCo bodies with varying physics, and the Striker of EPI.
//!
//! CARL runs these environments on Brax; here they are Gymnasium's on MuJoCo, with the observation,
//! reward and end of [`crate::bodies`]. The features of a context have CARL's names:
//!
//! | feature | what it is |
//! |---|---|
//! | `gravity` | acceleration in z, m/s² |
//! | `friction` | factor on the sliding friction of everything |
//! | `joint_damping` | factor on the damping of all joints |
//! | `actuator_strength` | factor on the gears of all motors |
//! | `mass_<part>` | mass of a part and of what is welded to it, kg; its inertia goes with it |
//!
//! There are 100 training and 20 test contexts. Each feature of each is its default times U(0.5, 1.5),
//! drawn context by context in the order of the features with NumPy's seed 1337.

mod arms;
mod contextual;
mod features;
mod humanoids;
mod pendulums;
mod physics;
mod runners;
mod striker;

pub use arms::{PUSHER, REACHER};
pub use contextual::Contextual;
pub use humanoids::{HUMANOID, HUMANOID_STANDUP};
pub use pendulums::{INVERTED_DOUBLE_PENDULUM, INVERTED_PENDULUM};
pub use runners::{ANT, HALF_CHEETAH, HOPPER, WALKER2D};
pub use striker::Striker;

use crate::TaskFamily;

/// All of them.
pub(crate) static FAMILIES: &[&dyn TaskFamily] = &[
    &ANT,
    &HALF_CHEETAH,
    &HOPPER,
    &WALKER2D,
    &HUMANOID,
    &HUMANOID_STANDUP,
    &INVERTED_PENDULUM,
    &INVERTED_DOUBLE_PENDULUM,
    &PUSHER,
    &REACHER,
    &Striker,
];
