//! HalfCheetah that runs at a velocity, in a direction, or does one of five kinds of task:
//! `cheetah-{stationary,non-stationary,continuous-learning}-{vel,dir,multi-task}`.
//!
//! | | |
//! |---|---|
//! | vel | v* ~ U(0, 3) m/s, NumPy seed 1337, 100 train, 30 test (U(0.5, 3) where it changes); -\|v - v*\| - 0.05 ‖a‖² |
//! | dir | d = -1 and +1; d · v - 0.05 ‖a‖² |
//! | multi-task | see [`KINDS`] |
//! | change | vel every 10 + U(0, 1) m, dir every 10 + U(0, 2) m, multi-task every 200 steps; in continuous learning dir every 20 + U(0, 1) m |
//! | horizon | 200 with one task, 800 where it changes |
//!
//! As in CEMRL (Bing et al., 2022) and its `meta_rand_envs`, with these differences:
//!
//! - The source draws the test tasks with the seed of the training tasks, so they are the same ones;
//!   here the draws go on.
//! - Its goal task rewards x - g, which asks for running on forever; here it is -\|x - g\|.
//! - A change by place is measured from where the last change was. In the source the points where
//!   the direction changes move outward with each crossing, so that the legs grow.

use crate::bodies;
use crate::body::Body;
use crate::cemrl::family::{
    Family, LONG, SHORT, by_place, by_time, changing, directions, in_order, velocities,
};
use crate::cemrl::sense::Sense;
use crate::cemrl::walk::{Moment, Rules};
use crate::env::{Card, split_off};
use crate::numpy::NumpyRandom;
use crate::wrappers::NonStationary;
use types::Split;

const fn rules(parameters: &'static [&'static str], reward: fn(&Moment<'_>) -> f64) -> Rules {
    Rules {
        body: || Body::new(&bodies::HALF_CHEETAH),
        senses: &[Sense::Positions(1), Sense::Torso, Sense::Velocities],
        observation_dim: 20,
        action_dim: 6,
        parameters,
        reward,
        fallen: |_, _| false,
        contact_forces: false,
        tune: None,
        ground: None,
    }
}

fn cost(step: &Moment<'_>) -> f64 {
    0.05 * step.effort()
}

static VELOCITY: Rules =
    rules(&["velocity"], |step| -(step.velocity() - step.task[0]).abs() - cost(step));

static DIRECTION: Rules = rules(&["direction"], |step| step.task[0] * step.velocity() - cost(step));

static MULTI_TASK: Rules = rules(&["base_task", "specification"], |step| {
    let [kind, target] = [step.task[0], step.task[1]];
    let kind = KINDS.iter().find(|other| other.label == kind);
    kind.map_or(f64::NAN, |kind| (kind.reward)(step, target)) - cost(step)
});

