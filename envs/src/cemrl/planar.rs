//! Hopper and Walker2d that run at a velocity:
//! `{hopper,walker2d}-{stationary,non-stationary,continuous-learning}-vel`.
//!
//! | | |
//! |---|---|
//! | tasks | v* ~ U(0, 3) m/s, NumPy seed 1337, 100 train, 30 test; U(0.5, 3) where it changes |
//! | reward | -\|v - v*\| - 0.001 ‖a‖² + 3 (hopper) or 1 (walker) |
//! | end | never; where the task changes, when the body has fallen |
//! | change | every 10 + U(0, 1) m |
//! | horizon | 200 with one task, 800 where it changes |
//!
//! As in CEMRL and its `meta_rand_envs`, where the hopper's bonus is the largest target velocity.
//! The source draws the test tasks with the seed of the training tasks, so they are the same ones;
//! here the draws go on.

use crate::bodies;
use crate::body::Body;
use crate::cemrl::family::{Family, LONG, SHORT, by_place, changing, in_order, velocities};
use crate::cemrl::sense::Sense;
use crate::cemrl::walk::{Moment, Rules};
use crate::env::Card;
use crate::wrappers::NonStationary;

fn run(step: &Moment<'_>) -> f64 {
    -(step.velocity() - step.task[0]).abs() - 1e-3 * step.effort()
}

const HOPPER: Rules = Rules {
    body: || Body::new(&bodies::HOPPER),
    senses: &[Sense::Positions(1), Sense::Torso, Sense::SlowVelocities],
    observation_dim: 14,
    action_dim: 3,
    parameters: &["velocity"],
    reward: |step| run(step) + 3.0,
    fallen: |_, _| false,
    contact_forces: false,
    tune: None,
    ground: None,
};

const WALKER: Rules = Rules {
    body: || Body::new(&bodies::WALKER),
    senses: &[Sense::Positions(1), Sense::SlowVelocities],
    observation_dim: 17,
    action_dim: 6,
    reward: |step| run(step) + 1.0,
    ..HOPPER
};

/// Whether Walker2d has fallen.
pub(super) fn walker_fallen(qpos: &[f64], _: &[f64]) -> bool {
    let upright = qpos[1] > 0.8 && qpos[1] < 2.0 && qpos[2].abs() < 1.0;
    !upright
}

fn hopper_fallen(qpos: &[f64], qvel: &[f64]) -> bool {
    let sane = qpos[2..].iter().chain(qvel).all(|number| number.abs() < 100.0);
    let upright = qpos[1] > 0.7 && qpos[2].abs() < 0.2;
    !(sane && upright)
}

static LYING_HOPPER: Rules = HOPPER;
static LYING_WALKER: Rules = WALKER;

static STANDING_HOPPER: Rules = Rules { fallen: hopper_fallen, ..HOPPER };
static STANDING_WALKER: Rules = Rules { fallen: walker_fallen, ..WALKER };

const HOPPER_VEL: Family = Family {
    name: "hopper-stationary-vel",
    summary: "Hopper moves forward at a target velocity between 0 and 3 m/s.",
    horizon: SHORT,
    tasks: |split| velocities(split, 0.0, 3.0),
    rules: &LYING_HOPPER,
    card: Card {
        observation: "qpos without x (5), torso position (3), qvel clipped to ±10 (6)",
        action: "torques of 3 joints",
        tasks: "v* ~ U(0, 3) m/s, NumPy seed 1337; 100 train, 30 test",
        start: "U(±0.005) around the standing pose, velocities U(±0.005)",
        reward: "-abs(v - v*) + 3 - 0.001 ‖a‖²",
        end: "never",
        source: super::SOURCE,
        differences: super::HELD_OUT,
    },
};

const WALKER_VEL: Family = Family {
    name: "walker2d-stationary-vel",
    summary: "Walker2d moves forward at a target velocity between 0 and 3 m/s.",
    rules: &LYING_WALKER,
    card: Card {
        observation: "qpos without x (8), qvel clipped to ±10 (9)",
        action: "torques of 6 joints",
        reward: "-abs(v - v*) + 1 - 0.001 ‖a‖²",
        ..HOPPER_VEL.card
    },
    ..HOPPER_VEL
};

const HOPPER_CHANGES: Family = Family {
    name: "hopper-non-stationary-vel",
    summary: "Hopper moves forward at a target velocity that changes every 10 to 11 m.",
    horizon: LONG,
    tasks: |split| velocities(split, 0.5, 3.0),
    rules: &STANDING_HOPPER,
    card: Card {
        tasks: "v* ~ U(0.5, 3) m/s, NumPy seed 1337; 100 train, 30 test; any of the list, also the same again, every 10 + U(0, 1) m",
        end: "z ≤ 0.7 m, abs(pitch) ≥ 0.2 rad, or another number of the state beyond ±100",
        ..HOPPER_VEL.card
    },
};

const WALKER_CHANGES: Family = Family {
    name: "walker2d-non-stationary-vel",
    summary: "Walker2d moves forward at a target velocity that changes every 10 to 11 m.",
    rules: &STANDING_WALKER,
    card: Card {
        tasks: HOPPER_CHANGES.card.tasks,
        end: "z outside (0.8, 2) m or pitch outside (-1, 1) rad",
        ..WALKER_VEL.card
    },
    ..HOPPER_CHANGES
};

pub(super) static HOPPER_STATIONARY_VEL: Family = HOPPER_VEL;
pub(super) static WALKER_STATIONARY_VEL: Family = WALKER_VEL;

static HOPPER_ANOTHER: Family = HOPPER_CHANGES;
static WALKER_ANOTHER: Family = WALKER_CHANGES;

const IN_ORDER: &str = "v* ~ U(0.5, 3) m/s, NumPy seed 1337; 100 train, 30 test; the next of the \
    list every 10 + U(0, 1) m";

static HOPPER_NEXT: Family = Family {
    name: "hopper-continuous-learning-vel",
    summary: "Hopper moves forward at one target velocity after the other, 10 to 11 m each.",
    card: Card { tasks: IN_ORDER, ..HOPPER_CHANGES.card },
    ..HOPPER_CHANGES
};

static WALKER_NEXT: Family = Family {
    name: "walker2d-continuous-learning-vel",
    summary: "Walker2d moves forward at one target velocity after the other, 10 to 11 m each.",
    card: Card { tasks: IN_ORDER, ..WALKER_CHANGES.card },
    ..WALKER_CHANGES
};

pub(super) static HOPPER_NON_STATIONARY_VEL: NonStationary<&Family> =
    changing(&HOPPER_ANOTHER, by_place(10.0, 1.0));
pub(super) static WALKER_NON_STATIONARY_VEL: NonStationary<&Family> =
    changing(&WALKER_ANOTHER, by_place(10.0, 1.0));
pub(super) static HOPPER_CONTINUAL_VEL: NonStationary<&Family> =
    changing(&HOPPER_NEXT, in_order(by_place(10.0, 1.0)));
pub(super) static WALKER_CONTINUAL_VEL: NonStationary<&Family> =
    changing(&WALKER_NEXT, in_order(by_place(10.0, 1.0)));
