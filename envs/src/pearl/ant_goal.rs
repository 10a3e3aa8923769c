//! `ant-goal`: walk to a goal that has to be found from the reward.
//!
//! | | |
//! |---|---|
//! | tasks | goals g uniform in the disk of radius 3 m: angle 2π u, radius 3 √u', NumPy seed 1337 (all angles, then all radii); the first 150 train, the last 30 test |
//! | reward | -‖p - g‖₁ - 0.1 ‖a‖² - 5e-4 ‖clip(f, ±1)‖², with p the place of the torso after the step and f the forces on all bodies |
//! | horizon | 200 |
//!
//! As in PEARL (Rakelly et al., 2019, arXiv 1903.08254).

use crate::Error;
use crate::bodies;
use crate::env::{self, Card};
use crate::mujoco::Simulation;
use crate::numpy::NumpyRandom;
use crate::pearl::{ant, point};
use crate::runner::{self, Motion, Rules, Running, View};
use std::f64::consts::PI;
use types::{EnvSpec, Split, Task};

const TASKS: usize = 180;
const TRAIN_TASKS: usize = 150;

/// Of the disk of goals, m.
const RADIUS: f64 = 3.0;

/// The family `ant-goal`.
pub(crate) static ANT_GOAL: Running<[f64; 2]> = Running {
    name: "ant-goal",
    summary: "Ant walks to a goal within 3 m; the reward is minus the distance to it.",
    card: Card {
        observation: "qpos (15), qvel (14), forces on the bodies clipped to ±1 (84)",
        action: ant::ACTION,
        tasks: "goal uniform in the disk of radius 3 m, NumPy seed 1337; 150 train, 30 test",
        start: ant::START,
        reward: "-‖p - goal‖₁ - 0.1 ‖a‖² - 5e-4 ‖clip(f, ±1)‖², with f the forces on all bodies",
        end: "never",
        source: "PEARL (arXiv 1903.08254)",
        differences: ant::DIFFERENCES,
    },
    spec: EnvSpec::new(113, 8, 200),
    tasks,
    rules: Rules {
        plan: &bodies::ANT,
        frame: "torso",
        read: point::goal,
        complete: Simulation::contact_forces,
        observe,
        place: runner::frame,
        reward,
        ended: runner::never,
    },
};

fn tasks(split: Split) -> Vec<Task> {
    let mut random = NumpyRandom::new(1337);
    let angles: Vec<f64> = (0..TASKS).map(|_| random.uniform(0.0, 1.0) * 2.0 * PI).collect();
    let goals = angles.iter().map(|angle| {
        let radius = RADIUS * random.uniform(0.0, 1.0).sqrt();
        [radius * angle.cos(), radius * angle.sin()]
    });
    env::enumerate(split, point::GOAL, env::split_off(goals.collect(), TRAIN_TASKS, split))
}

fn observe(view: &View<'_>, observation: &mut [f32]) -> Result<(), Error> {
    let forces = view.simulation.data().cfrc_ext().iter().flatten();
    let state = view.qpos().iter().chain(view.qvel()).copied();
    env::observe(observation, state.chain(forces.map(|force| force.clamp(-1.0, 1.0))))
}

fn reward(goal: &[f64; 2], motion: &Motion<'_>) -> f64 {
    let distance = (motion.after[0] - goal[0]).abs() + (motion.after[1] - goal[1]).abs();
    -distance - 0.1 * motion.effort - ant::contact_cost(&motion.view)
}
