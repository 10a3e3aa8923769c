//! `carl-pendulum`: swing a pendulum up with a motor that is too weak to lift it.
//!
//! The equations are those of Gymnasium's `Pendulum-v1`, a rod of mass m and length l. CARL also
//! lists a feature `gravity`, which nothing reads (the physics read `g`), so it is left out here.

use super::physics::{self, Physics};
use super::{Classic, Feature, Variation};
use crate::Error;
use crate::carl::context::Scaled;
use crate::env::{self, Card, Step};
use crate::picture::{Colour, Drawing, View};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::PI;
use types::EnvSpec;

const INFINITY: f64 = f64::INFINITY;

static FEATURES: [Feature; 6] = [
    Feature { name: "dt", default: 0.05, low: 0.0, high: INFINITY },
    Feature { name: "g", default: 10.0, low: 0.0, high: INFINITY },
    Feature { name: "m", default: 1.0, low: 1e-6, high: INFINITY },
    Feature { name: "l", default: 1.0, low: 1e-6, high: INFINITY },
    Feature { name: "initial_angle_max", default: PI, low: 0.0, high: INFINITY },
    Feature { name: "initial_velocity_max", default: 1.0, low: 0.0, high: INFINITY },
];

/// `carl-pendulum`.
pub(super) static FAMILY: Classic = Classic {
    name: "carl-pendulum",
    summary: "A weak motor swings a pendulum up; the physics vary.",
    card: Card {
        observation: "cos and sin of the angle from upright, angular velocity rad/s",
        action: "torque, 2 N·m at most",
        tasks: "l × U(0.5, 2.2), NumPy seed 1337, 100 train; l × 0.25 to 4.4 in 10 steps, 10 test",
        start: "angle U(±initial_angle_max) (π), velocity U(±initial_velocity_max) (1)",
        reward: "-(angle² + 0.1·velocity² + 0.001·torque²) before the step, angle in [-π, π)",
        end: "never",
        source: "CARL (arXiv 2202.04500) on Gymnasium 1.4.0's Pendulum-v1",
        differences: "CARL's feature gravity, which nothing reads, is left out; start states lie to \
                      both sides, as in Gymnasium, where CARL draws positive ones only",
    },
    spec: EnvSpec::new(3, 1, 200),
    features: &FEATURES,
    variation: Variation::Scaled(&[Scaled { feature: "l", low: 0.5, high: 2.2 }]),
    make: physics::make::<Pendulum, 6, 3>,
};

/// The motor's torque at an action of 1, N·m.
const TORQUE: f64 = 2.0;

/// The greatest angular velocity, rad/s.
const SPEED: f64 = 8.0;

struct Pendulum {
    step_seconds: f64,
    /// Angular acceleration where the rod is level, rad/s².
    fall: f64,
    /// Angular acceleration for each N·m, rad/s².
    lift: f64,
    /// m
    length: f64,
    start: [f64; 2],
}

#[derive(Clone, Copy)]
struct State {
    angle: f64,
    speed: f64,
    /// Of the angle: the agent sees them, and the next step needs them.
    sin: f64,
    cos: f64,
}

impl State {
    fn new(angle: f64, speed: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self { angle, speed, sin, cos }
    }
}

impl Physics<6> for Pendulum {
    const FEATURES: &'static [Feature; 6] = &FEATURES;
    type State = State;

    fn new([step_seconds, gravity, mass, length, angle, speed]: [f64; 6]) -> Self {
        Self {
            step_seconds,
            fall: 3.0 * gravity / (2.0 * length),
            lift: 3.0 / (mass * length * length),
            length,
            start: [angle, speed],
        }
    }

    fn start(&self, rng: &mut ChaCha8Rng) -> State {
        let [angle, speed] = self.start.map(|most| physics::between(rng, -most, most));
        State::new(angle, speed)
    }

    fn step(&self, state: &mut State, action: &[f32], _: &mut ChaCha8Rng) -> Result<Step, Error> {
        let [part] = env::clipped(action)?;
        let torque = TORQUE * part;
        let State { angle, speed, sin, .. } = *state;
        let lean = (angle + PI).rem_euclid(2.0 * PI) - PI;
        let cost = lean * lean + 0.1 * speed * speed + 0.001 * torque * torque;
        let speed = speed + (self.fall * sin + self.lift * torque) * self.step_seconds;
        let speed = speed.clamp(-SPEED, SPEED);
        *state = State::new(angle + speed * self.step_seconds, speed);
        Ok(physics::step(-cost, false))
    }

    fn seen(state: &State) -> impl IntoIterator<Item = f64> {
        [state.cos, state.sin, state.speed]
    }

    /// The rod hangs from the middle; upright is up.
    fn draw(&self, state: &State) -> Drawing {
        let tip = [-self.length * state.sin, self.length * state.cos];
        Drawing::new(View::square(f64::max(1.0, self.length) * 1.2))
            .line([0.0, 0.0], tip, 0.1, Colour::BLUE)
            .disc([0.0, 0.0], 0.05, Colour::DARK)
    }
}
