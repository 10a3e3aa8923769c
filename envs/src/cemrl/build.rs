//! Bodies whose build varies: `cheetah-rand-params`, `walker2d-rand-params`, `ant-rand-params`, and
//! `…-non-stationary-rand-params`, where it changes within the episode.
//!
//! | | |
//! |---|---|
//! | tasks | multipliers: of each part's mass and three moments of inertia, and of each geometry's three frictions, 1.5^U(-s, s); of each joint's damping, 1.3^U(-s, s); s = 3, for the walker 1 |
//! | reward | cheetah v - 0.1 ‖a‖²; walker v + 1 - 0.001 ‖a‖²; ant v + 1 - 0.5 ‖a‖² - 0.0005 ‖f‖², f the contact forces on the bodies, each clipped to [-1, 1] |
//! | end | walker: height outside (0.8, 2) m or pitch outside (-1, 1) rad; ant: height outside [0.2, 1] m |
//! | change | cheetah and ant: with probability 0.01 per step once 101 steps have passed; walker: every 7 + U(0, 2) m |
//! | horizon | 200 with one task, 800 where it changes (walker 400) |
//!
//! As in CEMRL's `meta_rand_envs`, with these differences:
//!
//! - There a resampled build multiplies the one before, because what is kept as the original is a
//!   view of what is changed; here it always multiplies the model as loaded.
//! - Its generator is not seeded; here the lists are NumPy's with seed 1337.
//! - After a change by chance, another one can follow; there it is one per episode.
//! - What MuJoCo derives from masses follows them.
//! - Frame skips are those of the bodies (5, the walker 4). A base class there, as in the
//!   `rand_param_envs` that it stems from, uses its own whatever it is given.

use crate::bodies;
use crate::body::Body;
use crate::cemrl::family::{BY_CHANCE, Family, LONG, SHORT, by_place, changing};
use crate::cemrl::sense::Sense;
use crate::cemrl::walk::Rules;
use crate::cemrl::{ant, planar};
use crate::env::{Card, split_off};
use crate::numpy::NumpyRandom;
use crate::wrappers::NonStationary;
use mujoco_rs::prelude::MjModel;
use types::Split;

/// The names of the multipliers, in the order of MuJoCo's arrays.
macro_rules! names {
    (
        parts: [$($part:literal),*],
        joints: [$($joint:literal),*],
        geometries: [$($geometry:literal),*]
        $(, more: [$($more:literal),*])?
    ) => {
        &[
            $(concat!("mass_", $part),)*
            $(
                concat!("inertia_", $part, "_x"),
                concat!("inertia_", $part, "_y"),
                concat!("inertia_", $part, "_z"),
            )*
            $(concat!("damping_", $joint),)*
            $(
                concat!("friction_", $geometry, "_slide"),
                concat!("friction_", $geometry, "_spin"),
                concat!("friction_", $geometry, "_roll"),
            )*
            $($($more,)*)?
        ]
    };
}
pub(super) use names;

/// How many multipliers of each sort a body has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    /// Bodies but the world.
    pub(super) parts: usize,
    /// Joints with damping; their degrees of freedom are the last ones.
    pub(super) joints: usize,
    /// Geometries, with the floor.
    pub(super) geometries: usize,
}

pub(super) const CHEETAH_COUNTS: Counts = Counts { parts: 7, joints: 6, geometries: 9 };
const WALKER_COUNTS: Counts = Counts { parts: 7, joints: 6, geometries: 8 };
const ANT_COUNTS: Counts = Counts { parts: 13, joints: 8, geometries: 14 };

impl Counts {
    /// The multipliers of one task, whose logarithms are in U(-`scale`, `scale`).
    pub(super) fn draw(self, random: &mut NumpyRandom, scale: f64) -> Vec<f64> {
        let mut draw = |base: f64, count| -> Vec<f64> {
            (0..count).map(|_| base.powf(random.uniform(-scale, scale))).collect()
        };
        let mut task = draw(1.5, 4 * self.parts);
        task.extend(draw(1.3, self.joints));
        task.extend(draw(1.5, 3 * self.geometries));
        task
    }

