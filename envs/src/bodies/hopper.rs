//! `Hopper-v5`.

use super::{Standard, plan, within};
use crate::body::{Body, Noise, Plan};

/// `Hopper-v5`: x, z and pitch of the torso, three joints.
pub static HOPPER: Plan = plan("gymnasium/hopper.xml", 4, [6, 6, 3], 0.005, Noise::Uniform(0.005));

/// The rules of `Hopper-v5`.
///
/// Observation: `qpos` without x (5), `qvel` clipped to [-10, 10] (6). Reward: v + 1 while healthy -
/// 0.001 ‖u‖². It is over when z is not above 0.7 m, the pitch not within ±0.2 rad, or anything else
/// but x not within ±100.
#[derive(Debug, Clone, Copy)]
pub struct Hopper;

impl Standard for Hopper {
    const PLAN: &'static Plan = &HOPPER;
    const OBSERVATION: usize = 5 + 6;

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
        let state = body.simulation();
        let (z, pitch) = (state.qpos()[1], state.qpos()[2]);
        let mut rest = state.qpos()[2..].iter().chain(state.qvel());
        let healthy = z > 0.7 && within(pitch, [-0.2, 0.2]);
        !(healthy && rest.all(|value| within(*value, [-100.0, 100.0])))
    }
}
