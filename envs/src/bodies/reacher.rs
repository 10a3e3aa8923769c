//! `Reacher-v5`.

use super::{Standard, distance, plan};
use crate::body::{Body, Noise, Plan};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// `Reacher-v5`: an arm of two joints, and its target.
pub static REACHER: Plan = plan("gymnasium/reacher.xml", 2, [4, 4, 2], 0.1, Noise::Uniform(0.005));

/// The rules of `Reacher-v5`.
///
/// Observation: cosines and sines of the joints (4), place of the target (2), velocities of the joints
/// (2), x and y from the target to the fingertip. Reward: -distance - ‖u‖². It is never over. The
/// target lies anywhere within 0.2 m.
#[derive(Debug, Clone, Copy)]
pub struct Reacher;

const FINGERTIP: usize = 3;
const TARGET: usize = 4;
const JOINTS: usize = 2;
const REACH: f64 = 0.2;

/// A place within `REACH`, by drawing from the square around it until one is.
fn goal(rng: &mut ChaCha8Rng) -> [f64; 2] {
    loop {
        let [x, y] = [(); 2].map(|()| rng.random_range(-REACH..REACH));
        if x.hypot(y) < REACH {
            return [x, y];
        }
    }
}

impl Standard for Reacher {
    const PLAN: &'static Plan = &REACHER;
    const OBSERVATION: usize = 4 + 2 + 2 + 2;
    const HORIZON: usize = 50;
    const PARTS: &'static [(&'static str, usize)] = &[("fingertip", FINGERTIP), ("target", TARGET)];

    fn reset(body: &mut Body, rng: &mut ChaCha8Rng) {
        body.reset_with(rng, |simulation, rng| {
            simulation.qpos_mut()[JOINTS..].copy_from_slice(&goal(rng));
            simulation.qvel_mut()[JOINTS..].fill(0.0);
        });
    }

    fn observation(body: &Body) -> impl Iterator<Item = f64> {
        let state = body.simulation();
        let (joints, target) = state.qpos().split_at(JOINTS);
        let (fingertip, centre) = (state.body_position(FINGERTIP), state.body_position(TARGET));
        let way = fingertip.iter().zip(centre).map(|(from, to)| from - to).take(2);
        let angles = joints.iter().map(|angle| angle.cos());
        let angles = angles.chain(joints.iter().map(|angle| angle.sin()));
        angles.chain(target.iter().chain(&state.qvel()[..JOINTS]).copied()).chain(way)
    }

    fn reward(body: &Body, _velocity: f64) -> f64 {
        let state = body.simulation();
        -distance(state.body_position(FINGERTIP), state.body_position(TARGET)) - body.effort()
    }
}
