//! The families on a plane.

use super::goals::{Goals, Start};
use super::lines::DAMPED;
use super::slide::Slide;
use super::walk::{Disturbance, Norm, Walk};
use crate::env::Card;

const CARD: Card = Card {
    observation: "position x, y",
    action: "displacement x, y, of length 0.1 at most",
    tasks: "goal ~ U(-1, 1)², NumPy seed 1337; 100 train, 25 test",
    start: "origin",
    reward: "-‖p - goal‖₂ after the step",
    end: "never",
    source: "SMRL's Toy2D, walls at -1 and 1 along both axes",
    differences: "goals are seeded",
};

const CROW: Walk<2> = Walk {
    name: "toy2d-l2",
    summary: "A point on a plane walks to a goal; what counts is the distance as the crow flies.",
    card: CARD,
    wall: 1.0,
    reach: 0.1,
    goals: Goals::Uniform { low: -1.0, high: 1.0 },
    start: Start::Origin,
    norm: Norm::L2,
    disturbance: Disturbance::None,
};

/// `toy2d-l1`.
pub(super) static L1: Walk<2> = Walk {
    name: "toy2d-l1",
    summary: "A point on a plane walks to a goal; what counts is the distance along the axes.",
    card: Card { reward: "-‖p - goal‖₁ after the step", ..CARD },
    norm: Norm::L1,
    ..CROW
};

/// `toy2d-l2`.
pub(super) static L2: Walk<2> = CROW;

/// `toy2d-rand`.
pub(super) static RAND: Walk<2> = Walk {
    name: "toy2d-rand",
    summary: "A point on a plane walks from anywhere to a goal.",
    card: Card { start: "U(-1, 1)²", ..CARD },
    start: Start::Uniform(1.0),
    ..CROW
};

/// `toy2d-continuous`.
pub(super) static CONTINUOUS: Slide<2> = Slide {
    name: "toy2d-continuous",
    summary: "A damped mass on a plane is pushed to a goal.",
    card: Card {
        observation: "position x, y, velocity x, y",
        action: "force x, y, of length 0.1 N at most",
        source: "SMRL's Toy2dContinuous: m p'' = u - d·p' - k·p, m = 1, k = 0, d = 0.5, exact over \
                 steps of 0.1 s; ‖v‖ ≤ 1, walls at -1 and 1 along both axes",
        differences: "no factory of SMRL makes it, so mass, spring and damping are those of \
                      toy1d-continuous; the force moves the position within its step; only the \
                      velocity into a wall is zeroed; goals are seeded",
        ..CARD
    },
    law: DAMPED,
    start: Start::Origin,
};
