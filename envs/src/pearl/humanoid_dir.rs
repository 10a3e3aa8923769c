//! `humanoid-dir`: run in a direction that has to be found from the reward.
//!
//! | | |
//! |---|---|
//! | tasks | directions θ ~ U(0, 2π), NumPy seed 1337; the first 100 train, the last 30 test |
//! | reward | 0.25 · Δ · (cos θ, sin θ) / 0.003 s - 0.1 ‖u‖² - min(5e-7 ‖f‖², 10) + 5, with Δ the way of the centre of mass in the step, u the controls (0.4 at an action of 1) and f the forces on all bodies |
//! | end | height of the torso outside [1, 2] m |
//! | horizon | 200 |
//!
//! As in PEARL (Rakelly et al., 2019, arXiv 1903.08254). The 0.003 s are a simulation step, of which
//! a step has five: the first term is 1.25 times the velocity.

use crate::Error;
use crate::bodies;
use crate::env::{self, Card};
use crate::mujoco::Simulation;
use crate::numpy::NumpyRandom;
use crate::pearl::ant;
use crate::runner::{Motion, Rules, Running, View};
use std::f64::consts::TAU;
use types::{EnvSpec, Split, Task};

const TASKS: usize = 130;
const TRAIN_TASKS: usize = 100;

/// The family `humanoid-dir`.
pub(crate) static HUMANOID_DIR: Running<f64> = Running {
    name: "humanoid-dir",
    summary: "Humanoid runs in a direction that the reward tells.",
    card: Card {
        observation: "qpos without x, y (22), qvel (23), and of all bodies inertia and mass (140), \
            velocity (84), then motor torques by joint (23), forces on all bodies (84)",
        action: "torques of 17 joints",
        tasks: "θ ~ U(0, 2π), NumPy seed 1337; 100 train, 30 test",
        start: "U(±0.01) around the standing pose, velocities U(±0.01)",
        reward: "0.25·Δ·(cos θ, sin θ)/0.003 - 0.1 ‖u‖² - min(5e-7 ‖f‖², 10) + 5, with Δ the way of \
            the centre of mass, u the controls, f the forces on all bodies",
        end: "z outside [1, 2] m",
        source: "PEARL (arXiv 1903.08254)",
        differences: ant::DIFFERENCES,
    },
    spec: EnvSpec::new(376, 17, 200),
    tasks,
    rules: Rules {
        plan: &bodies::HUMANOID,
        frame: "torso",
        read: ant::direction,
        complete: Simulation::contact_forces,
        observe,
        place: centre_of_mass,
        reward,
        ended: |_, motion| !(1.0..=2.0).contains(&motion.view.qpos()[2]),
    },
};

fn tasks(split: Split) -> Vec<Task> {
    let mut random = NumpyRandom::new(1337);
    let directions = (0..TASKS).map(|_| [random.uniform(0.0, TAU)]).collect();
    env::enumerate(split, [ant::DIRECTION], env::split_off(directions, TRAIN_TASKS, split))
}

/// x and y of the centre of mass of all bodies.
fn centre_of_mass(view: &View<'_>) -> [f64; 2] {
    let masses = view.simulation.model().body_mass();
    let [mut total, mut x, mut y] = [0.0; 3];
    for (mass, place) in masses.iter().zip(view.simulation.data().xipos()) {
        total += mass;
        x += mass * place[0];
        y += mass * place[1];
    }
    [x / total, y / total]
}

fn observe(view: &View<'_>, observation: &mut [f32]) -> Result<(), Error> {
    let data = view.simulation.data();
    let values = view.qpos()[2..]
        .iter()
        .chain(view.qvel())
        .chain(data.cinert().iter().flatten())
        .chain(data.cvel().iter().flatten())
        .chain(data.qfrc_actuator())
        .chain(data.cfrc_ext().iter().flatten());
    env::observe(observation, values.copied())
}

fn reward(direction: &f64, motion: &Motion<'_>) -> f64 {
    let [x, y] = [0, 1].map(|axis| motion.after[axis] - motion.before[axis]);
    let simulation = motion.view.simulation;
    let timestep = simulation.model().opt().timestep;
    let forward = 0.25 * (x * direction.cos() + y * direction.sin()) / timestep;
    let forces = simulation.data().cfrc_ext().iter().flatten();
    let impact = 5e-7 * forces.map(|force| force * force).sum::<f64>();
    forward - 0.1 * motion.effort - impact.min(10.0) + 5.0
}
