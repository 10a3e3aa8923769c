//! `carl-acrobot`: swing the tip of a double pendulum up with a motor at its middle joint.
//!
//! The equations are those of Sutton and Barto's book, integrated by one Runge–Kutta step of fourth
//! order, as in Gymnasium's `Acrobot-v1`. A step needs the sines and cosines of eight angles, those
//! that are also observed included; those of sums of angles follow from them.

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

static FEATURES: [Feature; 14] = [
    Feature { name: "LINK_LENGTH_1", default: 1.0, low: 0.1, high: 10.0 },
    Feature { name: "LINK_LENGTH_2", default: 1.0, low: 0.1, high: 10.0 },
    Feature { name: "LINK_MASS_1", default: 1.0, low: 0.1, high: 10.0 },
    Feature { name: "LINK_MASS_2", default: 1.0, low: 0.1, high: 10.0 },
    Feature { name: "LINK_COM_POS_1", default: 0.5, low: 0.0, high: 1.0 },
    Feature { name: "LINK_COM_POS_2", default: 0.5, low: 0.0, high: 1.0 },
    Feature { name: "LINK_MOI", default: 1.0, low: 0.1, high: 10.0 },
    Feature { name: "MAX_VEL_1", default: 4.0 * PI, low: 0.4 * PI, high: 40.0 * PI },
    Feature { name: "MAX_VEL_2", default: 9.0 * PI, low: 0.9 * PI, high: 90.0 * PI },
    Feature { name: "torque_noise_max", default: 0.0, low: -1.0, high: 1.0 },
    Feature { name: "INITIAL_ANGLE_LOWER", default: -0.1, low: -INFINITY, high: INFINITY },
    Feature { name: "INITIAL_ANGLE_UPPER", default: 0.1, low: -INFINITY, high: INFINITY },
    Feature { name: "INITIAL_VELOCITY_LOWER", default: -0.1, low: -INFINITY, high: INFINITY },
    Feature { name: "INITIAL_VELOCITY_UPPER", default: 0.1, low: -INFINITY, high: INFINITY },
];

/// `carl-acrobot`.
pub(super) static FAMILY: Classic = Classic {
    name: "carl-acrobot",
    summary: "A motor at the middle joint swings a double pendulum up; the physics vary.",
    card: Card {
        observation: "cos and sin of the first angle from hanging, cos and sin of the second \
                      relative to the first, angular velocities rad/s",
        action: "torque of -1, 0 or 1 N·m",
        tasks: "LINK_LENGTH_1 and LINK_MASS_2 × U(0.2, 2.2) each, NumPy seed 1337, 100 train; \
                one of them × 0.1 to 4.4 in 10 steps, 20 test",
        start: "angles U(INITIAL_ANGLE_LOWER, _UPPER), velocities likewise, all U(±0.1)",
        reward: "-1, and 0 at the end",
        end: "-cos(θ1) - cos(θ1 + θ2) > 1",
        source: "CARL (arXiv 2202.04500) on Gymnasium 1.4.0's Acrobot-v1; the range of multipliers \
                 is that of contextual_rl_zero_shot for other environments",
        differences: "none; as there, LINK_LENGTH_2 is the length of a drawing only, and the end does \
                      not depend on lengths",
    },
    spec: EnvSpec { choice: true, ..EnvSpec::new(6, 3, 500) },
    features: &FEATURES,
    variation: Variation::Scaled(&[
        Scaled { feature: "LINK_LENGTH_1", low: 0.2, high: 2.2 },
        Scaled { feature: "LINK_MASS_2", low: 0.2, high: 2.2 },
    ]),
    make: physics::make::<Acrobot, 14, 6>,
};

/// Duration of a step, s.
const STEP_SECONDS: f64 = 0.2;

/// m/s².
const GRAVITY: f64 = 9.8;

/// The terms of the equations of motion that a context fixes.
struct Acrobot {
    /// d1 = d1[0] + d1[1] cos θ2: inertia of both links about the first joint.
    d1: [f64; 2],
    /// d2 = d2[0] + d2[1] cos θ2: inertia of the second link as the first feels it.
    d2: [f64; 2],
    /// Torque of gravity on the first joint, of link 1 when it is level, and of link 2.
    weight: [f64; 2],
    /// Lengths of the links, m.
    links: [f64; 2],
    speeds: [f64; 2],
    torque_noise: f64,
    start_angles: [f64; 2],
    start_speeds: [f64; 2],
}

#[derive(Clone, Copy)]
struct State {
    /// Angles θ1 and θ2 in [-π, π], and their rates.
    motion: [f64; 4],
    /// Sine and cosine of both angles: seen by the agent, and where the next step begins.
    waves: Waves,
}

/// Sines and cosines of θ1 and θ2.
#[derive(Clone, Copy)]
struct Waves {
    sin: [f64; 2],
    cos: [f64; 2],
}

impl Waves {
    fn of(motion: [f64; 4]) -> Self {
        let [(sin1, cos1), (sin2, cos2)] = [motion[0].sin_cos(), motion[1].sin_cos()];
        Self { sin: [sin1, sin2], cos: [cos1, cos2] }
    }
}

impl State {
    fn new(motion: [f64; 4]) -> Self {
        Self { motion, waves: Waves::of(motion) }
    }
}

