//! Contexts: what of the physics varies, within which bounds, and over which values unless an
//! experiment says otherwise.

use crate::Error;
use crate::env;
use crate::numpy::NumpyRandom;
use types::{Split, Task};

/// Training contexts of a [`Variation::Scaled`].
const TRAIN: usize = 100;

/// Test contexts of a [`Variation::Scaled`], for each feature that varies.
const TEST: u32 = 10;

/// A number of the physics that a task may change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Feature {
    /// Its name in CARL, which is the name of the task's parameter.
    pub name: &'static str,
    /// Its value in the environment as it is known.
    pub default: f64,
    /// The least value it may have.
    pub low: f64,
    /// The greatest value it may have.
    pub high: f64,
}

/// The features of a task, in their order.
pub(crate) fn read<const N: usize>(
    task: &Task,
    features: &'static [Feature; N],
) -> Result<[f64; N], Error> {
    let mut context = [0.0; N];
    for (value, feature) in context.iter_mut().zip(features) {
        *value = env::parameter(task, feature.name)?;
    }
    Ok(context)
}

/// The task list of contexts, each with a value for each of the `features`.
pub(crate) fn tasks(features: &[Feature], split: Split, contexts: Vec<Vec<f64>>) -> Vec<Task> {
    let names: Vec<&str> = features.iter().map(|feature| feature.name).collect();
    env::enumerate_rows(split, &names, contexts)
}

/// A feature that is its default times a random number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scaled {
    pub(crate) feature: &'static str,
    /// Multipliers of training contexts are U(low, high).
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// A feature with a list of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Listed {
    pub(crate) feature: &'static str,
    pub(crate) train: &'static [f64],
    pub(crate) test: &'static [f64],
}

/// The contexts of a family; what does not vary has its default.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Variation {
    /// 100 training contexts, in which all these features vary independently (NumPy seed 1337).
    /// In test contexts one of them varies, evenly from low/2 to 2·high times its default, farther
    /// to both sides than in training; 10 for each.
    Scaled(&'static [Scaled]),
    /// One feature after the other takes the values of its list.
    Listed(&'static [Listed]),
}

impl Variation {
    /// The tasks of `split`.
    pub(crate) fn tasks(&self, features: &[Feature], split: Split) -> Vec<Task> {
        let contexts = match (self, split) {
            (Self::Scaled(scaled), Split::Train) => drawn(features, scaled),
            (Self::Scaled(scaled), Split::Test) => {
                let spaced = |vary: &Scaled| evenly(features, *vary);
                scaled.iter().flat_map(spaced).collect()
            }
            (Self::Listed(lists), split) => {
                let values = |list: &Listed| match split {
                    Split::Train => list.train,
                    Split::Test => list.test,
                };
                let one = |list: &Listed, value| with(features, list.feature, |_| value);
                lists.iter().flat_map(|list| values(list).iter().map(|&v| one(list, v))).collect()
            }
        };
        tasks(features, split, contexts)
    }
}

/// The default context with one feature changed, kept within its bounds.
fn with(features: &[Feature], name: &str, change: impl Fn(f64) -> f64) -> Vec<f64> {
    let value = |feature: &Feature| match feature.name == name {
        true => change(feature.default).clamp(feature.low, feature.high),
        false => feature.default,
    };
    features.iter().map(value).collect()
}

fn drawn(features: &[Feature], scaled: &[Scaled]) -> Vec<Vec<f64>> {
    let mut random = NumpyRandom::new(1337);
    let mut value = |feature: &Feature| {
        let range = scaled.iter().find(|scaled| scaled.feature == feature.name);
        range.map_or(feature.default, |range| {
            let value = random.uniform(range.low * feature.default, range.high * feature.default);
            value.clamp(feature.low, feature.high)
        })
    };
    (0..TRAIN).map(|_| features.iter().map(&mut value).collect()).collect()
}

fn evenly(features: &[Feature], vary: Scaled) -> impl Iterator<Item = Vec<f64>> + '_ {
    let (low, high) = (vary.low / 2.0, vary.high * 2.0);
    let multiplier = move |i| low + f64::from(i) * (high - low) / f64::from(TEST - 1);
    (0..TEST).map(move |i| with(features, vary.feature, |default| multiplier(i) * default))
}
