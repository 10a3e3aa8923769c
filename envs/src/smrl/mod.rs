//! The MuJoCo families of SMRL (Symmetric Meta-Reinforcement-Learning, Durmann): goals, velocities
//! and directions, wider apart than PEARL's, and of its fork in MRL-Inference-Reutilization: goals
//! for a hopper, a walker and a swimmer.
//!
//! 100 tasks train, 25 test. The sources draw them with unseeded generators; here it is NumPy's
//! with seed 1337. That tasks change within an episode, which the sources' environments can do by
//! themselves, is for [`crate::wrappers`].

mod ant;
mod cheetah;
mod goals;

use crate::TaskFamily;
use crate::env;
use crate::numpy::NumpyRandom;
use types::{Split, Task};

/// All of them.
pub(crate) static FAMILIES: &[&dyn TaskFamily] = &[
    &cheetah::GOAL,
    &cheetah::GOAL_ONE_SIDED,
    &cheetah::VELOCITY,
    &cheetah::DIRECTION,
    &ant::GOAL,
    &ant::GOAL_ONE_SIDED,
    &ant::VELOCITY,
    &goals::HOPPER,
    &goals::WALKER,
    &goals::SWIMMER,
];

const TASKS: usize = 125;
const TRAIN_TASKS: usize = 100;

/// Where the families come from.
const SOURCE: &str = "SMRL";

/// The tasks of a split with the parameters called `names`, all of which `draw` gives.
fn tasks<const N: usize>(
    split: Split,
    names: [&str; N],
    draw: impl Fn(&mut NumpyRandom) -> f64,
) -> Vec<Task> {
    let mut random = NumpyRandom::new(1337);
    let all = (0..TASKS).map(|_| names.map(|_| draw(&mut random))).collect();
    env::enumerate(split, names, env::split_off(all, TRAIN_TASKS, split))
}
