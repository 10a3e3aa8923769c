//! Arms that reach and push. Their contacts have no friction that could vary.

use super::contextual::{CARD, Contextual};
use super::features::{ACTUATOR_STRENGTH, GRAVITY, JOINT_DAMPING, mass};
use crate::bodies::{Pusher, Reacher};
use crate::carl::context::Feature;
use crate::env::Card;
use std::marker::PhantomData;

/// `carl-pusher`.
pub static PUSHER: Contextual<Pusher> = Contextual {
    name: "carl-pusher",
    summary: "An arm pushes an object to its goal while damping, motors and masses vary.",
    card: Card {
        observation: "angles (7) and velocities (7) of joints, places of tip, object and goal (9)",
        action: "torques of 7 joints, ±2 N·m",
        start: "the model's pose, velocities U(±0.005), the object beside the goal, 0.17 m apart or more",
        reward: "-distance(object, goal) - 0.5 distance(tip, object) - 0.1 ‖u‖²",
        differences: "MuJoCo instead of Brax: masses default to those of the MuJoCo model, damping and \
                      strength are factors on its values; inertia goes with mass; gravity defaults to 0, \
                      as in the model, and is 0 in all tasks; no friction, which its contacts do not \
                      have, and no goal position",
        ..CARD
    },
    features: &[
        Feature { default: 0.0, high: 0.0, ..GRAVITY },
        JOINT_DAMPING,
        ACTUATOR_STRENGTH,
        mass("mass_r_shoulder_pan_link", 7.293521504574065),
        mass("mass_r_shoulder_lift_link", 3.141592653589794),
        mass("mass_r_upper_arm_roll_link", 1.7140529517985912),
        mass("mass_r_elbow_flex_link", 0.4071504079052372),
        mass("mass_r_forearm_roll_link", 0.9281835495031046),
        mass("mass_r_wrist_flex_link", 0.00502654824574367),
        mass("mass_r_wrist_roll_link", 0.18346901096964394),
        mass("mass_object", 7.853981633974484e-6),
    ],
    rules: PhantomData,
};

/// `carl-reacher`.
pub static REACHER: Contextual<Reacher> = Contextual {
    name: "carl-reacher",
    summary: "An arm reaches for a place while damping, motors and masses vary.",
    card: Card {
        observation: "cosines (2) and sines (2) of joints, target (2), velocities of joints (2), \
                      x and y from target to fingertip",
        action: "torques of 2 joints",
        start: "joints U(±0.1), velocities U(±0.005), target within 0.2 m",
        reward: "-distance(fingertip, target) - ‖u‖²",
        differences: "MuJoCo instead of Brax: masses default to those of the MuJoCo model, damping and \
                      strength are factors on its values; inertia goes with mass; no gravity and no \
                      friction: the arm moves in a horizontal plane and touches nothing",
        ..CARD
    },
    features: &[
        JOINT_DAMPING,
        ACTUATOR_STRENGTH,
        mass("mass_body0", 0.03560471674068432),
        mass("mass_body1", 0.039793506945470715),
    ],
    rules: PhantomData,
};
