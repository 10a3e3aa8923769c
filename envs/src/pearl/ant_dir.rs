//! `ant-dir` and `ant-dir-forward-backward`: run in a direction, as fast as possible.
//!
//! | | |
//! |---|---|
//! | tasks | two directions, both for training and for testing: θ ~ U(0, 2π), NumPy seed 1337, or 0 and π |
//! | reward | v · (cos θ, sin θ) - 0.5 ‖a‖² - 5e-4 ‖clip(f, ±1)‖² + 1, with v the velocity of the torso over the step and f the forces on all bodies |
//! | end | height of the torso outside [0.2, 1] m |
//! | horizon | 200 |
//!
//! As in PEARL (Rakelly et al., 2019, arXiv 1903.08254). Its experiment file leaves the flag for
//! the directions of the paper (forward and backward) off, so that it runs on two random ones;
//! here both are families.

use crate::Error;
use crate::bodies;
use crate::env::{self, Card};
use crate::mujoco::Simulation;
use crate::numpy::NumpyRandom;
use crate::pearl::ant;
use crate::runner::{self, Motion, Rules, Running, View};
use std::f64::consts::{PI, TAU};
use types::{EnvSpec, Split, Task};

const RULES: Rules<f64> = Rules {
    plan: &bodies::ANT,
    frame: "torso",
    read: ant::direction,
    complete: Simulation::contact_forces,
    observe,
    place: runner::frame,
    reward,
    ended: fallen,
};

const CARD: Card = Card {
    observation: "qpos without x, y (13), qvel (14)",
    action: ant::ACTION,
    tasks: "",
    start: ant::START,
    reward: "v·(cos θ, sin θ) - 0.5 ‖a‖² - 5e-4 ‖clip(f, ±1)‖² + 1, with f the forces on all bodies",
    end: "z outside [0.2, 1] m",
    source: "PEARL (arXiv 1903.08254)",
    differences: ant::DIFFERENCES,
};

/// The family `ant-dir`.
pub(crate) static ANT_DIR: Running<f64> = Running {
    name: "ant-dir",
    summary: "Ant runs in one of two random directions; there is nothing beyond these two tasks.",
    card: Card {
        tasks: "θ ~ U(0, 2π), NumPy seed 1337; two, both for training and for testing",
        ..CARD
    },
    spec: EnvSpec::new(27, 8, 200),
    tasks: random,
    rules: RULES,
};

/// The family `ant-dir-forward-backward`.
pub(crate) static ANT_DIR_FORWARD_BACKWARD: Running<f64> = Running {
    name: "ant-dir-forward-backward",
    summary: "Ant runs forward or backward; there is nothing beyond these two tasks.",
    card: Card { tasks: "θ = 0 and π, both for training and for testing", ..CARD },
    spec: ANT_DIR.spec,
    tasks: |split| env::enumerate(split, [ant::DIRECTION], [[0.0], [PI]]),
    rules: RULES,
};

fn random(split: Split) -> Vec<Task> {
    let mut random = NumpyRandom::new(1337);
    let directions = [(); 2].map(|()| [random.uniform(0.0, TAU)]);
    env::enumerate(split, [ant::DIRECTION], directions)
}

fn observe(view: &View<'_>, observation: &mut [f32]) -> Result<(), Error> {
    env::observe(observation, view.qpos()[2..].iter().chain(view.qvel()).copied())
}

fn reward(direction: &f64, motion: &Motion<'_>) -> f64 {
    let [x, y] = motion.velocity();
    let forward = x * direction.cos() + y * direction.sin();
    forward - 0.5 * motion.effort - ant::contact_cost(&motion.view) + 1.0
}

fn fallen(_: &f64, motion: &Motion<'_>) -> bool {
    !(0.2..=1.0).contains(&motion.view.qpos()[2])
}
