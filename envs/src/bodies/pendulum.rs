//! `InvertedPendulum-v5` and `InvertedDoublePendulum-v5`.

use super::{Standard, plan};
use crate::body::{Body, Noise, Plan};

/// `InvertedPendulum-v5`: a cart and a pole.
pub static INVERTED_PENDULUM: Plan =
    plan("gymnasium/inverted_pendulum.xml", 2, [2, 2, 1], 0.01, Noise::Uniform(0.01));

/// `InvertedDoublePendulum-v5`: a cart and two poles.
pub static INVERTED_DOUBLE_PENDULUM: Plan =
    plan("gymnasium/inverted_double_pendulum.xml", 5, [3, 3, 1], 0.1, Noise::Normal(0.1));

/// The rules of `InvertedPendulum-v5`.
///
/// Observation: `qpos` (2), `qvel` (2). Reward: 1 unless it is over, which it is when the pole leans by
/// more than 0.2 rad.
#[derive(Debug, Clone, Copy)]
pub struct InvertedPendulum;

/// The rules of `InvertedDoublePendulum-v5`.
///
/// Observation: place of the cart, sines and cosines of the angles of the poles (4), `qvel` clipped to
/// [-10, 10] (3), the force on the cart at the end of its rail clipped to [-10, 10]. Reward: 10 unless
/// over - 0.01 x² - (z - 2)² - 0.001 ω₁² - 0.005 ω₂², with x and z of the upper pole's tip. It is over
/// when the tip is not above 1 m.
#[derive(Debug, Clone, Copy)]
pub struct InvertedDoublePendulum;

impl Standard for InvertedPendulum {
    const PLAN: &'static Plan = &INVERTED_PENDULUM;
    const OBSERVATION: usize = 4;

    fn observation(body: &Body) -> impl Iterator<Item = f64> {
        let state = body.simulation();
        state.qpos().iter().chain(state.qvel()).copied()
    }

    fn reward(body: &Body, _velocity: f64) -> f64 {
        if Self::is_over(body) { 0.0 } else { 1.0 }
    }

    fn is_over(body: &Body) -> bool {
        body.simulation().qpos()[1].abs() > 0.2
    }
}

/// Place of the tip of the upper pole, the only site of the model, m.
fn tip(body: &Body) -> [f64; 3] {
    body.simulation().data().site_xpos()[0]
}

fn clipped(value: &f64) -> f64 {
    value.clamp(-10.0, 10.0)
}

impl Standard for InvertedDoublePendulum {
    const PLAN: &'static Plan = &INVERTED_DOUBLE_PENDULUM;
    const OBSERVATION: usize = 1 + 4 + 3 + 1;

    fn observation(body: &Body) -> impl Iterator<Item = f64> {
        let (state, data) = (body.simulation(), body.simulation().data());
        let (cart, poles) = (&state.qpos()[..1], &state.qpos()[1..]);
        let sines = poles.iter().map(|angle| angle.sin());
        let cosines = poles.iter().map(|angle| angle.cos());
        let forces = state.qvel().iter().chain(&data.qfrc_constraint()[..1]).map(clipped);
        cart.iter().copied().chain(sines).chain(cosines).chain(forces)
    }

    fn reward(body: &Body, _velocity: f64) -> f64 {
        let ([x, _, z], velocities) = (tip(body), body.simulation().qvel());
        let (lower, upper) = (velocities[1], velocities[2]);
        let alive = if Self::is_over(body) { 0.0 } else { 10.0 };
        let distance = 0.01 * x * x + (z - 2.0) * (z - 2.0);
        alive - distance - (1e-3 * lower * lower + 5e-3 * upper * upper)
    }

    fn is_over(body: &Body) -> bool {
        tip(body)[2] <= 1.0
    }
}