    /// Multiplies what is varied; `task` starts with the multipliers.
    pub(super) fn apply(self, task: &[f64], original: &MjModel, model: &mut MjModel) {
        let (masses, rest) = task.split_at(self.parts);
        let (inertias, rest) = rest.split_at(3 * self.parts);
        let (dampings, rest) = rest.split_at(self.joints);
        let frictions = &rest[..3 * self.geometries];
        let root = original.dof_damping().len() - self.joints;
        scale(&mut model.body_mass_mut()[1..], &original.body_mass()[1..], masses);
        scale(
            model.body_inertia_mut()[1..].as_flattened_mut(),
            original.body_inertia()[1..].as_flattened(),
            inertias,
        );
        scale(&mut model.dof_damping_mut()[root..], &original.dof_damping()[root..], dampings);
        scale(
            model.geom_friction_mut().as_flattened_mut(),
            original.geom_friction().as_flattened(),
            frictions,
        );
    }

    fn tasks(self, split: Split, train: usize, test: usize, scale: f64) -> Vec<Vec<f64>> {
        let mut random = NumpyRandom::new(1337);
        let all = (0..train + test).map(|_| self.draw(&mut random, scale)).collect();
        split_off(all, train, split)
    }
}

fn scale(slots: &mut [f64], originals: &[f64], factors: &[f64]) {
    for ((slot, original), factor) in slots.iter_mut().zip(originals).zip(factors) {
        *slot = original * factor;
    }
}

static CHEETAH_RULES: Rules = Rules {
    body: || Body::new(&bodies::HALF_CHEETAH),
    senses: &[Sense::Positions(1)],
    observation_dim: 8,
    action_dim: 6,
    parameters: names!(
        parts: ["torso", "bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot"],
        joints: ["bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot"],
        geometries: ["floor", "torso", "head", "bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot"]
    ),
    reward: |step| step.velocity() - 0.1 * step.effort(),
    fallen: |_, _| false,
    contact_forces: false,
    tune: Some(|task, original, model| CHEETAH_COUNTS.apply(task, original, model)),
    ground: None,
};

static WALKER_RULES: Rules = Rules {
    body: || Body::new(&bodies::WALKER),
    senses: &[Sense::Positions(1), Sense::SlowVelocities],
    observation_dim: 17,
    action_dim: 6,
    parameters: names!(
        parts: ["torso", "thigh", "leg", "foot", "thigh_left", "leg_left", "foot_left"],
        joints: ["thigh", "leg", "foot", "thigh_left", "leg_left", "foot_left"],
        geometries: ["floor", "torso", "thigh", "leg", "foot", "thigh_left", "leg_left", "foot_left"]
    ),
    reward: |step| step.velocity() + 1.0 - 1e-3 * step.effort(),
    fallen: planar::walker_fallen,
    contact_forces: false,
    tune: Some(|task, original, model| WALKER_COUNTS.apply(task, original, model)),
    ground: None,
};

static ANT_RULES: Rules = Rules {
    body: || Body::new(&bodies::ANT),
    senses: &[Sense::Positions(2), Sense::Velocities, Sense::Forces],
    observation_dim: 111,
    action_dim: 8,
    parameters: names!(
        parts: [
            "torso", "hip_1", "thigh_1", "shin_1", "hip_2", "thigh_2", "shin_2",
            "hip_3", "thigh_3", "shin_3", "hip_4", "thigh_4", "shin_4"
        ],
        joints: [
            "hip_1", "ankle_1", "hip_2", "ankle_2", "hip_3", "ankle_3", "hip_4", "ankle_4"
        ],
        geometries: [
            "floor", "torso", "hip_1", "thigh_1", "shin_1", "hip_2", "thigh_2", "shin_2",
            "hip_3", "thigh_3", "shin_3", "hip_4", "thigh_4", "shin_4"
        ]
    ),
    reward: |step| step.velocity() - ant::cost(step),
    fallen: |qpos, _| !(0.2..=1.0).contains(&qpos[2]),
    contact_forces: true,
    tune: Some(|task, original, model| ANT_COUNTS.apply(task, original, model)),
    ground: None,
};

/// The `tasks` of a card: the scale, the numbers of tasks, and what else there is to say.
macro_rules! multipliers {
    ($scale:literal, $lists:literal $(, $more:literal)*) => {
        concat!(
            "multipliers of masses, inertias and frictions 1.5^U(-", $scale, ", ", $scale,
            "), of dampings 1.3^U(-", $scale, ", ", $scale, "), NumPy seed 1337; ", $lists
            $(, $more)*
        )
    };
}

pub(super) const MULTIPLIERS: &str = multipliers!(3, "40 train, 10 test");

/// The same where they change with [`BY_CHANCE`].
const MULTIPLIERS_BY_CHANCE: &str = multipliers!(
    3,
    "40 train, 10 test",
    "; any of the list, also the same again, with probability 0.01 per step once 101 steps have \
     passed since the last change"
);

