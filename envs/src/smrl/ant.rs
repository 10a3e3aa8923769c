//! `smrl-ant-goal`, `-goal-one-sided` and `-velocity`.
//!
//! | | |
//! |---|---|
//! | goal | g ~ 10 · N(0, I) m, one-sided: the absolute values; reward -‖p - g‖ |
//! | velocity | v* ~ 10 · N(0, I) m/s; reward -‖v - v*‖ |
//! | horizon | 250 |
//!
//! p and v are x and y of the torso after the step and of its velocity over the step.
//!
//! What differs from SMRL: there the distance to the goal is that before the step, which the action
//! has nothing to do with; the observation lacks x and y, without which the goal cannot be found
//! again; and the episode ends when the ant falls or jumps (z outside [0.2, 1] m), which is the best
//! it can do where all rewards are negative. Here all three are as they should be. The forces on
//! bodies in the observation there are always zero with MuJoCo 2 and are left out.

use crate::Error;
use crate::bodies;
use crate::env::{self, Card};
use crate::runner::{self, Rules, Running, View};
use crate::smrl::{SOURCE, tasks};
use types::{EnvSpec, Task};

const GOAL_NAMES: [&str; 2] = ["goal_x", "goal_y"];
const VELOCITY_NAMES: [&str; 2] = ["velocity_x", "velocity_y"];

const RULES: Rules<[f64; 2]> = Rules {
    plan: &bodies::ANT,
    frame: "torso",
    read: |task| read(task, GOAL_NAMES),
    complete: runner::nothing_more,
    observe: |view, observation| observe(view, 0, observation),
    place: runner::frame,
    reward: |goal, motion| -distance(motion.after, *goal),
    ended: runner::never,
};

const CARD: Card = Card {
    observation: "qpos (15), qvel (14)",
    action: "torques of 8 joints",
    tasks: "",
    start: "U(±0.1) around the standing pose, velocities 0.1·N(0, 1)",
    reward: "-‖p - goal‖ after the step",
    end: "never",
    source: SOURCE,
    differences: "Gymnasium's v5 model on MuJoCo 3.17; the source measures the distance before the \
        step, hides x and y, ends when z leaves [0.2, 1] m though all rewards are negative, shows \
        forces that are always zero, and leaves its generator unseeded",
};

/// The family `smrl-ant-goal`.
pub(crate) static GOAL: Running<[f64; 2]> = Running {
    name: "smrl-ant-goal",
    summary: "Ant walks to a goal some 10 m away in any direction.",
    card: Card { tasks: "goal ~ 10·N(0, I) m, NumPy seed 1337; 100 train, 25 test", ..CARD },
    spec: EnvSpec::new(29, 8, 250),
    tasks: |split| tasks(split, GOAL_NAMES, |random| random.normal(0.0, 10.0)),
    rules: RULES,
};

/// The family `smrl-ant-goal-one-sided`.
pub(crate) static GOAL_ONE_SIDED: Running<[f64; 2]> = Running {
    name: "smrl-ant-goal-one-sided",
    summary: "Ant walks to a goal some 10 m away in the quadrant ahead to the left.",
    card: Card { tasks: "goal ~ abs(10·N(0, I)) m, NumPy seed 1337; 100 train, 25 test", ..CARD },
    spec: GOAL.spec,
    tasks: |split| tasks(split, GOAL_NAMES, |random| random.normal(0.0, 10.0).abs()),
    rules: RULES,
};

/// The family `smrl-ant-velocity`.
pub(crate) static VELOCITY: Running<[f64; 2]> = Running {
    name: "smrl-ant-velocity",
    summary: "Ant runs at a velocity of some 10 m/s in any direction.",
    card: Card {
        observation: "qpos without x, y (13), qvel (14)",
        tasks: "v* ~ 10·N(0, I) m/s, NumPy seed 1337; 100 train, 25 test",
        reward: "-‖v - v*‖",
        differences: "Gymnasium's v5 model on MuJoCo 3.17; the source ends when z leaves [0.2, 1] m \
            though all rewards are negative, shows forces that are always zero, and leaves its \
            generator unseeded",
        ..CARD
    },
    spec: EnvSpec::new(27, 8, 250),
    tasks: |split| tasks(split, VELOCITY_NAMES, |random| random.normal(0.0, 10.0)),
    rules: Rules {
        read: |task| read(task, VELOCITY_NAMES),
        observe: |view, observation| observe(view, 2, observation),
        reward: |target, motion| -distance(motion.velocity(), *target),
        ..RULES
    },
};

fn read(task: &Task, [x, y]: [&'static str; 2]) -> Result<[f64; 2], Error> {
    Ok([env::parameter(task, x)?, env::parameter(task, y)?])
}

/// Shows the coordinates from `first` on, and the velocities.
fn observe(view: &View<'_>, first: usize, observation: &mut [f32]) -> Result<(), Error> {
    env::observe(observation, view.qpos()[first..].iter().chain(view.qvel()).copied())
}

fn distance([x, y]: [f64; 2], [u, v]: [f64; 2]) -> f64 {
    (x - u).hypot(y - v)
}