impl Acrobot {
    /// Derivatives of a motion under a torque.
    fn slope(&self, motion: [f64; 4], waves: Waves, torque: f64) -> [f64; 4] {
        let [_, _, rate1, rate2] = motion;
        let Waves { sin: [sin1, sin2], cos: [cos1, cos2] } = waves;
        let coupling = self.d2[1] * sin2;
        let d1 = self.d1[0] + self.d1[1] * cos2;
        let d2 = self.d2[0] + self.d2[1] * cos2;
        let phi2 = self.weight[1] * (sin1 * cos2 + cos1 * sin2);
        let phi1 = self.weight[0] * sin1 + phi2 - coupling * rate2 * (rate2 + 2.0 * rate1);
        let share = d2 / d1;
        let bend =
            (torque + share * phi1 - coupling * rate1 * rate1 - phi2) / (self.d2[0] - d2 * share);
        [rate1, rate2, -(d2 * bend + phi1) / d1, bend]
    }

    /// The motion after a step of Runge and Kutta's fourth-order method.
    fn integrate(&self, state: &State, torque: f64) -> [f64; 4] {
        let from = state.motion;
        let half = STEP_SECONDS / 2.0;
        let look = |slope: [f64; 4], seconds: f64| {
            let motion = moved(from, slope, seconds);
            self.slope(motion, Waves::of(motion), torque)
        };
        let k1 = self.slope(from, state.waves, torque);
        let k2 = look(k1, half);
        let k3 = look(k2, half);
        let k4 = look(k3, STEP_SECONDS);
        let sum = std::array::from_fn(|i| k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
        moved(from, sum, STEP_SECONDS / 6.0)
    }
}

fn moved(from: [f64; 4], slope: [f64; 4], seconds: f64) -> [f64; 4] {
    std::array::from_fn(|i| from[i] + seconds * slope[i])
}

/// An angle as one in [-π, π].
fn wrapped(angle: f64) -> f64 {
    if angle.abs() <= PI { angle } else { angle - 2.0 * PI * (angle / (2.0 * PI)).round() }
}

impl Physics<14> for Acrobot {
    const FEATURES: &'static [Feature; 14] = &FEATURES;
    type State = State;

    fn new(context: [f64; 14]) -> Self {
        let [l1, l2, m1, m2, lc1, lc2, inertia, speed1, speed2, torque_noise, starts @ ..] =
            context;
        let [angle_low, angle_high, speed_low, speed_high] = starts;
        let tie = m2 * l1 * lc2;
        Self {
            d1: [m1 * lc1 * lc1 + m2 * (l1 * l1 + lc2 * lc2) + 2.0 * inertia, 2.0 * tie],
            d2: [m2 * lc2 * lc2 + inertia, tie],
            weight: [(m1 * lc1 + m2 * l1) * GRAVITY, m2 * lc2 * GRAVITY],
            links: [l1, l2],
            speeds: [speed1, speed2],
            torque_noise,
            start_angles: [angle_low, angle_high],
            start_speeds: [speed_low, speed_high],
        }
    }

    fn start(&self, rng: &mut ChaCha8Rng) -> State {
        let ranges = [self.start_angles, self.start_angles, self.start_speeds, self.start_speeds];
        State::new(ranges.map(|[low, high]| physics::between(rng, low, high)))
    }

    fn step(&self, state: &mut State, action: &[f32], rng: &mut ChaCha8Rng) -> Result<Step, Error> {
        let mut torque = [-1.0, 0.0, 1.0][env::choice(action, 3)?];
        if self.torque_noise > 0.0 {
            torque += physics::between(rng, -self.torque_noise, self.torque_noise);
        }
        let [angle1, angle2, rate1, rate2] = self.integrate(state, torque);
        let [most1, most2] = self.speeds;
        *state = State::new([
            wrapped(angle1),
            wrapped(angle2),
            rate1.max(-most1).min(most1),
            rate2.max(-most2).min(most2),
        ]);
        let Waves { sin, cos } = state.waves;
        let up = -cos[0] - (cos[0] * cos[1] - sin[0] * sin[1]) > 1.0;
        Ok(physics::step(if up { 0.0 } else { -1.0 }, up))
    }

    fn seen(state: &State) -> impl IntoIterator<Item = f64> {
        let State { motion, waves: Waves { sin, cos } } = state;
        [cos[0], sin[0], cos[1], sin[1], motion[2], motion[3]]
    }

    /// Both links hang from the middle.
    fn draw(&self, state: &State) -> Drawing {
        let [l1, l2] = self.links;
        let [angle1, angle2, ..] = state.motion;
        let elbow = [l1 * angle1.sin(), -l1 * angle1.cos()];
        let bend = angle1 + angle2;
        let hand = [elbow[0] + l2 * bend.sin(), elbow[1] - l2 * bend.cos()];
        Drawing::new(View::square(1.1 * f64::max(2.0, l1 + l2)))
            .line([0.0, 0.0], elbow, 0.1, Colour::BLUE)
            .line(elbow, hand, 0.1, Colour::ORANGE)
            .disc([0.0, 0.0], 0.06, Colour::DARK)
            .disc(elbow, 0.06, Colour::DARK)
    }
}
