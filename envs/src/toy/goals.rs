//! Where goals are, and where episodes start.
//!
//! SMRL draws goals from Gym's observation space without a seed. Here the distributions are the
//! same, and the numbers come from NumPy's legacy generator with seed 1337, training goals first.

use crate::Error;
use crate::env;
use crate::numpy::NumpyRandom;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use types::{Split, Task};

/// Training tasks of every family.
const TRAIN: u32 = 100;

/// Test tasks of every family.
const TEST: u32 = 25;

/// How goals are spread along each axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goals {
    /// U(low, high).
    Uniform {
        /// Least coordinate.
        low: f64,
        /// Greatest coordinate.
        high: f64,
    },
    /// N(0, scale²).
    Normal {
        /// Standard deviation.
        scale: f64,
    },
    /// Evenly over [-1, 1]: with both ends for training, and in the middles of 25 equal parts for
    /// testing, so that no goal is in both lists.
    Even,
    /// U(0, 1) for training, U(-1, 1) for testing.
    OneSided,
}

/// Where an episode starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Start {
    /// At the origin.
    Origin,
    /// U(-x, x) along each axis.
    Uniform(f64),
    /// N(0, x²) along each axis.
    Normal(f64),
}

impl Start {
    /// A position of rest.
    pub(crate) fn sample<const N: usize>(self, rng: &mut ChaCha8Rng) -> [f64; N] {
        std::array::from_fn(|_| match self {
            Self::Origin => 0.0,
            Self::Uniform(most) => rng.random_range(-most..=most),
            Self::Normal(scale) => {
                let number: f64 = rng.sample(StandardNormal);
                scale * number
            }
        })
    }
}

/// The names of the coordinates of a goal on a line or on a plane.
const fn names<const N: usize>() -> &'static [&'static str] {
    if N == 1 { &["goal"] } else { &["goal_x", "goal_y"] }
}

/// The goal of `task`.
pub(crate) fn goal<const N: usize>(task: &Task) -> Result<[f64; N], Error> {
    let mut goal = [0.0; N];
    for (coordinate, name) in goal.iter_mut().zip(names::<N>()) {
        *coordinate = env::parameter(task, name)?;
    }
    Ok(goal)
}

/// The tasks of `split`, with goals in `N` dimensions.
pub(crate) fn tasks<const N: usize>(goals: Goals, split: Split) -> Vec<Task> {
    env::enumerate_rows(split, names::<N>(), lists::<N>(goals, &mut NumpyRandom::new(1337), split))
}

/// As [`tasks`] on a line; each also has a `multiplier` ~ U(low, high), drawn after all goals.
pub(crate) fn tasks_with_multiplier(
    goals: Goals,
    [low, high]: [f64; 2],
    split: Split,
) -> Vec<Task> {
    let mut random = NumpyRandom::new(1337);
    let goals = lists::<1>(goals, &mut random, split);
    let multipliers: Vec<f64> = (0..TRAIN + TEST).map(|_| random.uniform(low, high)).collect();
    let rows = goals.into_iter().zip(of_split(multipliers, split)).map(|([goal], m)| [goal, m]);
    env::enumerate(split, ["goal", MULTIPLIER], rows)
}

/// The parameter that [`tasks_with_multiplier`] adds.
pub(crate) const MULTIPLIER: &str = "multiplier";

fn of_split<T>(all: Vec<T>, split: Split) -> Vec<T> {
    env::split_off(all, TRAIN as usize, split)
}

fn lists<const N: usize>(goals: Goals, random: &mut NumpyRandom, split: Split) -> Vec<[f64; N]> {
    let goal = |index: u32| -> [f64; N] {
        let train = index < TRAIN;
        std::array::from_fn(|_| match goals {
            Goals::Uniform { low, high } => random.uniform(low, high),
            Goals::Normal { scale } => random.normal(0.0, scale),
            Goals::OneSided => random.uniform(if train { 0.0 } else { -1.0 }, 1.0),
            Goals::Even if train => -1.0 + 2.0 * f64::from(index) / f64::from(TRAIN - 1),
            Goals::Even => -1.0 + 2.0 * (f64::from(index - TRAIN) + 0.5) / f64::from(TEST),
        })
    };
    of_split((0..TRAIN + TEST).map(goal).collect(), split)
}
