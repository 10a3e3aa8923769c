//! `carl-cartpole` and `carl-cartpole-continuous`: keep a pole upright on a cart.
//!
//! The equations are those of Barto, Sutton and Anderson (1983) without friction, integrated by
//! Euler's explicit method, as in Gymnasium's `CartPole-v1`. CARL changes the masses and the length,
//! but not the sum and the product that Gymnasium has made of them before, so that `masscart` has no
//! effect there and `masspole` and `length` half of it; here they act as they should.

use super::physics::{self, Physics};
use super::{Classic, Feature, Variation};
use crate::Error;
use crate::carl::context::{Listed, Scaled};
use crate::env::{self, Card, Step};
use crate::picture::{Colour, Drawing, View};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::PI;
use types::EnvSpec;

const INFINITY: f64 = f64::INFINITY;

static FEATURES: [Feature; 8] = [
    Feature { name: "gravity", default: 9.8, low: 0.1, high: INFINITY },
    Feature { name: "masscart", default: 1.0, low: 0.1, high: 10.0 },
    Feature { name: "masspole", default: 0.1, low: 0.01, high: 1.0 },
    Feature { name: "length", default: 0.5, low: 0.05, high: 5.0 },
    Feature { name: "force_mag", default: 10.0, low: 1.0, high: 100.0 },
    Feature { name: "tau", default: 0.02, low: 0.002, high: 0.2 },
    Feature { name: "initial_state_lower", default: -0.1, low: -INFINITY, high: INFINITY },
    Feature { name: "initial_state_upper", default: 0.1, low: -INFINITY, high: INFINITY },
];

const CARD: Card = Card {
    observation: "cart position m and velocity, pole angle rad and velocity",
    action: "push to the left or to the right with force_mag (10 N)",
    tasks: "gravity, length and tau × U(0.2, 2.2) each, NumPy seed 1337, 100 train; \
            one of them × 0.1 to 4.4 in 10 steps, 30 test",
    start: "all four U(initial_state_lower, initial_state_upper), which is U(±0.1)",
    reward: "1",
    end: "abs(x) > 2.4 m or abs(angle) > 12°",
    source: "CARL (arXiv 2202.04500) on Gymnasium 1.4.0's CartPole-v1",
    differences: "masscart, masspole and length act wherever they occur in the equations; in CARL \
                  their sum and product keep the default values",
};

/// `carl-cartpole`.
pub(super) static DISCRETE: Classic = Classic {
    name: "carl-cartpole",
    summary: "A cart is pushed left or right to balance a pole; the physics vary.",
    card: CARD,
    spec: EnvSpec { choice: true, ..EnvSpec::new(4, 2, 500) },
    features: &FEATURES,
    variation: Variation::Scaled(&[
        Scaled { feature: "gravity", low: 0.2, high: 2.2 },
        Scaled { feature: "length", low: 0.2, high: 2.2 },
        Scaled { feature: "tau", low: 0.2, high: 2.2 },
    ]),
    make: physics::make::<Discrete, 8, 4>,
};

/// `carl-cartpole-continuous`.
pub(super) static CONTINUOUS: Classic = Classic {
    name: "carl-cartpole-continuous",
    summary: "A cart is pushed with any force to balance a pole; the physics vary.",
    card: Card {
        action: "push with up to force_mag (10 N) to either side",
        tasks: "5 values of tau and 5 of length for training, 10 of each for testing, farther apart",
        source: "contextual_rl_zero_shot's CARLCartPoleContinuous; else as carl-cartpole",
        ..CARD
    },
    spec: EnvSpec::new(4, 1, 200),
    features: &FEATURES,
    variation: Variation::Listed(&[
        Listed {
            feature: "tau",
            train: &[0.03822535, 0.04936994, 0.06376373, 0.08235402, 0.10636431],
            test: &[
                0.02, 0.02583099, 0.03336201, 0.04308869, 0.05565119, 0.07187627, 0.09283178,
                0.11989685, 0.15485274, 0.2,
            ],
        },
        Listed {
            feature: "length",
            train: &[0.18560371, 0.30960564, 0.51645334, 0.86149609, 1.43706209],
            test: &[
                0.05, 0.08340503, 0.13912797, 0.23207944, 0.38713184, 0.64577483, 1.07721735,
                1.79690683, 2.99742125, 5.0,
            ],
        },
    ]),
    make: physics::make::<Continuous, 8, 4>,
};

/// How far the cart may go to either side, m.
const TRACK: f64 = 2.4;

