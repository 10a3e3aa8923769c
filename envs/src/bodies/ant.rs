//! `Ant-v5`.

use super::{Standard, plan};
use crate::body::{Body, Noise, Plan};

/// `Ant-v5`: a free torso and four legs of two joints.
pub static ANT: Plan = plan("gymnasium/ant.xml", 5, [15, 14, 8], 0.1, Noise::Normal(0.1));

/// The rules of `Ant-v5`.
///
/// Observation: `qpos` without x and y (13), `qvel` (14), forces on the 13 parts clipped to [-1, 1]
/// (78). Reward: v + 1 while healthy - 0.5 ‖u‖² - 0.0005 ‖clipped forces‖², with v from the `xpos` of
/// the torso. It is over when the torso is not at a height from 0.2 to 1 m.
#[derive(Debug, Clone, Copy)]
pub struct Ant;

const TORSO_HEIGHT: [f64; 2] = [0.2, 1.0];

fn forces(body: &Body) -> impl Iterator<Item = f64> {
    body.contact_forces().map(|force| force.clamp(-1.0, 1.0))
}

impl Standard for Ant {
    const PLAN: &'static Plan = &ANT;
    const OBSERVATION: usize = 13 + 14 + 78;
    const PARTS: &'static [(&'static str, usize)] = &[("torso", 1)];
    const FEELS: bool = true;

    fn observation(body: &Body) -> impl Iterator<Item = f64> {
        let state = body.simulation();
        state.qpos()[2..].iter().chain(state.qvel()).copied().chain(forces(body))
    }

    fn place(body: &Body) -> f64 {
        body.torso()[0]
    }

    fn reward(body: &Body, velocity: f64) -> f64 {
        let healthy = if Self::is_over(body) { 0.0 } else { 1.0 };
        let contact: f64 = forces(body).map(|force| force * force).sum();
        velocity + healthy - (0.5 * body.effort() + 5e-4 * contact)
    }

    fn is_over(body: &Body) -> bool {
        let [low, high] = TORSO_HEIGHT;
        !(low..=high).contains(&body.simulation().qpos()[2])
    }
}
