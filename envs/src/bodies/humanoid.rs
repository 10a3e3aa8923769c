//! `Humanoid-v5` and `HumanoidStandup-v5`: the same body, standing and lying.

use super::{Standard, plan, within};
use crate::body::{Body, Noise, Plan};

/// `Humanoid-v5`: a free torso and seventeen joints.
pub static HUMANOID: Plan =
    plan("gymnasium/humanoid.xml", 5, [24, 23, 17], 0.01, Noise::Uniform(0.01));

/// `HumanoidStandup-v5`: the humanoid, lying.
pub static HUMANOID_STANDUP: Plan =
    plan("gymnasium/humanoidstandup.xml", 5, [24, 23, 17], 0.01, Noise::Uniform(0.01));

/// The rules of `Humanoid-v5`.
///
/// Observation: `qpos` without x and y (22), `qvel` (23), of the 13 parts inertia (130) and velocity
/// (78), forces of the motors (17), forces on the 13 parts (78). Reward: 1.25 v + 5 while healthy -
/// 0.1 ‖u‖² - min(10, 5e-7 ‖forces‖²), with v from the centre of mass. It is over when the torso is
/// not within 1 to 2 m of height.
#[derive(Debug, Clone, Copy)]
pub struct Humanoid;

/// The rules of `HumanoidStandup-v5`.
///
/// Observation: as that of [`Humanoid`]. Reward: height of the torso / 0.003 + 1 - 0.1 ‖u‖² - min(10,
/// 5e-7 ‖forces‖²), where 0.003 s is the time of one simulation step. It is never over.
#[derive(Debug, Clone, Copy)]
pub struct HumanoidStandup;

const OBSERVATION: usize = 22 + 23 + 13 * (10 + 6) + 17 + 13 * 6;

/// Velocities of the torso: no motor moves them.
const FREE: usize = 6;

fn observation(body: &Body) -> impl Iterator<Item = f64> {
    let (state, data) = (body.simulation(), body.simulation().data());
    let positions = state.qpos()[2..].iter().chain(state.qvel());
    let inertia = data.cinert()[1..].as_flattened();
    let parts = inertia.iter().chain(data.cvel()[1..].as_flattened());
    let motors = data.qfrc_actuator()[FREE..].iter();
    positions.chain(parts).chain(motors).copied().chain(body.contact_forces())
}

/// What motors and contacts cost.
fn cost(body: &Body) -> f64 {
    let contact: f64 = body.contact_forces().map(|force| force * force).sum();
    0.1 * body.effort() + (5e-7 * contact).min(10.0)
}

impl Standard for Humanoid {
    const PLAN: &'static Plan = &HUMANOID;
    const OBSERVATION: usize = OBSERVATION;
    const FEELS: bool = true;

    fn observation(body: &Body) -> impl Iterator<Item = f64> {
        observation(body)
    }

    fn place(body: &Body) -> f64 {
        body.centre_of_mass()[0]
    }

    fn reward(body: &Body, velocity: f64) -> f64 {
        let healthy = if Self::is_over(body) { 0.0 } else { 5.0 };
        1.25 * velocity + healthy - cost(body)
    }

    fn is_over(body: &Body) -> bool {
        !within(body.simulation().qpos()[2], [1.0, 2.0])
    }
}

impl Standard for HumanoidStandup {
    const PLAN: &'static Plan = &HUMANOID_STANDUP;
    const OBSERVATION: usize = OBSERVATION;
    const FEELS: bool = true;

    fn observation(body: &Body) -> impl Iterator<Item = f64> {
        observation(body)
    }

    fn reward(body: &Body, _velocity: f64) -> f64 {
        let state = body.simulation();
        state.qpos()[2] / state.model().opt().timestep + 1.0 - cost(body)
    }
}
