//! `carl-mountain-car-continuous`: rock a car out of a valley and spend little on it.
//!
//! As Gymnasium's `MountainCarContinuous-v0`, which rounds the state to `f32` after each step and
//! computes the next one from that in `f32`. Over an episode this is more than the last digit, so it
//! is done here too, the only physics of the project that is not `f64`. CARL's goal is at 0.5,
//! Gymnasium's at 0.45. Contexts in which the power is negative turn forward and backward around.

use super::hill;
use super::physics::{self, Physics};
use super::{Classic, Feature, Variation};
use crate::Error;
use crate::carl::context::Listed;
use crate::env::{self, Card, Step};
use crate::picture::Drawing;
use rand_chacha::ChaCha8Rng;
use types::EnvSpec;

const INFINITY: f64 = f64::INFINITY;

static FEATURES: [Feature; 10] = [
    Feature { name: "min_position", default: -1.2, low: -INFINITY, high: INFINITY },
    Feature { name: "max_position", default: 0.6, low: -INFINITY, high: INFINITY },
    Feature { name: "max_speed", default: 0.07, low: 0.0, high: INFINITY },
    Feature { name: "goal_position", default: 0.5, low: -INFINITY, high: INFINITY },
    Feature { name: "goal_velocity", default: 0.0, low: -INFINITY, high: INFINITY },
    Feature { name: "power", default: 0.0015, low: -INFINITY, high: INFINITY },
    Feature { name: "min_position_start", default: -0.6, low: -INFINITY, high: INFINITY },
    Feature { name: "max_position_start", default: -0.4, low: -INFINITY, high: INFINITY },
    Feature { name: "min_velocity_start", default: 0.0, low: -INFINITY, high: INFINITY },
    Feature { name: "max_velocity_start", default: 0.0, low: -INFINITY, high: INFINITY },
];

/// A ninth of 0.003: the test contexts are so far apart.
const NINTH: f64 = 0.003 / 9.0;

/// `carl-mountain-car-continuous`.
pub(super) static FAMILY: Classic = Classic {
    name: "carl-mountain-car-continuous",
    summary: "A weak car rocks itself out of a valley with little effort; its motor varies.",
    card: Card {
        observation: "position, velocity",
        action: "push with up to power (0.0015) forward or backward",
        tasks: "power evenly from -0.002/3 to 0.002/3, 5 train, and from -0.0015 to 0.0015, 10 test",
        start: "U(min, max)_position_start (-0.6, -0.4), U(min, max)_velocity_start (0)",
        reward: "-0.1 a², and 100 at the end",
        end: "position ≥ goal_position (0.5) and velocity ≥ goal_velocity (0)",
        source: "CARL (arXiv 2202.04500) on Gymnasium 1.4.0's MountainCarContinuous-v0; contexts of \
                 contextual_rl_zero_shot",
        differences: "",
    },
    spec: EnvSpec::new(2, 1, 999),
    features: &FEATURES,
    variation: Variation::Listed(&[Listed {
        feature: "power",
        train: &[-2.0 * NINTH, -NINTH, 0.0, NINTH, 2.0 * NINTH],
        test: &[
            -4.5 * NINTH,
            -3.5 * NINTH,
            -2.5 * NINTH,
            -1.5 * NINTH,
            -0.5 * NINTH,
            0.5 * NINTH,
            1.5 * NINTH,
            2.5 * NINTH,
            3.5 * NINTH,
            4.5 * NINTH,
        ],
    }]),
    make: physics::make::<MountainCar, 10, 2>,
};

/// Pull of the slope where it is steepest.
const GRAVITY: f64 = 0.0025;

struct MountainCar {
    /// Least and greatest position.
    road: [f32; 2],
    speed: f32,
    /// Position and velocity.
    goal: [f32; 2],
    power: f32,
    start_position: [f64; 2],
    start_velocity: [f64; 2],
}

/// Position and velocity.
type State = [f32; 2];

impl Physics<10> for MountainCar {
    const FEATURES: &'static [Feature; 10] = &FEATURES;
    type State = State;

    fn new(context: [f64; 10]) -> Self {
        let [left, right, speed, goal, goal_speed, power, x0, x1, v0, v1] = context;
        Self {
            road: [left, right].map(env::narrow),
            speed: env::narrow(speed),
            goal: [goal, goal_speed].map(env::narrow),
            power: env::narrow(power),
            start_position: [x0, x1],
            start_velocity: [v0, v1],
        }
    }

    fn start(&self, rng: &mut ChaCha8Rng) -> State {
        [self.start_position, self.start_velocity]
            .map(|[low, high]| env::narrow(physics::between(rng, low, high)))
    }

    fn step(&self, state: &mut State, action: &[f32], _: &mut ChaCha8Rng) -> Result<Step, Error> {
        let [effort] = env::clipped(action)?;
        let [position, velocity] = *state;
        let slope = GRAVITY * f64::from(3.0 * position).cos();
        let velocity = velocity + (env::narrow(effort) * self.power - env::narrow(slope));
        // Not `clamp`, which panics where a context has the limits the wrong way around.
        let velocity = velocity.min(self.speed).max(-self.speed);
        let [left, right] = self.road;
        let position = (position + velocity).min(right).max(left);
        let stopped = position == left && velocity < 0.0;
        *state = [position, if stopped { 0.0 } else { velocity }];
        let arrived = state[0] >= self.goal[0] && state[1] >= self.goal[1];
        let prize = if arrived { 100.0 } else { 0.0 };
        Ok(physics::step(prize - 0.1 * effort * effort, arrived))
    }

    fn seen(state: &State) -> impl IntoIterator<Item = f64> {
        state.map(f64::from)
    }

    fn draw(&self, state: &State) -> Drawing {
        hill::draw(self.road.map(f64::from), self.goal[0].into(), state[0].into())
    }
}
