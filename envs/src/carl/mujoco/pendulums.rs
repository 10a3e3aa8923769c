//! Poles on a cart. Nothing touches anything, so there is no friction to vary.

use super::contextual::{CARD, Contextual};
use super::features::{ACTUATOR_STRENGTH, GRAVITY, JOINT_DAMPING, mass};
use crate::bodies::{InvertedDoublePendulum, InvertedPendulum};
use crate::env::Card;
use std::marker::PhantomData;

const PENDULUM_CARD: Card = Card {
    action: "force on the cart",
    differences: "MuJoCo instead of Brax: masses and gravity default to those of the MuJoCo model, \
                  damping and strength are factors on its values; inertia goes with mass; no friction, \
                  which would change nothing",
    ..CARD
};

/// `carl-inverted-pendulum`.
pub static INVERTED_PENDULUM: Contextual<InvertedPendulum> = Contextual {
    name: "carl-inverted-pendulum",
    summary: "A cart balances a pole while gravity, damping, motor and masses vary.",
    card: Card {
        observation: "place of the cart, angle of the pole, both velocities",
        start: "U(±0.01) around upright and rest",
        reward: "1 unless it ends",
        end: "pole leans by more than 0.2 rad",
        ..PENDULUM_CARD
    },
    features: &[
        GRAVITY,
        JOINT_DAMPING,
        ACTUATOR_STRENGTH,
        mass("mass_cart", 10.47197551196598),
        mass("mass_pole", 5.018591641363306),
    ],
    rules: PhantomData,
};

/// `carl-inverted-double-pendulum`.
pub static INVERTED_DOUBLE_PENDULUM: Contextual<InvertedDoublePendulum> = Contextual {
    name: "carl-inverted-double-pendulum",
    summary: "A cart balances two poles on each other while gravity, damping, motor and masses vary.",
    card: Card {
        observation: "place of the cart, sines (2) and cosines (2) of the poles, velocities clipped to \
                      ±10 (3), force at the end of the rail clipped to ±10",
        start: "U(±0.1) around upright, velocities 0.1·N(0, 1)",
        reward: "10 unless it ends - 0.01 x² - (z - 2)² - 0.001 ω₁² - 0.005 ω₂², x and z of the tip",
        end: "tip not above 1 m",
        ..PENDULUM_CARD
    },
    features: &[
        GRAVITY,
        JOINT_DAMPING,
        ACTUATOR_STRENGTH,
        mass("mass_cart", 10.47197551196598),
        mass("mass_pole", 4.1987385815227585),
        mass("mass_pole2", 4.1987385815227585),
    ],
    rules: PhantomData,
};