pub(super) const NO_DRIFT: &str = "a task multiplies the model as loaded (in the source, the build \
    before); task lists are seeded; what MuJoCo derives from masses follows them";

const REPEATED: &str = "changes may repeat within an episode (in the source there is one at most); \
    a task multiplies the model as loaded (in the source, the build before); task lists are seeded; \
    what MuJoCo derives from masses follows them";

pub(super) const CHEETAH_FAMILY: Family = Family {
    name: "cheetah-rand-params",
    summary: "HalfCheetah runs forward, and its masses, inertias, frictions and dampings vary.",
    horizon: SHORT,
    tasks: |split| CHEETAH_COUNTS.tasks(split, 40, 10, 3.0),
    rules: &CHEETAH_RULES,
    card: Card {
        observation: "qpos without x (8)",
        action: "torques of 6 joints",
        tasks: MULTIPLIERS,
        start: "U(±0.1) around the standing pose, velocities 0.1·N(0, 1)",
        reward: "v - 0.1 ‖a‖²",
        end: "never",
        source: super::SOURCE,
        differences: NO_DRIFT,
    },
};

const WALKER_FAMILY: Family = Family {
    name: "walker2d-rand-params",
    summary: "Walker2d runs forward, and its masses, inertias, frictions and dampings vary.",
    tasks: |split| WALKER_COUNTS.tasks(split, 100, 30, 1.0),
    rules: &WALKER_RULES,
    card: Card {
        observation: "qpos without x (8), qvel clipped to ±10 (9)",
        tasks: multipliers!(1, "100 train, 30 test"),
        start: "U(±0.005) around the standing pose, velocities U(±0.005)",
        reward: "v + 1 - 0.001 ‖a‖²",
        end: "z outside (0.8, 2) m or pitch outside (-1, 1) rad",
        ..CHEETAH_FAMILY.card
    },
    ..CHEETAH_FAMILY
};

const ANT_FAMILY: Family = Family {
    name: "ant-rand-params",
    summary: "Ant walks forward, and its masses, inertias, frictions and dampings vary.",
    tasks: |split| ANT_COUNTS.tasks(split, 40, 10, 3.0),
    rules: &ANT_RULES,
    card: Card {
        observation: "qpos without x, y (13), qvel (14), contact forces on the bodies clipped to ±1 (84)",
        action: "torques of 8 joints",
        reward: "v + 1 - 0.5 ‖a‖² - 0.0005 ‖clip(contact forces, ±1)‖²",
        end: "z outside [0.2, 1] m",
        ..CHEETAH_FAMILY.card
    },
    ..CHEETAH_FAMILY
};

pub(super) static CHEETAH: Family = CHEETAH_FAMILY;
pub(super) static WALKER: Family = WALKER_FAMILY;
pub(super) static ANT: Family = ANT_FAMILY;

static CHANGING_CHEETAH: Family = Family {
    name: "cheetah-non-stationary-rand-params",
    summary: "HalfCheetah runs forward, and its build changes with probability 0.01 per step.",
    horizon: LONG,
    card: Card { tasks: MULTIPLIERS_BY_CHANCE, differences: REPEATED, ..CHEETAH_FAMILY.card },
    ..CHEETAH_FAMILY
};

static CHANGING_WALKER: Family = Family {
    name: "walker2d-non-stationary-rand-params",
    summary: "Walker2d runs forward, and its build changes every 7 to 9 m.",
    horizon: 2 * SHORT,
    card: Card {
        tasks: multipliers!(
            1,
            "100 train, 30 test",
            "; any of the list, also the same again, every 7 + U(0, 2) m"
        ),
        ..WALKER_FAMILY.card
    },
    ..WALKER_FAMILY
};

static CHANGING_ANT: Family = Family {
    name: "ant-non-stationary-rand-params",
    summary: "Ant walks forward, and its build changes with probability 0.01 per step.",
    horizon: LONG,
    card: Card { tasks: MULTIPLIERS_BY_CHANCE, differences: REPEATED, ..ANT_FAMILY.card },
    ..ANT_FAMILY
};

pub(super) static CHEETAH_NON_STATIONARY: NonStationary<&Family> =
    changing(&CHANGING_CHEETAH, BY_CHANCE);
pub(super) static WALKER_NON_STATIONARY: NonStationary<&Family> =
    changing(&CHANGING_WALKER, by_place(7.0, 2.0));
pub(super) static ANT_NON_STATIONARY: NonStationary<&Family> = changing(&CHANGING_ANT, BY_CHANCE);
