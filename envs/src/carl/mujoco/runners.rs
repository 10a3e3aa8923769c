//! Bodies that run.

use super::contextual::{CARD, Contextual};
use super::features::{ACTUATOR_STRENGTH, FRICTION, GRAVITY, JOINT_DAMPING, mass};
use crate::bodies::{Ant, HalfCheetah, Hopper, Walker};
use crate::env::Card;
use std::marker::PhantomData;

/// `carl-ant`.
pub static ANT: Contextual<Ant> = Contextual {
    name: "carl-ant",
    summary: "Ant runs forward while gravity, friction, damping, motors and the mass of its torso vary.",
    card: Card {
        observation: "qpos without x and y (13), qvel (14), forces on 13 parts clipped to ±1 (78)",
        action: "torques of 8 joints",
        start: "U(±0.1) around the standing pose, velocities 0.1·N(0, 1)",
        reward: "v + 1 while healthy - 0.5 ‖u‖² - 0.0005 ‖clipped forces‖²",
        end: "torso not at 0.2 to 1 m",
        ..CARD
    },
    features: &[
        GRAVITY,
        FRICTION,
        JOINT_DAMPING,
        ACTUATOR_STRENGTH,
        mass("mass_torso", 0.4838802496628035),
    ],
    rules: PhantomData,
};

/// `carl-half-cheetah`.
pub static HALF_CHEETAH: Contextual<HalfCheetah> = Contextual {
    name: "carl-half-cheetah",
    summary: "HalfCheetah runs forward while gravity, friction, damping, motors and masses vary.",
    card: Card {
        observation: "qpos without x (8), qvel (9)",
        action: "torques of 6 joints",
        start: "U(±0.1) around the standing pose, velocities 0.1·N(0, 1)",
        reward: "v - 0.1 ‖u‖²",
        ..CARD
    },
    features: &[
        GRAVITY,
        FRICTION,
        JOINT_DAMPING,
        ACTUATOR_STRENGTH,
        mass("mass_torso", 6.25020920502092),
        mass("mass_bthigh", 1.5435146443514645),
        mass("mass_bshin", 1.5874476987447697),
        mass("mass_bfoot", 1.0953974895397491),
        mass("mass_fthigh", 1.4380753138075317),
        mass("mass_fshin", 1.200836820083682),
        mass("mass_ffoot", 0.8845188284518829),
    ],
    rules: PhantomData,
};

/// `carl-hopper`.
pub static HOPPER: Contextual<Hopper> = Contextual {
    name: "carl-hopper",
    summary: "Hopper hops forward while gravity, friction, damping, motors and masses vary.",
    card: Card {
        observation: "qpos without x (5), qvel clipped to ±10 (6)",
        action: "torques of 3 joints",
        start: "U(±0.005) around the standing pose and rest",
        reward: "v + 1 while healthy - 0.001 ‖u‖²",
        end: "z ≤ 0.7 m, or pitch not within ±0.2 rad, or anything else but x not within ±100",
        ..CARD
    },
    features: &[
        GRAVITY,
        FRICTION,
        JOINT_DAMPING,
        ACTUATOR_STRENGTH,
        mass("mass_torso", 3.6651914291880923),
        mass("mass_thigh", 4.057890510886818),
        mass("mass_leg", 2.7813566959781637),
        mass("mass_foot", 5.315574769873931),
    ],
    rules: PhantomData,
};

/// `carl-walker2d`.
pub static WALKER2D: Contextual<Walker> = Contextual {
    name: "carl-walker2d",
    summary: "Walker2d walks forward while gravity, friction, damping, motors and masses vary.",
    card: Card {
        observation: "qpos without x (8), qvel clipped to ±10 (9)",
        action: "torques of 6 joints",
        start: "U(±0.005) around the standing pose and rest",
        reward: "v + 1 while healthy - 0.001 ‖u‖²",
        end: "z not within 0.8 to 2 m, or pitch not within ±1 rad",
        ..CARD
    },
    features: &[
        GRAVITY,
        FRICTION,
        JOINT_DAMPING,
        ACTUATOR_STRENGTH,
        mass("mass_torso", 3.6651914291880923),
        mass("mass_thigh", 4.057890510886818),
        mass("mass_leg", 2.7813566959781637),
        mass("mass_foot", 3.1667253948185117),
        mass("mass_thigh_left", 4.057890510886818),
        mass("mass_leg_left", 2.7813566959781637),
        mass("mass_foot_left", 3.1667253948185117),
    ],
    rules: PhantomData,
};
