//! Families of walking bodies: what they are made from, and the rules of change that CEMRL uses.

use crate::Error;
use crate::cemrl::walk::{Rules, Walk};
use crate::env::{Card, Env, TaskFamily, split_off};
use crate::numpy::NumpyRandom;
use crate::wrappers::NonStationary;
use types::{Change, EnvSpec, Next, Parameter, Split, Task, TaskRef, When};

/// Steps of an episode with one task.
pub(crate) const SHORT: usize = 200;

/// Steps of an episode in which the task changes.
pub(crate) const LONG: usize = 800;

/// A family with one task per episode, or what a changing one is put around.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) horizon: usize,
    /// The values of the parameters of each task of a split.
    pub(crate) tasks: fn(Split) -> Vec<Vec<f64>>,
    pub(crate) rules: &'static Rules,
    pub(crate) card: Card,
}

/// The family whose tasks are those of `family` and change within an episode.
pub(crate) const fn changing(
    family: &'static Family,
    change: Change,
) -> NonStationary<&'static Family> {
    NonStationary { name: family.name, summary: family.summary, family, change }
}

/// Changes to some task of the split after each `every` to `every + jitter` metres.
pub(crate) const fn by_place(every: f64, jitter: f64) -> Change {
    Change { when: When::Place { every, jitter }, next: Next::Random }
}

/// Changes to some task of the split after each `every` steps.
pub(crate) const fn by_time(every: u32) -> Change {
    Change { when: When::Time { every }, next: Next::Random }
}

/// Once 101 steps have passed since the last change, changes to some task of the split with a
/// probability of 0.01 per step.
pub(crate) const BY_CHANCE: Change =
    Change { when: When::Chance { after: 101, probability: 0.01 }, next: Next::Random };

/// The same at the same times, but through the tasks in order.
pub(crate) const fn in_order(change: Change) -> Change {
    Change { next: Next::InOrder, ..change }
}

/// Target velocities ~ U(`low`, `high`), m/s, as NumPy draws them with seed 1337: the first 100 are
/// for training, 30 more for testing.
pub(crate) fn velocities(split: Split, low: f64, high: f64) -> Vec<Vec<f64>> {
    let mut random = NumpyRandom::new(1337);
    let all = (0..130).map(|_| vec![random.uniform(low, high)]).collect();
    split_off(all, 100, split)
}

/// Backward and forward, for training as for testing: there is nothing beyond these.
pub(crate) fn directions(_: Split) -> Vec<Vec<f64>> {
    vec![vec![-1.0], vec![1.0]]
}

impl TaskFamily for Family {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn card(&self) -> Card {
        self.card
    }

    fn spec(&self) -> EnvSpec {
        EnvSpec::new(self.rules.observation_dim, self.rules.action_dim, self.horizon)
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        let parameter = |(name, value): (&&str, f64)| Parameter { name: (*name).to_owned(), value };
        let task = |(index, values): (u32, Vec<f64>)| Task {
            id: TaskRef { split, index },
            parameters: self.rules.parameters.iter().zip(values).map(parameter).collect(),
        };
        (0..).zip((self.tasks)(split)).map(task).collect()
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        Ok(Box::new(Walk::new(self.rules)?))
    }
}