/// How far the pole may lean to either side, rad.
const LEAN: f64 = 12.0 * 2.0 * PI / 360.0;

/// Position, velocity, angle, angular velocity.
type State = [f64; 4];

struct Cart {
    gravity: f64,
    mass_pole: f64,
    mass: f64,
    /// Half of the pole's length, m.
    length: f64,
    /// Mass of the pole times half of its length, kg·m.
    moment: f64,
    force: f64,
    step_seconds: f64,
    start: [f64; 2],
}

impl Cart {
    fn new(context: [f64; 8]) -> Self {
        let [gravity, mass_cart, mass_pole, length, force, step_seconds, low, high] = context;
        Self {
            gravity,
            mass_pole,
            mass: mass_pole + mass_cart,
            length,
            moment: mass_pole * length,
            force,
            step_seconds,
            start: [low, high],
        }
    }

    fn start(&self, rng: &mut ChaCha8Rng) -> State {
        let [low, high] = self.start;
        std::array::from_fn(|_| physics::between(rng, low, high))
    }

    /// A step under a push of `part` of the force.
    fn advance(&self, state: &mut State, part: f64) -> Step {
        let [x, speed, angle, turn] = *state;
        let (sin, cos) = angle.sin_cos();
        // Products in Gymnasium's order: where a step is long, the pole is so unstable that another
        // last digit shows after some hundred steps.
        let push = (part * self.force + self.moment * (turn * turn) * sin) / self.mass;
        let inertia = self.length * (4.0 / 3.0 - self.mass_pole * (cos * cos) / self.mass);
        let angular = (self.gravity * sin - cos * push) / inertia;
        let linear = push - self.moment * angular * cos / self.mass;
        let tau = self.step_seconds;
        *state = [x + tau * speed, speed + tau * linear, angle + tau * turn, turn + tau * angular];
        physics::step(1.0, state[0].abs() > TRACK || state[2].abs() > LEAN)
    }

    /// The cart and its pole; the track's ends are red.
    fn draw(&self, &[x, _, angle, _]: &State) -> Drawing {
        let (sin, cos) = angle.sin_cos();
        let tip = [x + 2.0 * self.length * sin, 2.0 * self.length * cos];
        let cart = [[x - 0.3, -0.3], [x + 0.3, -0.3], [x + 0.3, 0.0], [x - 0.3, 0.0]];
        let end = |x: f64| [[x, -0.45], [x, -0.15]];
        let [[left, left_top], [right, right_top]] = [end(-TRACK), end(TRACK)];
        Drawing::new(View { x: [-3.0, 3.0], y: [-0.6, f64::max(1.6, 2.2 * self.length)] })
            .line([-3.0, -0.3], [3.0, -0.3], 0.02, Colour::GREY)
            .line(left, left_top, 0.04, Colour::RED)
            .line(right, right_top, 0.04, Colour::RED)
            .polygon(&cart, Colour::BLUE)
            .line([x, 0.0], tip, 0.08, Colour::DARK)
    }
}

struct Discrete(Cart);

impl Physics<8> for Discrete {
    const FEATURES: &'static [Feature; 8] = &FEATURES;
    type State = State;

    fn new(context: [f64; 8]) -> Self {
        Self(Cart::new(context))
    }

    fn start(&self, rng: &mut ChaCha8Rng) -> State {
        self.0.start(rng)
    }

    fn step(&self, state: &mut State, action: &[f32], _: &mut ChaCha8Rng) -> Result<Step, Error> {
        let part = [-1.0, 1.0][env::choice(action, 2)?];
        Ok(self.0.advance(state, part))
    }

    fn seen(state: &State) -> impl IntoIterator<Item = f64> {
        *state
    }

    fn draw(&self, state: &State) -> Drawing {
        self.0.draw(state)
    }
}

struct Continuous(Cart);

impl Physics<8> for Continuous {
    const FEATURES: &'static [Feature; 8] = &FEATURES;
    type State = State;

    fn new(context: [f64; 8]) -> Self {
        Self(Cart::new(context))
    }

    fn start(&self, rng: &mut ChaCha8Rng) -> State {
        self.0.start(rng)
    }

    fn step(&self, state: &mut State, action: &[f32], _: &mut ChaCha8Rng) -> Result<Step, Error> {
        let [part] = env::clipped(action)?;
        Ok(self.0.advance(state, part))
    }

    fn seen(state: &State) -> impl IntoIterator<Item = f64> {
        *state
    }

    fn draw(&self, state: &State) -> Drawing {
        self.0.draw(state)
    }
}
