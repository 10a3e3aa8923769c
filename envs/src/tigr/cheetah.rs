//! `cheetah-multi-task`: eight things that a cheetah can do; `cheetah-multi-task-vel` and
//! `cheetah-multi-task-dir`: one and two of them, to check a method.
//!
//! With the base task's number b and the value w of a task:
//!
//! | b | base task | w | reward besides -0.05 ‖a‖² |
//! |---|---|---|---|
//! | 0 | run forward | 1 to 5 m/s | -\|v_x - w\| / \|w\| |
//! | 1 | run backward | -5 to -1 m/s | the same |
//! | 4 | goal ahead | 5 to 25 m | -\|x - w\| / \|w\| |
//! | 5 | goal behind | -25 to -5 m | the same |
//! | 6 | flip forward | 2π to 4π rad/s | -\|ω_y - w\| / \|w\| |
//! | 3 | stand on the front leg | π/6 to π/2 rad | -\|pitch - w\| / \|w\| |
//! | 2 | stand on the back leg | -π/2 to -π/6 rad | the same |
//! | 7 | jump | 1.5 to 3 m/s | -\|\|v_z\| - w\| / \|w\| |
//!
//! All are of the state after the step. 10 tasks of each train, 5 test; horizon 200.
//!
//! `cheetah-multi-task-vel` has w from 0 to 3 m/s with reward -\|v - w\|, 100 train and 30 test, and
//! `cheetah-multi-task-dir` w · v with w = 1 and -1, both for training and for testing; v is the
//! distance covered in x over the step's 0.05 s.

use crate::bodies;
use crate::env::Card;
use crate::pearl::cheetah;
use crate::runner::{self, Rules, Running};
use crate::tigr::{Asked, BaseTask, DIFFERENCES, nearness, read, reward, tasks};
use std::f64::consts::PI;
use types::EnvSpec;

/// In the order in which the source draws them.
static EIGHT: [BaseTask; 8] = [
    BaseTask { number: 0.0, range: [1.0, 5.0], term: |w, m| nearness(m.view.qvel()[0], w) },
    BaseTask { number: 1.0, range: [-5.0, -1.0], term: |w, m| nearness(m.view.qvel()[0], w) },
    BaseTask { number: 4.0, range: [5.0, 25.0], term: |w, m| nearness(m.view.qpos()[0], w) },
    BaseTask { number: 5.0, range: [-25.0, -5.0], term: |w, m| nearness(m.view.qpos()[0], w) },
    BaseTask {
        number: 6.0,
        range: [2.0 * PI, 4.0 * PI],
        term: |w, m| nearness(m.view.qvel()[2], w),
    },
    BaseTask {
        number: 3.0,
        range: [PI / 6.0, PI / 2.0],
        term: |w, m| nearness(m.view.qpos()[2], w),
    },
    BaseTask {
        number: 2.0,
        range: [-PI / 2.0, -PI / 6.0],
        term: |w, m| nearness(m.view.qpos()[2], w),
    },
    BaseTask { number: 7.0, range: [1.5, 3.0], term: |w, m| nearness(m.view.qvel()[1].abs(), w) },
];

static VELOCITY: [BaseTask; 1] =
    [BaseTask { number: 0.0, range: [0.0, 3.0], term: |w, m| -(m.velocity()[0] - w).abs() }];

static DIRECTIONS: [BaseTask; 2] = [
    BaseTask { number: 0.0, range: [1.0, 1.0], term: |w, m| w * m.velocity()[0] },
    BaseTask { number: 1.0, range: [-1.0, -1.0], term: |w, m| w * m.velocity()[0] },
];

const RULES: Rules<Asked> = Rules {
    plan: &bodies::HALF_CHEETAH,
    frame: "torso",
    read: |task| read(&EIGHT, task),
    complete: runner::nothing_more,
    observe: cheetah::observe,
    place: runner::coordinates,
    reward,
    ended: runner::never,
};

const CARD: Card = Card {
    observation: "qpos without x (8), qvel (9), torso position (3)",
    action: "torques of 6 joints",
    tasks: "",
    start: "U(±0.1) around the standing pose, velocities 0.1·N(0, 1)",
    reward: "",
    end: "never",
    source: "TIGR (arXiv 2108.03718), MELTS",
    differences: DIFFERENCES,
};

/// The family `cheetah-multi-task`.
pub(crate) static MULTI_TASK: Running<Asked> = Running {
    name: "cheetah-multi-task",
    summary: "HalfCheetah runs, reaches a goal, flips, stands or jumps: eight kinds of task.",
    card: Card {
        tasks: "base task b and value w: velocity 1 to 5 m/s (b = 0) and -5 to -1 (1), pitch -π/2 to \
            -π/6 (2) and π/6 to π/2 (3), goal 5 to 25 m (4) and -25 to -5 (5), pitch velocity 2π to 4π \
            rad/s (6), vertical speed 1.5 to 3 m/s (7); evenly spaced, shuffled with NumPy seed 1337; \
            10 train, 5 test of each",
        reward: "-abs(y - w)/abs(w) - 0.05 ‖a‖², with y what the base task is about",
        ..CARD
    },
    spec: EnvSpec::new(20, 6, 200),
    tasks: |split| tasks(&EIGHT, 10, 5, split),
    rules: RULES,
};

/// The family `cheetah-multi-task-vel`.
pub(crate) static MULTI_TASK_VEL: Running<Asked> = Running {
    name: "cheetah-multi-task-vel",
    summary: "HalfCheetah runs forward at a velocity between 0 and 3 m/s: the one base task.",
    card: Card {
        tasks: "base task b = 0 and value w: 0 to 3 m/s, evenly spaced, shuffled with NumPy seed \
            1337; 100 train, 30 test",
        reward: "-abs(v - w) - 0.05 ‖a‖²",
        ..CARD
    },
    spec: MULTI_TASK.spec,
    tasks: |split| tasks(&VELOCITY, 100, 30, split),
    rules: Rules { read: |task| read(&VELOCITY, task), ..RULES },
};

/// The family `cheetah-multi-task-dir`.
pub(crate) static MULTI_TASK_DIR: Running<Asked> = Running {
    name: "cheetah-multi-task-dir",
    summary: "HalfCheetah runs forward or backward: two base tasks, and nothing beyond them.",
    card: Card {
        tasks: "base task b = 0 with value w = 1, b = 1 with w = -1, both for training and for \
            testing",
        reward: "w·v - 0.05 ‖a‖²",
        ..CARD
    },
    spec: MULTI_TASK.spec,
    tasks: |split| tasks(&DIRECTIONS, 1, 1, split),
    rules: Rules { read: |task| read(&DIRECTIONS, task), ..RULES },
};
