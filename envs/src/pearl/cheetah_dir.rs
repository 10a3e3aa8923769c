//! `cheetah-dir`: run backward or forward, as fast as possible.
//!
//! | | |
//! |---|---|
//! | tasks | directions d = -1 and +1, both for training and for testing |
//! | reward | d · v - 0.05 ‖a‖², with v the distance covered in x over the step's 0.05 s |
//! | horizon | 200 |
//!
//! As in PEARL (Rakelly et al., 2019, arXiv 1903.08254); the body is [`crate::half_cheetah`].

use crate::Error;
use crate::env::{self, Card, Env, TaskFamily};
use crate::half_cheetah::{self, Rules};
use types::{EnvSpec, Split, Task};

const RULES: Rules =
    Rules { parameter: "direction", reward: |direction, velocity| direction * velocity };

/// The family `cheetah-dir`.
#[derive(Debug, Clone, Copy)]
pub struct CheetahDir;

impl TaskFamily for CheetahDir {
    fn name(&self) -> &'static str {
        "cheetah-dir"
    }

    fn summary(&self) -> &'static str {
        "HalfCheetah runs backward or forward; there is nothing beyond these two tasks."
    }

    fn card(&self) -> Card {
        Card {
            observation: "qpos without x (8), qvel (9), torso position (3)",
            action: "torques of 6 joints",
            tasks: "d = -1 and +1, both for training and for testing",
            start: "U(±0.1) around the standing pose, velocities 0.1·N(0, 1)",
            reward: "d·v - 0.05 ‖a‖²",
            end: "never",
            source: "PEARL (arXiv 1903.08254)",
            differences: "Gymnasium's v5 model on MuJoCo 3.17",
        }
    }

    fn spec(&self) -> EnvSpec {
        half_cheetah::SPEC
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        env::enumerate(split, [RULES.parameter], [[-1.0], [1.0]])
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        half_cheetah::make(RULES)
    }
}
