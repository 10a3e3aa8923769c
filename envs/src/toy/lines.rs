//! The families on a line.

use super::goals::{Goals, Start};
use super::motion::Law;
use super::slide::Slide;
use super::walk::{Disturbance, Norm, Walk};
use crate::env::Card;

/// Of `toy1d`, from which the others differ.
const CARD: Card = Card {
    observation: "position x",
    action: "displacement, 0.1 at most",
    tasks: "goal ~ U(-1, 1), NumPy seed 1337; 100 train, 25 test",
    start: "0",
    reward: "-abs(x - goal) after the step",
    end: "never",
    source: "SMRL's Toy1D",
    differences: "goals are seeded; SMRL's factory has walls at 0.1 and 10 with a start at 0, here \
                  are the walls of its documentation, -1 and 1",
};

/// What differs where nothing but the seed does.
const SEEDED: &str = "goals are seeded";

/// A mass of 1 kg with damping and no spring.
pub(super) const DAMPED: Law = Law::Spring { mass: 1.0, stiffness: 0.0, damping: 0.5 };

/// `toy1d`.
pub(super) static TOY1D: Walk<1> = NARROW;

const NARROW: Walk<1> = Walk {
    name: "toy1d",
    summary: "A point on a line walks from the middle to a goal.",
    card: CARD,
    wall: 1.0,
    reach: 0.1,
    goals: Goals::Uniform { low: -1.0, high: 1.0 },
    start: Start::Origin,
    norm: Norm::L2,
    disturbance: Disturbance::None,
};

/// `toy1d-fixed`.
pub(super) static FIXED: Walk<1> = Walk {
    name: "toy1d-fixed",
    summary: "A point on a line walks from the middle to a goal of an even grid.",
    card: Card {
        tasks: "goals evenly over [-1, 1], 100 train; in the middles of 25 equal parts, 25 test",
        differences: "SMRL's test grid has both ends too, so that four goals are in both lists",
        ..CARD
    },
    goals: Goals::Even,
    ..NARROW
};

/// `toy1d-rand`.
pub(super) static RAND: Walk<1> = WIDE;

const WIDE: Walk<1> = Walk {
    name: "toy1d-rand",
    summary: "A point on a line walks from anywhere to a goal.",
    card: WIDE_CARD,
    wall: 10.0,
    reach: 3.0,
    goals: Goals::Uniform { low: -10.0, high: 10.0 },
    start: Start::Uniform(10.0),
    ..NARROW
};

const WIDE_CARD: Card = Card {
    action: "displacement, 3 at most",
    tasks: "goal ~ U(-10, 10), NumPy seed 1337; 100 train, 25 test",
    start: "U(-10, 10)",
    differences: SEEDED,
    ..CARD
};

/// `toy1d-domain-rand`.
pub(super) static DOMAIN_RAND: Walk<1> = Walk {
    name: "toy1d-domain-rand",
    summary: "A point on a line whose action, observation and reward are scaled walks to a goal.",
    card: Card {
        observation: "m·x",
        action: "displacement m·3·a, 3 at most",
        tasks: "goal ~ U(-10, 10), multiplier m ~ U(0.5, 2), NumPy seed 1337; 100 train, 25 test",
        reward: "-m·abs(x - goal) after the step",
        differences: "the multiplier is drawn for each task, in SMRL once for each process; the \
                      first observation of an episode is multiplied too; goals are seeded",
        ..WIDE_CARD
    },
    disturbance: Disturbance::Multiplier([0.5, 2.0]),
    ..WIDE
};

/// `toy1d-noisy`.
pub(super) static NOISY: Walk<1> = Walk {
    name: "toy1d-noisy",
    summary: "A point on a line that sees itself and its reward with noise walks to a goal.",
    card: Card {
        observation: "x + 0.005·N(0, 1)",
        reward: "-abs(x - goal) + 0.05·N(0, 1) after the step",
        differences: "noise of the observation is not added to the position itself, as happens in \
                      SMRL because both are one array; the first observation of an episode has \
                      noise too; goals are seeded",
        ..WIDE_CARD
    },
    disturbance: Disturbance::Noise { observation: 0.005, reward: 0.05 },
    ..WIDE
};

