//! `cheetah-hfield-rand-params`: HalfCheetah runs over uneven ground, and its build varies.
//!
//! | | |
//! |---|---|
//! | tasks | the multipliers of `cheetah-rand-params`, and a ground: gentle, hill, basin or random, each for a quarter of the tasks |
//! | gentle, hill | from 4 m on the ground rises over 10 m to 1.5 m (hill: U(1, 3) m), is level for 10 m and falls over 10 m; for half of the tasks all of it 20 m farther on |
//! | basin | 0.5 m above the bottom of a valley from 4 to 12 m, or 20 m farther on |
//! | random | U(0, 1) m every 2 m, but level within 4 m of the start |
//! | reward | v - 0.1 ‖a‖² |
//! | horizon | 200 |
//!
//! As in CEMRL's `meta_rand_envs`, with these differences: a task always has the same ground (there
//! it is drawn anew for each use), and one family has all four modes; a point of the grid is where
//! the body starts; the body starts standing (there it is dropped from 1.3 m above); the level of
//! the basin goes on behind it (there it ends in a cliff).

use crate::Error;
use crate::bodies;
use crate::body::Body;
use crate::cemrl::build::{self, CHEETAH_COUNTS, names};
use crate::cemrl::family::Family;
use crate::cemrl::sense::Sense;
use crate::cemrl::walk::Rules;
use crate::env::{Card, split_off};
use crate::height_field::HeightField;
use crate::mujoco::Simulation;
use crate::numpy::NumpyRandom;
use mujoco_rs::prelude::MjModel;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use types::Split;

const TASKS: u32 = 50;
const TRAIN_TASKS: usize = 40;

/// Within this distance of the start the ground is level, m.
const LEVEL: f64 = 4.0;

static GROUND: HeightField =
    HeightField { reach: 1000.0, columns: 1001, half_width: 3.0, top: 10.0 };

static RULES: Rules = Rules {
    body,
    senses: &[Sense::Positions(1), Sense::Velocities],
    observation_dim: 17,
    action_dim: 6,
    parameters: names!(
        parts: ["torso", "bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot"],
        joints: ["bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot"],
        geometries: ["floor", "torso", "head", "bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot"],
        more: ["ground", "ground_offset", "ground_height", "ground_seed"]
    ),
    reward: |step| step.velocity() - 0.1 * step.effort(),
    fallen: |_, _| false,
    contact_forces: false,
    tune: Some(|task, original, model| {
        CHEETAH_COUNTS.apply(task, original, model);
        if let Some(form) = task.last_chunk() {
            form_ground(*form, model);
        }
    }),
    ground: Some(&GROUND),
};

fn body() -> Result<Body, Error> {
    let plan = &bodies::HALF_CHEETAH;
    Body::within(plan, Simulation::load_on(&GROUND, plan.model, plan.frame_skip)?)
}

/// The values of `ground`: what is there.
const GENTLE: u32 = 0;
const HILL: u32 = 1;
const BASIN: u32 = 2;
const RANDOM: u32 = 3;

/// Gives the ground the form that the last four parameters of a task describe.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the parameters are small whole numbers; any others give some ground as well"
)]
fn form_ground([kind, offset, height, seed]: [f64; 4], model: &mut MjModel) {
    match kind as u32 {
        RANDOM => {
            let mut dice = ChaCha8Rng::seed_from_u64(seed as u64);
            GROUND.shape(model, |x| {
                let rough = height * dice.random::<f64>();
                if x.abs() > LEVEL { rough } else { 0.0 }
            });
        }
        BASIN => GROUND.shape(model, |x| height * basin(x - offset)),
        _ => GROUND.shape(model, |x| height * hill(x - offset)),
    }
}

/// Up from 4 to 14 m, down from 24 to 34 m.
fn hill(x: f64) -> f64 {
    ((x - 4.0) / 10.0).min((34.0 - x) / 10.0).clamp(0.0, 1.0)
}

/// Down from 4 to 8 m, up from there to 12 m.
fn basin(x: f64) -> f64 {
    ((x - 8.0).abs() / 4.0).min(1.0)
}

fn tasks(split: Split) -> Vec<Vec<f64>> {
    let mut random = NumpyRandom::new(1337);
    let mut task = |index: u32| {
        let mut task = CHEETAH_COUNTS.draw(&mut random, 3.0);
        let kind = index % 4;
        let offset = f64::from(index / 4 % 2) * 20.0;
        let height = match kind {
            GENTLE => 1.5,
            HILL => random.uniform(1.0, 3.0),
            BASIN => 0.5,
            _ => 1.0,
        };
        task.extend([f64::from(kind), offset, height, f64::from(index)]);
        task
    };
    split_off((0..TASKS).map(&mut task).collect(), TRAIN_TASKS, split)
}

pub(super) static CHEETAH: Family = Family {
    name: "cheetah-hfield-rand-params",
    summary: "HalfCheetah runs over hills, basins and rough ground, and its build varies.",
    tasks,
    rules: &RULES,
    card: Card {
        observation: "qpos without x (8), qvel (9)",
        tasks: "multipliers as in cheetah-rand-params; ground 0: rise to 1.5 m, 1: hill of U(1, 3) m, 2: valley of 0.5 m, 3: U(0, 1) m every 2 m; NumPy seed 1337; 40 train, 10 test",
        differences: "a task has its own ground (in the source another each time); the body starts standing; the basin has two sides; a task multiplies the model as loaded; task lists are seeded",
        ..build::CHEETAH_FAMILY.card
    },
    ..build::CHEETAH_FAMILY
};
