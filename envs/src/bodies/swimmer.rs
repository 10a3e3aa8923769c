//! `Swimmer-v5`.

use super::{Standard, plan};
use crate::body::{Body, Noise, Plan};

/// `Swimmer-v5`: x, y and yaw of the first of three links, two joints.
pub static SWIMMER: Plan = plan("gymnasium/swimmer.xml", 4, [5, 5, 2], 0.1, Noise::Uniform(0.1));

/// The rules of `Swimmer-v5`.
///
/// Observation: `qpos` without x and y (3), `qvel` (5). Reward: v - 0.0001 ‖u‖². It is never over.
#[derive(Debug, Clone, Copy)]
pub struct Swimmer;

impl Standard for Swimmer {
    const PLAN: &'static Plan = &SWIMMER;
    const OBSERVATION: usize = 3 + 5;

    fn observation(body: &Body) -> impl Iterator<Item = f64> {
        let state = body.simulation();
        state.qpos()[2..].iter().chain(state.qvel()).copied()
    }

    fn reward(body: &Body, velocity: f64) -> f64 {
        velocity - 1e-4 * body.effort()
    }
}
