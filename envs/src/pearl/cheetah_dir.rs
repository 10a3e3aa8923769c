//! `cheetah-dir`: run backward or forward, as fast as possible.
//!
//! | | |
//! |---|---|
//! | tasks | directions d = -1 and +1, both for training and for testing |
//! | reward | d · v - 0.05 ‖a‖², with v the distance covered in x over the step's 0.05 s |
//! | horizon | 200 |
//!
//! As in PEARL (Rakelly et al., 2019, arXiv 1903.08254).

use crate::env::{self, Card};
use crate::pearl::cheetah::{CARD, EFFORT_WEIGHT, SPEC, rules};
use crate::runner::Running;

/// The family `cheetah-dir`.
pub(crate) static CHEETAH_DIR: Running<f64> = Running {
    name: "cheetah-dir",
    summary: "HalfCheetah runs backward or forward; there is nothing beyond these two tasks.",
    card: Card {
        tasks: "d = -1 and +1, both for training and for testing",
        reward: "d·v - 0.05 ‖a‖²",
        ..CARD
    },
    spec: SPEC,
    tasks: |split| env::enumerate(split, ["direction"], [[-1.0], [1.0]]),
    rules: rules(
        |task| env::parameter(task, "direction"),
        |direction, motion| direction * motion.velocity()[0] - EFFORT_WEIGHT * motion.effort,
    ),
};