/// A kind of task, which the source calls a base task.
struct Kind {
    /// Its parameter `base_task`, as in the source.
    label: f64,
    /// The reward for a step without the cost of control, given the parameter `specification`.
    reward: fn(step: &Moment<'_>, target: f64) -> f64,
    /// The specifications of `count` tasks.
    targets: fn(count: u32, random: &mut NumpyRandom) -> Vec<f64>,
}

/// Run at 1 to 3 m/s, run backward or forward, stay at a goal in U(-5, 5) m, flip backward or
/// forward, jump. There are equally many tasks of each kind, 12 for training and 6 for testing;
/// where a kind has fewer different ones, they repeat.
static KINDS: [Kind; 5] = [
    Kind {
        label: 1.0,
        reward: |step, target| -(step.velocity() - target).abs(),
        targets: |count, _| (0..count).map(|i| 1.0 + 2.0 * share(i, count)).collect(),
    },
    Kind {
        label: 2.0,
        reward: |step, target| target * step.velocity(),
        targets: |count, _| halves(count),
    },
    Kind {
        label: 3.0,
        reward: |step, target| -(step.after[0] - target).abs(),
        targets: |count, random| (0..count).map(|_| random.uniform(-5.0, 5.0)).collect(),
    },
    Kind {
        label: 4.0,
        reward: |step, target| target * (step.after[2] - step.before[2]) / step.seconds,
        targets: |count, _| halves(count),
    },
    Kind {
        label: 5.0,
        reward: |step, _| step.after[1],
        targets: |count, _| vec![0.0; count as usize],
    },
];

/// 0 for the first of `count`, 1 for the last.
fn share(index: u32, count: u32) -> f64 {
    f64::from(index) / f64::from(count - 1)
}

/// -1 for the first half, then +1.
fn halves(count: u32) -> Vec<f64> {
    (0..count).map(|i| if 2 * i < count { -1.0 } else { 1.0 }).collect()
}

fn multi_tasks(split: Split) -> Vec<Vec<f64>> {
    let mut random = NumpyRandom::new(1337);
    let mut of = |count| -> Vec<Vec<f64>> {
        let mut tasks = vec![];
        for kind in &KINDS {
            let targets = (kind.targets)(count, &mut random);
            tasks.extend(targets.into_iter().map(|target| vec![kind.label, target]));
        }
        tasks
    };
    let train = of(12);
    let mut all = train.clone();
    all.extend(of(6));
    split_off(all, train.len(), split)
}

macro_rules! kinds {
    () => {
        "base_task 1: v* in 1 to 3 m/s; 2: d = ±1; 3: g ~ U(-5, 5) m; 4: flip f = ±1; 5: jump; \
         12 train and 6 test of each"
    };
}

const CARD: Card = Card {
    observation: "qpos without x (8), torso position (3), qvel (9)",
    action: "torques of 6 joints",
    tasks: "",
    start: "U(±0.1) around the standing pose, velocities 0.1·N(0, 1)",
    reward: "",
    end: "never",
    source: super::SOURCE,
    differences: "",
};

const STATIONARY_VEL_FAMILY: Family = Family {
    name: "cheetah-stationary-vel",
    summary: "HalfCheetah runs forward at a target velocity between 0 and 3 m/s.",
    horizon: SHORT,
    tasks: |split| velocities(split, 0.0, 3.0),
    rules: &VELOCITY,
    card: Card {
        tasks: "v* ~ U(0, 3) m/s, NumPy seed 1337; 100 train, 30 test",
        reward: "-abs(v - v*) - 0.05 ‖a‖²",
        differences: super::HELD_OUT,
        ..CARD
    },
};

const STATIONARY_DIR_FAMILY: Family = Family {
    name: "cheetah-stationary-dir",
    summary: "HalfCheetah runs backward or forward.",
    horizon: SHORT,
    tasks: directions,
    rules: &DIRECTION,
    card: Card {
        tasks: "d = -1 and +1, both for training and for testing",
        reward: "d·v - 0.05 ‖a‖²",
        ..CARD
    },
};

const STATIONARY_MULTI_TASK_FAMILY: Family = Family {
    name: "cheetah-stationary-multi-task",
    summary: "HalfCheetah runs at a velocity, runs in a direction, stays at a goal, flips or jumps.",
    horizon: SHORT,
    tasks: multi_tasks,
    rules: &MULTI_TASK,
    card: Card {
        tasks: kinds!(),
        reward: "1: -abs(v - v*); 2: d·v; 3: -abs(x - g); 4: f·ω; 5: z; all - 0.05 ‖a‖²",
        differences: "goals reward -abs(x - g), not x - g, which has no end; test goals are drawn after the training goals (in the source they repeat them)",
        ..CARD
    },
};

pub(super) static STATIONARY_VEL: Family = STATIONARY_VEL_FAMILY;
pub(super) static STATIONARY_DIR: Family = STATIONARY_DIR_FAMILY;
pub(super) static STATIONARY_MULTI_TASK: Family = STATIONARY_MULTI_TASK_FAMILY;

static FASTER_OR_SLOWER: Family = Family {
    name: "cheetah-non-stationary-vel",
    summary: "HalfCheetah runs at a target velocity that changes every 10 to 11 m.",
    horizon: LONG,
    tasks: |split| velocities(split, 0.5, 3.0),
    card: Card {
        tasks: "v* ~ U(0.5, 3) m/s, NumPy seed 1337; 100 train, 30 test; any of the list, also the same again, every 10 + U(0, 1) m",
        ..STATIONARY_VEL_FAMILY.card
    },
    ..STATIONARY_VEL_FAMILY
};

static TO_AND_FRO: Family = Family {
    name: "cheetah-non-stationary-dir",
    summary: "HalfCheetah runs in a direction that turns around every 10 to 12 m.",
    horizon: LONG,
    card: Card {
        tasks: "d = -1 and +1, both for training and for testing; the other every 10 + U(0, 2) m",
        differences: super::EVEN_LEGS,
        ..STATIONARY_DIR_FAMILY.card
    },
    ..STATIONARY_DIR_FAMILY
};

static THIS_AND_THAT: Family = Family {
    name: "cheetah-non-stationary-multi-task",
    summary: "HalfCheetah does one of five kinds of task, drawn anew every 200 steps.",
    horizon: LONG,
    card: Card {
        tasks: concat!(kinds!(), "; any of the list, also the same again, every 200 steps"),
        ..STATIONARY_MULTI_TASK_FAMILY.card
    },
    ..STATIONARY_MULTI_TASK_FAMILY
};

pub(super) static NON_STATIONARY_VEL: NonStationary<&Family> =
    changing(&FASTER_OR_SLOWER, by_place(10.0, 1.0));
pub(super) static NON_STATIONARY_DIR: NonStationary<&Family> =
    changing(&TO_AND_FRO, in_order(by_place(10.0, 2.0)));
pub(super) static NON_STATIONARY_MULTI_TASK: NonStationary<&Family> =
    changing(&THIS_AND_THAT, by_time(200));

static VELOCITY_AFTER_VELOCITY: Family = Family {
    name: "cheetah-continuous-learning-vel",
    summary: "HalfCheetah runs at one target velocity after the other, 10 to 11 m each.",
    card: Card {
        tasks: "v* ~ U(0.5, 3) m/s, NumPy seed 1337; 100 train, 30 test; the next of the list every 10 + U(0, 1) m",
        ..STATIONARY_VEL_FAMILY.card
    },
    horizon: LONG,
    tasks: |split| velocities(split, 0.5, 3.0),
    ..STATIONARY_VEL_FAMILY
};

static ONE_THEN_THE_OTHER: Family = Family {
    name: "cheetah-continuous-learning-dir",
    summary: "HalfCheetah runs one way for 20 to 21 m, then the other way.",
    horizon: LONG,
    card: Card {
        tasks: "d = -1 and +1, both for training and for testing; the other every 20 + U(0, 1) m",
        differences: "an episode may start with either direction (in the source with -1); the place of a change is measured from the last one, not from the origin",
        ..STATIONARY_DIR_FAMILY.card
    },
    ..STATIONARY_DIR_FAMILY
};

static TASK_AFTER_TASK: Family = Family {
    name: "cheetah-continuous-learning-multi-task",
    summary: "HalfCheetah does one task of the list after the other, 200 steps each.",
    horizon: LONG,
    card: Card {
        tasks: concat!(kinds!(), "; the next of the list every 200 steps"),
        ..STATIONARY_MULTI_TASK_FAMILY.card
    },
    ..STATIONARY_MULTI_TASK_FAMILY
};

pub(super) static CONTINUAL_VEL: NonStationary<&Family> =
    changing(&VELOCITY_AFTER_VELOCITY, in_order(by_place(10.0, 1.0)));
pub(super) static CONTINUAL_DIR: NonStationary<&Family> =
    changing(&ONE_THEN_THE_OTHER, in_order(by_place(20.0, 1.0)));
pub(super) static CONTINUAL_MULTI_TASK: NonStationary<&Family> =
    changing(&TASK_AFTER_TASK, in_order(by_time(200)));
