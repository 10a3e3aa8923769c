//! `cheetah-vel`: run at a speed that has to be found from the reward.
//!
//! | | |
//! |---|---|
//! | tasks | velocities v* ~ U(0, 3) m/s, NumPy seed 1337; the first 100 train, the last 30 test |
//! | reward | -\|v - v*\| - 0.05 ‖a‖², with v the distance covered in x over the step's 0.05 s |
//! | horizon | 200 |
//!
//! As in PEARL (Rakelly et al., 2019, arXiv 1903.08254).

use crate::env::{self, Card, split_off};
use crate::numpy::NumpyRandom;
use crate::pearl::cheetah::{CARD, EFFORT_WEIGHT, SPEC, rules};
use crate::runner::Running;
use types::{Split, Task};

const TASKS: usize = 130;
const TRAIN_TASKS: usize = 100;

/// The family `cheetah-vel`.
pub(crate) static CHEETAH_VEL: Running<f64> = Running {
    name: "cheetah-vel",
    summary: "HalfCheetah runs forward at a target velocity between 0 and 3 m/s.",
    card: Card {
        tasks: "v* ~ U(0, 3) m/s, NumPy seed 1337; 100 train, 30 test",
        reward: "-abs(v - v*) - 0.05 ‖a‖²",
        ..CARD
    },
    spec: SPEC,
    tasks,
    rules: rules(
        |task| env::parameter(task, "velocity"),
        |target, motion| -(motion.velocity()[0] - target).abs() - EFFORT_WEIGHT * motion.effort,
    ),
};

fn tasks(split: Split) -> Vec<Task> {
    let mut random = NumpyRandom::new(1337);
    let velocities = (0..TASKS).map(|_| [random.uniform(0.0, 3.0)]).collect();
    env::enumerate(split, ["velocity"], split_off(velocities, TRAIN_TASKS, split))
}
