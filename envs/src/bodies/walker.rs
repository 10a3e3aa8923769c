//! `Walker2d-v5`.

use super::{Standard, plan, within};
use crate::body::{Body, Noise, Plan};

/// `Walker2d-v5`: x, z and pitch of the torso, three joints per leg.
pub static WALKER: Plan =
    plan("gymnasium/walker2d_v5.xml", 4, [9, 9, 6], 0.005, Noise::Uniform(0.005));

/// The rules of `Walker2d-v5`.
///
/// Observation: `qpos` without x (8), `qvel` clipped to [-10, 10] (9). Reward: v + 1 while healthy -
/// 0.001 ‖u‖². It is over when z is not within 0.8 to 2 m or the pitch not within ±1 rad.
#[derive(Debug, Clone, Copy)]
pub struct Walker;

impl Standard for Walker {
    const PLAN: &'static Plan = &WALKER;
    const OBSERVATION: usize = 8 + 9;

    fn observation(body: &Body) -> impl Iterator<Item = f64> {
        let state = body.simulation();
        let velocities = state.qvel().iter().map(|velocity| velocity.clamp(-10.0, 10.0));
        state.qpos()[1..].iter().copied().chain(velocities)
    }

    fn reward(body: &Body, velocity: f64) -> f64 {
        let healthy = if Self::is_over(body) { 0.0 } else { 1.0 };
        velocity + healthy - 1e-3 * body.effort()
    }

    fn is_over(body: &Body) -> bool {
        let positions = body.simulation().qpos();
        !(within(positions[1], [0.8, 2.0]) && within(positions[2], [-1.0, 1.0]))
    }
}
