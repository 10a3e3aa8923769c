//! From features to tasks and back.

use crate::Error;
use crate::carl::context::Feature;
use crate::env;
use crate::numpy::NumpyRandom;
use types::{Split, Task};

/// Tasks to train on.
pub(super) const TRAIN: usize = 100;

/// Test tasks for each feature that varies.
pub(super) const TEST: u32 = 10;

/// Factors of a feature's default in training.
pub(super) const FACTORS: [f64; 2] = [0.1, 2.2];

/// Seed of the training tasks.
const SEED: u32 = 1337;

pub(super) const fn feature(name: &'static str, default: f64, low: f64, high: f64) -> Feature {
    Feature { name, default, low, high }
}

/// The values of all `features` in `task`.
pub(super) fn read<const N: usize>(
    features: &[Feature; N],
    task: &Task,
) -> Result<[f64; N], Error> {
    let mut values = [0.0; N];
    for (slot, feature) in values.iter_mut().zip(features) {
        *slot = env::parameter(task, feature.name)?;
        if !(feature.low..=feature.high).contains(slot) {
            return Err(Error::Parameter {
                task: task.id,
                name: feature.name,
                got: format!("{slot}, which is not in [{}, {}]", feature.low, feature.high),
            });
        }
    }
    Ok(values)
}

/// The tasks of a split in which the features called `varying` vary and all others have their
/// defaults. Training: all of them at once, each with a factor of its own. Test: one after the
/// other, evenly from half the lowest factor to twice the highest one. Where a feature's bounds
/// are narrower, values lie between those.
pub(super) fn tasks<const N: usize>(
    features: &[Feature; N],
    varying: &[&str],
    split: Split,
) -> Vec<Task> {
    let varying: Vec<usize> =
        (0..N).filter(|&index| varying.contains(&features[index].name)).collect();
    let defaults = features.map(|feature| feature.default);
    let contexts = match split {
        Split::Train => train(features, &varying, defaults),
        Split::Test => test(features, &varying, defaults),
    };
    env::enumerate(split, features.map(|feature| feature.name), contexts)
}

fn train<const N: usize>(
    features: &[Feature; N],
    varying: &[usize],
    defaults: [f64; N],
) -> Vec<[f64; N]> {
    let mut random = NumpyRandom::new(SEED);
    let mut context = || {
        let mut values = defaults;
        for &index in varying {
            let [low, high] = range(&features[index], FACTORS);
            values[index] = random.uniform(low, high);
        }
        values
    };
    (0..TRAIN).map(|_| context()).collect()
}

fn test<const N: usize>(
    features: &[Feature; N],
    varying: &[usize],
    defaults: [f64; N],
) -> Vec<[f64; N]> {
    let beyond = [FACTORS[0] / 2.0, FACTORS[1] * 2.0];
    let of_feature = |&index: &usize| {
        let [low, high] = range(&features[index], beyond);
        (0..TEST).map(move |step| {
            let mut values = defaults;
            values[index] = low + (high - low) * f64::from(step) / f64::from(TEST - 1);
            values
        })
    };
    varying.iter().flat_map(of_feature).collect()
}

/// What a feature can be between two factors of its default, the first factor's value first.
fn range(feature: &Feature, factors: [f64; 2]) -> [f64; 2] {
    factors.map(|factor| (factor * feature.default).clamp(feature.low, feature.high))
}
