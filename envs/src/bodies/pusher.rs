//! `Pusher-v5`.

use super::{Standard, distance, plan};
use crate::body::{Body, Noise, Plan};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// `Pusher-v5`: an arm of seven joints, the object and its goal. The arm starts where it is.
pub static PUSHER: Plan =
    plan("gymnasium/pusher_v5.xml", 5, [11, 11, 7], 0.0, Noise::Uniform(0.005));

/// The rules of `Pusher-v5`.
///
/// Observation: angles (7) and velocities (7) of the joints, places of the tip of the arm (3), of the
/// object (3) and of the goal (3). Reward: -distance of object and goal - 0.5 · distance of tip and
/// object - 0.1 ‖u‖². It is never over. The object lies beside the goal, at least 0.17 m away.
#[derive(Debug, Clone, Copy)]
pub struct Pusher;

const TIP: usize = 10;
const OBJECT: usize = 11;
const GOAL: usize = 12;
const JOINTS: usize = 7;
const APART: f64 = 0.17;

/// Where the object lies, by drawing from a rectangle around the goal until it is far enough.
fn object(rng: &mut ChaCha8Rng) -> [f64; 2] {
    loop {
        let (y, x) = (rng.random_range(-0.3..0.0), rng.random_range(-0.2..0.2));
        if f64::hypot(y, x) > APART {
            return [y, x];
        }
    }
}

impl Standard for Pusher {
    const PLAN: &'static Plan = &PUSHER;
    const OBSERVATION: usize = 7 + 7 + 9;
    const HORIZON: usize = 100;
    const PARTS: &'static [(&'static str, usize)] =
        &[("tips_arm", TIP), ("object", OBJECT), ("goal", GOAL)];

    fn reset(body: &mut Body, rng: &mut ChaCha8Rng) {
        body.reset_with(rng, |simulation, rng| {
            simulation.qpos_mut()[JOINTS..][..2].copy_from_slice(&object(rng));
            simulation.qvel_mut()[JOINTS..].fill(0.0);
        });
    }

    fn observation(body: &Body) -> impl Iterator<Item = f64> {
        let state = body.simulation();
        let joints = state.qpos()[..JOINTS].iter().chain(&state.qvel()[..JOINTS]);
        let places = [TIP, OBJECT, GOAL].into_iter().flat_map(|part| state.body_position(part));
        joints.chain(places).copied()
    }

    fn reward(body: &Body, _velocity: f64) -> f64 {
        let [tip, object, goal] =
            [TIP, OBJECT, GOAL].map(|part| body.simulation().body_position(part));
        -distance(object, goal) - 0.1 * body.effort() - 0.5 * distance(object, tip)
    }
}
