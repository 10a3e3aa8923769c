//! `carl-mountain-car`: rock a car out of a valley with a motor that is too weak to climb at once.
//!
//! The valley has the height sin(3x), the motor pushes backward, not at all, or forward, as in
//! Gymnasium's `MountainCar-v0` (Moore, 1990). CARL's goal is at 0.45, Gymnasium's at 0.5.

use super::hill;
use super::physics::{self, Physics};
use super::{Classic, Feature, Variation};
use crate::Error;
use crate::carl::context::Scaled;
use crate::env::{self, Card, Step};
use crate::picture::Drawing;
use rand_chacha::ChaCha8Rng;
use types::EnvSpec;

const INFINITY: f64 = f64::INFINITY;

static FEATURES: [Feature; 11] = [
    Feature { name: "min_position", default: -1.2, low: -INFINITY, high: INFINITY },
    Feature { name: "max_position", default: 0.6, low: -INFINITY, high: INFINITY },
    Feature { name: "max_speed", default: 0.07, low: 0.0, high: INFINITY },
    Feature { name: "goal_position", default: 0.45, low: -INFINITY, high: INFINITY },
    Feature { name: "goal_velocity", default: 0.0, low: -INFINITY, high: INFINITY },
    Feature { name: "force", default: 0.001, low: -INFINITY, high: INFINITY },
    Feature { name: "gravity", default: 0.0025, low: 0.0, high: INFINITY },
    Feature { name: "min_position_start", default: -0.6, low: -INFINITY, high: INFINITY },
    Feature { name: "max_position_start", default: -0.4, low: -INFINITY, high: INFINITY },
    Feature { name: "min_velocity_start", default: 0.0, low: -INFINITY, high: INFINITY },
    Feature { name: "max_velocity_start", default: 0.0, low: -INFINITY, high: INFINITY },
];

/// `carl-mountain-car`.
pub(super) static FAMILY: Classic = Classic {
    name: "carl-mountain-car",
    summary: "A weak car rocks itself out of a valley by three choices; the physics vary.",
    card: Card {
        observation: "position, velocity",
        action: "push backward, not at all, or forward with force (0.001)",
        tasks: "gravity × U(0.1, 2.2), NumPy seed 1337, 100 train; \
                gravity × 0.05 to 4.4 in 10 steps, 10 test",
        start: "U(min, max)_position_start (-0.6, -0.4), U(min, max)_velocity_start (0)",
        reward: "-1",
        end: "position ≥ goal_position (0.45) and velocity ≥ goal_velocity (0)",
        source: "CARL (arXiv 2202.04500) on Gymnasium 1.4.0's MountainCar-v0",
        differences: "",
    },
    spec: EnvSpec { choice: true, ..EnvSpec::new(2, 3, 200) },
    features: &FEATURES,
    variation: Variation::Scaled(&[Scaled { feature: "gravity", low: 0.1, high: 2.2 }]),
    make: physics::make::<MountainCar, 11, 2>,
};

struct MountainCar {
    /// Least and greatest position.
    road: [f64; 2],
    speed: f64,
    /// Position and velocity.
    goal: [f64; 2],
    force: f64,
    gravity: f64,
    start_position: [f64; 2],
    start_velocity: [f64; 2],
}

/// Position and velocity.
type State = [f64; 2];

impl Physics<11> for MountainCar {
    const FEATURES: &'static [Feature; 11] = &FEATURES;
    type State = State;

    fn new(context: [f64; 11]) -> Self {
        let [left, right, speed, goal, goal_speed, force, gravity, x0, x1, v0, v1] = context;
        Self {
            road: [left, right],
            speed,
            goal: [goal, goal_speed],
            force,
            gravity,
            start_position: [x0, x1],
            start_velocity: [v0, v1],
        }
    }

    fn start(&self, rng: &mut ChaCha8Rng) -> State {
        [self.start_position, self.start_velocity]
            .map(|[low, high]| physics::between(rng, low, high))
    }

    fn step(&self, state: &mut State, action: &[f32], _: &mut ChaCha8Rng) -> Result<Step, Error> {
        let push = [-1.0, 0.0, 1.0][env::choice(action, 3)?];
        let [position, velocity] = *state;
        let velocity = velocity + push * self.force - (3.0 * position).cos() * self.gravity;
        // Not `clamp`, which panics where a context has the limits the wrong way around.
        let velocity = velocity.max(-self.speed).min(self.speed);
        let [left, right] = self.road;
        let position = (position + velocity).max(left).min(right);
        let stopped = position == left && velocity < 0.0;
        *state = [position, if stopped { 0.0 } else { velocity }];
        Ok(physics::step(-1.0, state[0] >= self.goal[0] && state[1] >= self.goal[1]))
    }

    fn seen(state: &State) -> impl IntoIterator<Item = f64> {
        *state
    }

    fn draw(&self, state: &State) -> Drawing {
        hill::draw(self.road, self.goal[0], state[0])
    }
}
