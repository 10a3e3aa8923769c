//! `ant-cripple` and `ant-non-stationary-cripple`: Ant walks forward on the legs that it has.
//!
//! | | |
//! |---|---|
//! | tasks | all legs sound, or one disabled: the first three legs for training, the fourth for testing; sound for both |
//! | disabled | its motors do nothing and are not paid for; thigh and shin are half as long and thick, the shin where the thigh was, and red |
//! | reward | v + 1 - 0.5 ‖a‖² - 0.0005 ‖f‖², f the contact forces on the bodies, each clipped to [-1, 1] |
//! | end | height outside [0.2, 1] m |
//! | change | with probability 0.01 per step once 101 steps have passed |
//! | horizon | 200 with one task, 800 where it changes |
//!
//! As in CEMRL's `meta_rand_envs`, where a random leg is disabled in the course of an episode and
//! stays so, on a body of random build; here a leg may also recover, and the build is Ant's.

use crate::bodies;
use crate::body::Body;
use crate::cemrl::ant;
use crate::cemrl::family::{BY_CHANCE, Family, LONG, SHORT, changing};
use crate::cemrl::sense::Sense;
use crate::cemrl::walk::{Moment, Rules};
use crate::env::Card;
use crate::wrappers::NonStationary;
use mujoco_rs::prelude::MjModel;
use types::Split;

const LEGS: usize = 4;

/// The first motor of each leg; the second follows it. In the model the fourth leg comes first.
const MOTORS: [usize; LEGS] = [2, 4, 6, 0];

/// The geometry of each leg's thigh; that of the shin follows it.
const THIGHS: [usize; LEGS] = [3, 6, 9, 12];

const RED: [f32; 4] = [1.0, 0.0, 0.0, 1.0];

static RULES: Rules = Rules {
    body: || Body::new(&bodies::ANT),
    senses: &[Sense::Positions(2), Sense::Velocities, Sense::Forces],
    observation_dim: 111,
    action_dim: 8,
    parameters: &["sound_1", "sound_2", "sound_3", "sound_4"],
    reward: |step| step.velocity() - ant::cost(step) + 0.5 * idle_effort(step),
    fallen: |qpos, _| !(0.2..=1.0).contains(&qpos[2]),
    contact_forces: true,
    tune: Some(disable),
    ground: None,
};

/// ‖u‖² of the controls of disabled legs.
fn idle_effort(step: &Moment<'_>) -> f64 {
    let disabled = MOTORS.iter().zip(step.task).filter(|(_, sound)| **sound == 0.0);
    let controls = disabled.flat_map(|(motor, _)| &step.controls[*motor..motor + 2]);
    controls.map(|u| u * u).sum()
}

fn disable(task: &[f64], original: &MjModel, model: &mut MjModel) {
    for ((motor, thigh), sound) in MOTORS.into_iter().zip(THIGHS).zip(task) {
        if *sound != 0.0 {
            continue;
        }
        model.actuator_gear_mut()[motor..motor + 2].as_flattened_mut().fill(0.0);
        for part in [thigh, thigh + 1] {
            let [radius, half_length, unused] = original.geom_size()[part];
            model.geom_size_mut()[part] = [radius / 2.0, half_length / 2.0, unused];
            model.geom_rgba_mut()[part] = RED;
        }
        model.geom_pos_mut()[thigh + 1] = original.geom_pos()[thigh];
    }
}

fn tasks(split: Split) -> Vec<Vec<f64>> {
    let disabled = match split {
        Split::Train => 0..LEGS - 1,
        Split::Test => LEGS - 1..LEGS,
    };
    let mut tasks = vec![vec![1.0; LEGS]];
    tasks.extend(disabled.map(|leg| {
        let mut sound = vec![1.0; LEGS];
        sound[leg] = 0.0;
        sound
    }));
    tasks
}

const FAMILY: Family = Family {
    name: "ant-cripple",
    summary: "Ant walks forward with one of its legs disabled, or none.",
    horizon: SHORT,
    tasks,
    rules: &RULES,
    card: Card {
        observation: "qpos without x, y (13), qvel (14), contact forces on the bodies clipped to ±1 (84)",
        action: "torques of 8 joints",
        tasks: "all legs sound, or one disabled (no torque, half as long and thick); legs 1 to 3 train, leg 4 test",
        start: "U(±0.1) around the standing pose, velocities 0.1·N(0, 1)",
        reward: "v + 1 - 0.5 ‖a‖² - 0.0005 ‖clip(contact forces, ±1)‖²; a disabled leg's a is 0",
        end: "z outside [0.2, 1] m",
        source: super::SOURCE,
        differences: "Ant's own build (in the source a random one)",
    },
};

pub(super) static ANT: Family = FAMILY;

static CHANGING: Family = Family {
    name: "ant-non-stationary-cripple",
    summary: "Ant walks forward, and its legs fail and recover with probability 0.01 per step.",
    horizon: LONG,
    card: Card {
        tasks: "all legs sound, or one disabled (no torque, half as long and thick); legs 1 to 3 train, leg 4 test; any of the list, also the same again, with probability 0.01 per step once 101 steps have passed since the last change",
        differences: "Ant's own build (in the source a random one); legs may recover, and changes repeat, each 101 steps after the last at the earliest",
        ..FAMILY.card
    },
    ..FAMILY
};

pub(super) static ANT_NON_STATIONARY: NonStationary<&Family> = changing(&CHANGING, BY_CHANCE);
