//! `smrl-cheetah-goal`, `-goal-one-sided`, `-velocity` and `-direction`.
//!
//! | | |
//! |---|---|
//! | goal | g ~ 25 · N(0, 1) m, one-sided: its absolute value; reward -\|x - g\| - 0.1 ‖a‖² |
//! | velocity | v* ~ 10 · N(0, 1) m/s; reward -\|v - v*\| - 0.1 ‖a‖² |
//! | direction | d = 1 and -1, both for training and for testing; reward d · v - 0.1 ‖a‖² |
//! | horizon | 250 |
//!
//! x and v are the torso's, v over the step's 0.05 s. As in SMRL, x is what the observation shows,
//! which MuJoCo works out one simulation step (0.01 s) before the end of the step; the velocity of
//! the directions is of the coordinate, which it has at the end.

use crate::Error;
use crate::bodies;
use crate::env::{self, Card};
use crate::runner::{self, Rules, Running, View};
use crate::smrl::{SOURCE, tasks};
use types::{EnvSpec, Split, Task};

const EFFORT_WEIGHT: f64 = 0.1;

const RULES: Rules<f64> = Rules {
    plan: &bodies::HALF_CHEETAH,
    frame: "torso",
    read: |task| env::parameter(task, "goal"),
    complete: runner::nothing_more,
    observe,
    place: runner::frame,
    reward: |goal, motion| -(motion.after[0] - goal).abs() - EFFORT_WEIGHT * motion.effort,
    ended: runner::never,
};

const CARD: Card = Card {
    observation: "torso position (3), qpos without x (8), qvel (9)",
    action: "torques of 6 joints",
    tasks: "",
    start: "U(±0.1) around the standing pose, velocities 0.1·N(0, 1)",
    reward: "-abs(x - goal) - 0.1 ‖a‖²",
    end: "never",
    source: SOURCE,
    differences: "Gymnasium's v5 model on MuJoCo 3.17; the source leaves its generator unseeded",
};

/// The family `smrl-cheetah-goal`.
pub(crate) static GOAL: Running<f64> = Running {
    name: "smrl-cheetah-goal",
    summary: "HalfCheetah runs to a goal some 25 m away, ahead or behind.",
    card: Card { tasks: "goal ~ 25·N(0, 1) m, NumPy seed 1337; 100 train, 25 test", ..CARD },
    spec: EnvSpec::new(20, 6, 250),
    tasks: |split| tasks(split, ["goal"], |random| random.normal(0.0, 25.0)),
    rules: RULES,
};

/// The family `smrl-cheetah-goal-one-sided`.
pub(crate) static GOAL_ONE_SIDED: Running<f64> = Running {
    name: "smrl-cheetah-goal-one-sided",
    summary: "HalfCheetah runs to a goal some 25 m ahead.",
    card: Card { tasks: "goal ~ abs(25·N(0, 1)) m, NumPy seed 1337; 100 train, 25 test", ..CARD },
    spec: GOAL.spec,
    tasks: |split| tasks(split, ["goal"], |random| random.normal(0.0, 25.0).abs()),
    rules: RULES,
};

/// The family `smrl-cheetah-velocity`.
pub(crate) static VELOCITY: Running<f64> = Running {
    name: "smrl-cheetah-velocity",
    summary: "HalfCheetah runs at a velocity of some 10 m/s, forward or backward.",
    card: Card {
        tasks: "v* ~ 10·N(0, 1) m/s, NumPy seed 1337; 100 train, 25 test",
        reward: "-abs(v - v*) - 0.1 ‖a‖²",
        ..CARD
    },
    spec: GOAL.spec,
    tasks: |split| tasks(split, ["velocity"], |random| random.normal(0.0, 10.0)),
    rules: Rules {
        read: |task| env::parameter(task, "velocity"),
        reward: |target, motion| {
            -(motion.velocity()[0] - target).abs() - EFFORT_WEIGHT * motion.effort
        },
        ..RULES
    },
};

/// The family `smrl-cheetah-direction`.
pub(crate) static DIRECTION: Running<f64> = Running {
    name: "smrl-cheetah-direction",
    summary: "HalfCheetah runs forward or backward; there is nothing beyond these two tasks.",
    card: Card {
        tasks: "d = 1 and -1, both for training and for testing",
        reward: "d·v - 0.1 ‖a‖²",
        differences: "Gymnasium's v5 model on MuJoCo 3.17",
        ..CARD
    },
    spec: GOAL.spec,
    tasks: directions,
    rules: Rules {
        read: |task| env::parameter(task, "direction"),
        place: runner::coordinates,
        reward: |direction, motion| {
            direction * motion.velocity()[0] - EFFORT_WEIGHT * motion.effort
        },
        ..RULES
    },
};

fn directions(split: Split) -> Vec<Task> {
    env::enumerate(split, ["direction"], [[1.0], [-1.0]])
}

fn observe(view: &View<'_>, observation: &mut [f32]) -> Result<(), Error> {
    let state = view.qpos()[1..].iter().chain(view.qvel());
    env::observe(observation, view.frame().iter().chain(state).copied())
}
