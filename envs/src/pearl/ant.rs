//! What PEARL's families on the ant share.

use crate::runner::View;
use types::Task;

/// Where an episode starts.
pub(crate) const START: &str = "U(±0.1) around the standing pose, velocities 0.1·N(0, 1)";

/// What a control is.
pub(crate) const ACTION: &str = "torques of 8 joints";

/// Where PEARL's ants differ from what PEARL ran.
pub(crate) const DIFFERENCES: &str = "Gymnasium's v5 model on MuJoCo 3.17; contact forces are \
    worked out after each step, as MuJoCo 1.5 did on its own and 2.0 and later only do when asked; \
    the source leaves its generator unseeded";

/// 5e-4 · the sum of squares of the forces on all bodies, clipped to ±1 (N or N m).
pub(crate) fn contact_cost(view: &View<'_>) -> f64 {
    let forces = view.simulation.data().cfrc_ext().iter().flatten();
    5e-4 * forces.map(|force| force.clamp(-1.0, 1.0)).map(|force| force * force).sum::<f64>()
}

/// Name of the parameter of the families of directions.
pub(crate) const DIRECTION: &str = "direction";

/// The direction of a task, rad from the x axis.
pub(crate) fn direction(task: &Task) -> Result<f64, crate::Error> {
    crate::env::parameter(task, DIRECTION)
}
