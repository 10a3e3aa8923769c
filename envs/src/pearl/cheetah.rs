//! What the families on HalfCheetah share.

use crate::Error;
use crate::bodies;
use crate::env::{self, Card};
use crate::runner::{self, Motion, Rules, View};
use types::{EnvSpec, Task};

/// Weight of ‖a‖² in the rewards.
pub(crate) const EFFORT_WEIGHT: f64 = 0.05;

/// Shapes and horizon.
pub(crate) const SPEC: EnvSpec = EnvSpec::new(20, 6, 200);

/// All but the tasks and the reward.
pub(crate) const CARD: Card = Card {
    observation: "qpos without x (8), qvel (9), torso position (3)",
    action: "torques of 6 joints",
    tasks: "",
    start: "U(±0.1) around the standing pose, velocities 0.1·N(0, 1)",
    reward: "",
    end: "never",
    source: "PEARL (arXiv 1903.08254)",
    differences: "Gymnasium's v5 model on MuJoCo 3.17",
};

/// The rules of a family with what its tasks ask for and the reward.
pub(crate) const fn rules(
    read: fn(&Task) -> Result<f64, Error>,
    reward: fn(&f64, &Motion<'_>) -> f64,
) -> Rules<f64> {
    Rules {
        plan: &bodies::HALF_CHEETAH,
        frame: "torso",
        read,
        complete: runner::nothing_more,
        observe,
        place: runner::coordinates,
        reward,
        ended: runner::never,
    }
}

/// Writes `qpos` without x (8), `qvel` (9), and x, y and z of the torso as MuJoCo keeps them (3),
/// which is as of one simulation step before the end of the step.
pub(crate) fn observe(view: &View<'_>, observation: &mut [f32]) -> Result<(), Error> {
    let state = view.qpos()[1..].iter().chain(view.qvel());
    env::observe(observation, state.chain(view.frame()).copied())
}