/// `toy1d-unbounded`.
pub(super) static UNBOUNDED: Walk<1> = Walk {
    name: "toy1d-unbounded",
    summary: "A point on a line without walls walks to a goal that may be far away.",
    card: Card {
        action: "displacement, 2 at most",
        tasks: "goal ~ 25·N(0, 1), NumPy seed 1337; 100 train, 25 test",
        start: "25·N(0, 1)",
        differences: SEEDED,
        ..CARD
    },
    wall: f64::INFINITY,
    reach: 2.0,
    goals: Goals::Normal { scale: 25.0 },
    start: Start::Normal(25.0),
    ..NARROW
};

/// `toy1d-unbounded-small`.
pub(super) static SMALL: Walk<1> = Walk {
    name: "toy1d-unbounded-small",
    summary: "A point on a line without walls walks to a goal that is near.",
    card: Card {
        action: "displacement, 1 at most",
        tasks: "goal ~ N(0, 1), NumPy seed 1337; 100 train, 25 test",
        start: "N(0, 1)",
        differences: SEEDED,
        ..CARD
    },
    wall: f64::INFINITY,
    reach: 1.0,
    goals: Goals::Normal { scale: 1.0 },
    start: Start::Normal(1.0),
    ..NARROW
};

/// `toy1d-symmetries`.
pub(super) static SYMMETRIES: Walk<1> = Walk {
    name: "toy1d-symmetries",
    summary: "A point on a line trains with goals to the right and is tested with goals to both sides.",
    card: Card {
        tasks: "goal ~ U(0, 1), 100 train; goal ~ U(-1, 1), 25 test; NumPy seed 1337",
        differences: "the walls are at -1 and 1 in training too, where SMRL's are at 0 and 1; goals \
                      are seeded",
        ..CARD
    },
    goals: Goals::OneSided,
    ..NARROW
};

const MASS_CARD: Card = Card {
    observation: "position x, velocity v",
    action: "acceleration, 0.1 at most",
    differences: "only the velocity into a wall is zeroed, in SMRL any, in every other step there; \
                  goals are seeded",
    ..CARD
};

/// `toy1d-dynamic`.
pub(super) static DYNAMIC: Slide<1> = Slide {
    name: "toy1d-dynamic",
    summary: "A point on a line is accelerated towards a goal.",
    card: Card {
        source: "SMRL's Toy1dDynamic: x += 0.1·v, v += 0.1·a, abs(v) ≤ 1, walls at -1 and 1",
        ..MASS_CARD
    },
    law: Law::Acceleration,
    start: Start::Origin,
};

const MASS: Slide<1> = Slide {
    name: "toy1d-continuous",
    summary: "A damped mass on a line is pushed from the middle to a goal.",
    card: DAMPED_CARD,
    law: DAMPED,
    start: Start::Origin,
};

const DAMPED_CARD: Card = Card {
    action: "force, 0.1 N at most",
    source: "SMRL's Toy1dContinuous: m x'' = u - d·x' - k·x, m = 1, k = 0, d = 0.5, exact over steps \
             of 0.1 s; abs(v) ≤ 1, walls at -1 and 1",
    differences: "the force moves the position within its step; SMRL's pseudo-inverse loses that \
                  where k = 0; only the velocity into a wall is zeroed; goals are seeded",
    ..MASS_CARD
};

/// `toy1d-continuous`.
pub(super) static CONTINUOUS: Slide<1> = MASS;

/// `toy1d-continuous-rand`.
pub(super) static CONTINUOUS_RAND: Slide<1> = Slide {
    name: "toy1d-continuous-rand",
    summary: "A damped mass on a line is pushed from anywhere to a goal.",
    card: Card { start: "x ~ U(-1, 1), v = 0", ..DAMPED_CARD },
    start: Start::Uniform(1.0),
    ..MASS
};
