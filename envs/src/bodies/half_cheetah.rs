//! `HalfCheetah-v5`.

use super::{Standard, plan};
use crate::body::{Body, Noise, Plan};

/// `HalfCheetah-v5`: x, z and pitch of the torso, three joints per leg.
pub static HALF_CHEETAH: Plan =
    plan("gymnasium/half_cheetah.xml", 5, [9, 9, 6], 0.1, Noise::Normal(0.1));

/// The rules of `HalfCheetah-v5`.
///
/// Observation: `qpos` without x (8), `qvel` (9). Reward: v - 0.1 ‖u‖². It is never over.
#[derive(Debug, Clone, Copy)]
pub struct HalfCheetah;

impl Standard for HalfCheetah {
    const PLAN: &'static Plan = &HALF_CHEETAH;
    const OBSERVATION: usize = 8 + 9;

    fn observation(body: &Body) -> impl Iterator<Item = f64> {
        let state = body.simulation();
        state.qpos()[1..].iter().chain(state.qvel()).copied()
    }

    fn reward(body: &Body, velocity: f64) -> f64 {
        velocity - 0.1 * body.effort()
    }
}
