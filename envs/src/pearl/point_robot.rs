//! `point-robot`: walk to a goal in a square that has to be found from the reward.
//!
//! | | |
//! |---|---|
//! | tasks | goals (x, y) ~ U(-1, 1)², NumPy seed 1337; the first 80 train, the last 20 test |
//! | start | U(-1, 1)² at every reset |
//! | reward | minus the distance to the goal after the step |
//! | horizon | 20 |
//!
//! As in PEARL (Rakelly et al., 2019, arXiv 1903.08254).

use crate::env::{self, Card, Env, Oracle, TaskFamily};
use crate::numpy::NumpyRandom;
use crate::pearl::point::{self, PointEnv, Rules};
use crate::{Error, env::split_off};
use rand::RngExt as _;
use types::{EnvSpec, Split, Task};

const TASKS: usize = 100;
const TRAIN_TASKS: usize = 80;

const RULES: Rules = Rules {
    start: |rng| [rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0)],
    reward: |distance| -distance,
};

/// The family `point-robot`.
#[derive(Debug, Clone, Copy)]
pub struct PointRobot;

impl TaskFamily for PointRobot {
    fn name(&self) -> &'static str {
        "point-robot"
    }

    fn summary(&self) -> &'static str {
        "A point on a plane walks to a goal; the reward is minus the distance to it."
    }

    fn card(&self) -> Card {
        Card {
            observation: "position x, y",
            action: "displacement x, y, 0.1 at most along each axis",
            tasks: "goal ~ U(-1, 1)², NumPy seed 1337; 80 train, 20 test",
            start: "U(-1, 1)²",
            reward: "-‖p - goal‖ after the step",
            end: "never",
            source: "PEARL (arXiv 1903.08254)",
            differences: "",
        }
    }

    fn spec(&self) -> EnvSpec {
        point::spec(false)
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        let mut random = NumpyRandom::new(1337);
        let goals =
            (0..TASKS).map(|_| [random.uniform(-1.0, 1.0), random.uniform(-1.0, 1.0)]).collect();
        env::enumerate(split, point::GOAL, split_off(goals, TRAIN_TASKS, split))
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        Ok(Box::new(PointEnv::new(RULES)))
    }

    fn oracle(&self, task: &Task) -> Option<Box<dyn Oracle>> {
        point::oracle(task)
    }
}
