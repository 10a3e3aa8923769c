//! `sparse-point-robot`: find a goal on a half circle that only shows when it is near.
//!
//! | | |
//! |---|---|
//! | tasks | 100 goals evenly spaced over the half circle of radius 1 around the start, both ends included, shuffled with NumPy seed 1337; the first 80 train, the last 20 test |
//! | start | the origin |
//! | reward | 1 - distance within 0.2 of the goal, else 0, after the step |
//! | shaped reward | minus the distance to the goal |
//! | horizon | 20 |
//!
//! As in PEARL (Rakelly et al., 2019, arXiv 1903.08254): the agent sees, and is judged by, the
//! sparse reward; meta-training uses the shaped one.

use crate::env::{self, Card, Env, Oracle, TaskFamily};
use crate::numpy::NumpyRandom;
use crate::pearl::point::{self, PointEnv, Rules};
use crate::{Error, env::split_off};
use std::f64::consts::PI;
use types::{EnvSpec, Split, Task};

const TASKS: u32 = 100;
const TRAIN_TASKS: usize = 80;

/// How near to the goal, in units of length, the reward begins.
const RADIUS: f64 = 0.2;

const RULES: Rules = Rules {
    start: |_| [0.0; 2],
    reward: |distance| {
        if distance <= RADIUS { 1.0 - distance } else { 0.0 }
    },
};

/// The family `sparse-point-robot`.
#[derive(Debug, Clone, Copy)]
pub struct SparsePointRobot;

impl TaskFamily for SparsePointRobot {
    fn name(&self) -> &'static str {
        "sparse-point-robot"
    }

    fn summary(&self) -> &'static str {
        "A point on a plane searches a half circle for a goal that rewards only within 0.2 of it."
    }

    fn card(&self) -> Card {
        Card {
            observation: "position x, y",
            action: "displacement x, y, 0.1 at most along each axis",
            tasks: "goals evenly spaced on the half circle of radius 1, shuffled with NumPy seed 1337; 80 train, 20 test",
            start: "origin",
            reward: "1 - d if d ≤ 0.2, else 0, with d = ‖p - goal‖ after the step; shaped: -d",
            end: "never",
            source: "PEARL (arXiv 1903.08254)",
            differences: "",
        }
    }

    fn spec(&self) -> EnvSpec {
        point::spec(true)
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        let spacing = PI / f64::from(TASKS - 1);
        let mut goals: Vec<[f64; 2]> = (0..TASKS)
            .map(|i| f64::from(i) * spacing)
            .map(|angle| [angle.cos(), angle.sin()])
            .collect();
        NumpyRandom::new(1337).shuffle(&mut goals);
        env::enumerate(split, point::GOAL, split_off(goals, TRAIN_TASKS, split))
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        Ok(Box::new(PointEnv::new(RULES)))
    }

    fn oracle(&self, task: &Task) -> Option<Box<dyn Oracle>> {
        point::oracle(task)
    }
}
