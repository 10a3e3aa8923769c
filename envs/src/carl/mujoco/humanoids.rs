//! The humanoid, standing and lying.

use super::contextual::{CARD, Contextual};
use super::features::{ACTUATOR_STRENGTH, FRICTION, GRAVITY, JOINT_DAMPING, mass};
use crate::bodies::{Humanoid, HumanoidStandup};
use crate::carl::context::Feature;
use crate::env::Card;
use std::marker::PhantomData;

/// Feet are welded to the shins and count as part of them.
const FEATURES: &[Feature] = &[
    GRAVITY,
    FRICTION,
    JOINT_DAMPING,
    ACTUATOR_STRENGTH,
    mass("mass_torso", 8.907462370478262),
    mass("mass_lwaist", 2.261946710584651),
    mass("mass_pelvis", 6.616194128460103),
    mass("mass_right_thigh", 4.751750928806242),
    mass("mass_right_shin", 4.522842034827901),
    mass("mass_left_thigh", 4.751750928806242),
    mass("mass_left_shin", 4.522842034827901),
    mass("mass_right_upper_arm", 1.6610804848382084),
    mass("mass_right_lower_arm", 1.2295401928310803),
    mass("mass_left_upper_arm", 1.6610804848382084),
    mass("mass_left_lower_arm", 1.2295401928310803),
];

const HUMANOID_CARD: Card = Card {
    observation: "qpos without x and y (22), qvel (23), of 13 parts inertia (130) and velocity (78), \
                  forces of motors (17), forces on 13 parts (78)",
    action: "torques of 17 joints, up to 0.4 times their gears",
    ..CARD
};

/// `carl-humanoid`.
pub static HUMANOID: Contextual<Humanoid> = Contextual {
    name: "carl-humanoid",
    summary: "Humanoid walks forward while gravity, friction, damping, motors and masses vary.",
    card: Card {
        start: "U(±0.01) around the standing pose and rest",
        reward: "1.25 v + 5 while healthy - 0.1 ‖u‖² - min(10, 5e-7 ‖forces‖²)",
        end: "torso not within 1 to 2 m",
        ..HUMANOID_CARD
    },
    features: FEATURES,
    rules: PhantomData,
};

/// `carl-humanoid-standup`.
pub static HUMANOID_STANDUP: Contextual<HumanoidStandup> = Contextual {
    name: "carl-humanoid-standup",
    summary: "Humanoid gets up while gravity, friction, damping, motors and masses vary.",
    card: Card {
        start: "U(±0.01) around lying and rest",
        reward: "z / 0.003 + 1 - 0.1 ‖u‖² - min(10, 5e-7 ‖forces‖²)",
        ..HUMANOID_CARD
    },
    features: FEATURES,
    rules: PhantomData,
};
