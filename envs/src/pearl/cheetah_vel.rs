//! `cheetah-vel`: run at a speed that has to be found from the reward.
//!
//! | | |
//! |---|---|
//! | tasks | velocities v* ~ U(0, 3) m/s, NumPy seed 1337; the first 100 train, the last 30 test |
//! | reward | -\|v - v*\| - 0.05 ‖a‖², with v the distance covered in x over the step's 0.05 s |
//! | horizon | 200 |
//!
//! As in PEARL (Rakelly et al., 2019, arXiv 1903.08254); the body is [`crate::half_cheetah`].

use crate::Error;
use crate::env::{self, Card, Env, TaskFamily, split_off};
use crate::half_cheetah::{self, Rules};
use crate::numpy::NumpyRandom;
use types::{EnvSpec, Split, Task};

const TASKS: usize = 130;
const TRAIN_TASKS: usize = 100;

const RULES: Rules =
    Rules { parameter: "velocity", reward: |target, velocity| -(velocity - target).abs() };

/// The family `cheetah-vel`.
#[derive(Debug, Clone, Copy)]
pub struct CheetahVel;

impl TaskFamily for CheetahVel {
    fn name(&self) -> &'static str {
        "cheetah-vel"
    }

    fn summary(&self) -> &'static str {
        "HalfCheetah runs forward at a target velocity between 0 and 3 m/s."
    }

    fn card(&self) -> Card {
        Card {
            observation: "qpos without x (8), qvel (9), torso position (3)",
            action: "torques of 6 joints",
            tasks: "v* ~ U(0, 3) m/s, NumPy seed 1337; 100 train, 30 test",
            start: "U(±0.1) around the standing pose, velocities 0.1·N(0, 1)",
            reward: "-abs(v - v*) - 0.05 ‖a‖²",
            end: "never",
            source: "PEARL (arXiv 1903.08254)",
            differences: "Gymnasium's v5 model on MuJoCo 3.17",
        }
    }

    fn spec(&self) -> EnvSpec {
        half_cheetah::SPEC
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        let mut random = NumpyRandom::new(1337);
        let velocities = (0..TASKS).map(|_| [random.uniform(0.0, 3.0)]).collect();
        let of_split = split_off(velocities, TRAIN_TASKS, split);
        env::enumerate(split, [RULES.parameter], of_split)
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        half_cheetah::make(RULES)
    }
}
