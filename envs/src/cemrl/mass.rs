//! `cheetah-rand-mass` and `cheetah-non-stationary-rand-mass`: one part of HalfCheetah is heavier or
//! lighter.
//!
//! | | |
//! |---|---|
//! | tasks | a part's mass and moments of inertia times 1.5^U(-7, 7), the other parts as they are, NumPy seed 1337; 8 train and 4 test for each of the 7 parts |
//! | reward | v - 0.1 ‖a‖² |
//! | change | every 7 + U(0, 2) m |
//! | horizon | 200 with one task, 400 where it changes |
//!
//! As in CEMRL's `meta_rand_envs`, whose environment of this name changes the damping of a joint
//! instead, since it is derived from the wrong class; whose builds multiply the one before, where
//! here they multiply the model as loaded; and whose generator is not seeded.

use crate::bodies;
use crate::body::Body;
use crate::cemrl::family::{Family, SHORT, by_place, changing};
use crate::cemrl::sense::Sense;
use crate::cemrl::walk::Rules;
use crate::env::{Card, split_off};
use crate::numpy::NumpyRandom;
use crate::wrappers::NonStationary;
use mujoco_rs::prelude::MjModel;
use types::Split;

const PARTS: usize = 7;
const TRAIN_PER_PART: usize = 8;
const TEST_PER_PART: usize = 4;

static RULES: Rules = Rules {
    body: || Body::new(&bodies::HALF_CHEETAH),
    senses: &[Sense::Positions(1), Sense::Velocities],
    observation_dim: 17,
    action_dim: 6,
    parameters: &[
        "mass_torso",
        "mass_bthigh",
        "mass_bshin",
        "mass_bfoot",
        "mass_fthigh",
        "mass_fshin",
        "mass_ffoot",
    ],
    reward: |step| step.velocity() - 0.1 * step.effort(),
    fallen: |_, _| false,
    contact_forces: false,
    tune: Some(load),
    ground: None,
};

fn load(task: &[f64], _: &MjModel, model: &mut MjModel) {
    for (mass, factor) in model.body_mass_mut()[1..].iter_mut().zip(task) {
        *mass *= factor;
    }
    for (inertia, factor) in model.body_inertia_mut()[1..].iter_mut().zip(task) {
        *inertia = inertia.map(|moment| moment * factor);
    }
}

fn tasks(split: Split) -> Vec<Vec<f64>> {
    let mut random = NumpyRandom::new(1337);
    let mut all = vec![];
    for per_part in [TRAIN_PER_PART, TEST_PER_PART] {
        for part in 0..PARTS {
            all.extend((0..per_part).map(|_| {
                let mut factors = vec![1.0; PARTS];
                factors[part] = 1.5_f64.powf(random.uniform(-7.0, 7.0));
                factors
            }));
        }
    }
    split_off(all, PARTS * TRAIN_PER_PART, split)
}

const FAMILY: Family = Family {
    name: "cheetah-rand-mass",
    summary: "HalfCheetah runs forward, and one of its parts is heavier or lighter.",
    horizon: SHORT,
    tasks,
    rules: &RULES,
    card: Card {
        observation: "qpos without x (8), qvel (9)",
        action: "torques of 6 joints",
        tasks: "mass and inertia of one part times 1.5^U(-7, 7), NumPy seed 1337; 8 train and 4 test for each of 7 parts",
        start: "U(±0.1) around the standing pose, velocities 0.1·N(0, 1)",
        reward: "v - 0.1 ‖a‖²",
        end: "never",
        source: super::SOURCE,
        differences: "masses vary (in the source, despite its name, the damping of one joint); a task multiplies the model as loaded (in the source, the build before); task lists are seeded",
    },
};

pub(super) static CHEETAH: Family = FAMILY;

static CHANGING: Family = Family {
    name: "cheetah-non-stationary-rand-mass",
    summary: "HalfCheetah runs forward, and which part is heavier or lighter is drawn anew every 7 to 9 m.",
    horizon: 2 * SHORT,
    card: Card {
        tasks: "mass and inertia of one part times 1.5^U(-7, 7), NumPy seed 1337; 8 train and 4 test for each of 7 parts; any of the list, also the same again, every 7 + U(0, 2) m",
        ..FAMILY.card
    },
    ..FAMILY
};

pub(super) static CHEETAH_NON_STATIONARY: NonStationary<&Family> =
    changing(&CHANGING, by_place(7.0, 2.0));
