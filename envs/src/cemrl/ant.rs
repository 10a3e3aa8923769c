//! Ant that walks along x at a velocity or in a direction:
//! `ant-{stationary,non-stationary,continuous-learning}-{vel,dir}`.
//!
//! | | |
//! |---|---|
//! | vel | v* ~ U(1, 5) m/s, NumPy seed 1337, 100 train, 30 test; -\|v - v*\| + 1 - cost |
//! | dir | d = -1 and +1; 10 d · v + 1 - cost, ends when the torso is below 0.3 m or above 10 m |
//! | cost | 0.5 ‖a‖² + 0.0005 ‖f‖², f the contact forces on the bodies, each clipped to [-1, 1] |
//! | change | vel every 20 + U(0, 1) m, dir every 10 + U(0, 2) m |
//! | horizon | 200 with one task, 800 where it changes |
//!
//! As in CEMRL and its `meta_rand_envs`. The position of the torso comes last in the observation of
//! vel and after the other positions in that of dir, as there. [`crate::cemrl`]'s cheetahs say what
//! differs in task lists and in changes by place.

use crate::bodies;
use crate::body::Body;
use crate::cemrl::family::{
    Family, LONG, SHORT, by_place, changing, directions, in_order, velocities,
};
use crate::cemrl::sense::Sense;
use crate::cemrl::walk::{Moment, Rules};
use crate::env::Card;
use crate::wrappers::NonStationary;

/// What an ant pays in a step for control and contact, less what it earns by being.
pub(super) fn cost(step: &Moment<'_>) -> f64 {
    0.5 * step.effort() + 0.5e-3 * step.impact() - 1.0
}

const RULES: Rules = Rules {
    body: || Body::new(&bodies::ANT),
    senses: &[Sense::Positions(2), Sense::Velocities, Sense::Torso],
    observation_dim: 30,
    action_dim: 8,
    parameters: &["velocity"],
    reward: |step| -(step.velocity() - step.task[0]).abs() - cost(step),
    fallen: |_, _| false,
    contact_forces: true,
    tune: None,
    ground: None,
};

static VELOCITY: Rules = RULES;

static DIRECTION: Rules = Rules {
    senses: &[Sense::Positions(2), Sense::Torso, Sense::Velocities],
    parameters: &["direction"],
    reward: |step| 10.0 * step.task[0] * step.velocity() - cost(step),
    fallen: |qpos, _| !(0.3..=10.0).contains(&qpos[2]),
    ..RULES
};

const VEL: Family = Family {
    name: "ant-stationary-vel",
    summary: "Ant walks along x at a target velocity between 1 and 5 m/s.",
    horizon: SHORT,
    tasks: |split| velocities(split, 1.0, 5.0),
    rules: &VELOCITY,
    card: Card {
        observation: "qpos without x, y (13), qvel (14), torso position (3)",
        action: "torques of 8 joints",
        tasks: "v* ~ U(1, 5) m/s, NumPy seed 1337; 100 train, 30 test",
        start: "U(±0.1) around the standing pose, velocities 0.1·N(0, 1)",
        reward: "-abs(v - v*) + 1 - 0.5 ‖a‖² - 0.0005 ‖clip(contact forces, ±1)‖²",
        end: "never",
        source: super::SOURCE,
        differences: super::HELD_OUT,
    },
};

const DIR: Family = Family {
    name: "ant-stationary-dir",
    summary: "Ant walks along x, backward or forward.",
    tasks: directions,
    rules: &DIRECTION,
    card: Card {
        observation: "qpos without x, y (13), torso position (3), qvel (14)",
        tasks: "d = -1 and +1, both for training and for testing",
        reward: "10 d·v + 1 - 0.5 ‖a‖² - 0.0005 ‖clip(contact forces, ±1)‖²",
        end: "z outside [0.3, 10] m",
        differences: "",
        ..VEL.card
    },
    ..VEL
};

pub(super) static STATIONARY_VEL: Family = VEL;
pub(super) static STATIONARY_DIR: Family = DIR;

static FASTER_OR_SLOWER: Family = Family {
    name: "ant-non-stationary-vel",
    summary: "Ant walks along x at a target velocity that changes every 20 to 21 m.",
    horizon: LONG,
    card: Card {
        tasks: "v* ~ U(1, 5) m/s, NumPy seed 1337; 100 train, 30 test; any of the list, also the same again, every 20 + U(0, 1) m",
        ..VEL.card
    },
    ..VEL
};

static TO_AND_FRO: Family = Family {
    name: "ant-non-stationary-dir",
    summary: "Ant walks along x in a direction that turns around every 10 to 12 m.",
    horizon: LONG,
    card: Card {
        tasks: "d = -1 and +1, both for training and for testing; the other every 10 + U(0, 2) m",
        differences: super::EVEN_LEGS,
        ..DIR.card
    },
    ..DIR
};

static VELOCITY_AFTER_VELOCITY: Family = Family {
    name: "ant-continuous-learning-vel",
    summary: "Ant walks along x at one target velocity after the other, 20 to 21 m each.",
    horizon: LONG,
    card: Card {
        tasks: "v* ~ U(1, 5) m/s, NumPy seed 1337; 100 train, 30 test; the next of the list every 20 + U(0, 1) m",
        ..VEL.card
    },
    ..VEL
};

static ONE_THEN_THE_OTHER: Family = Family {
    name: "ant-continuous-learning-dir",
    summary: "Ant walks along x one way for 20 to 21 m, then the other way.",
    horizon: LONG,
    card: Card {
        tasks: "d = -1 and +1, both for training and for testing; the other every 20 + U(0, 1) m",
        differences: super::EVEN_LEGS,
        ..DIR.card
    },
    ..DIR
};

pub(super) static NON_STATIONARY_VEL: NonStationary<&Family> =
    changing(&FASTER_OR_SLOWER, by_place(20.0, 1.0));
pub(super) static NON_STATIONARY_DIR: NonStationary<&Family> =
    changing(&TO_AND_FRO, in_order(by_place(10.0, 2.0)));
pub(super) static CONTINUAL_VEL: NonStationary<&Family> =
    changing(&VELOCITY_AFTER_VELOCITY, in_order(by_place(20.0, 1.0)));
pub(super) static CONTINUAL_DIR: NonStationary<&Family> =
    changing(&ONE_THEN_THE_OTHER, in_order(by_place(20.0, 1.0)));
