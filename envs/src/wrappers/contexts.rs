//! Contexts of one's own.

use crate::Error;
use crate::carl::context::{self, Feature};
use crate::env::{Card, Env, Oracle, TaskFamily};
use crate::numpy::NumpyRandom;
use types::{ContextSet, Contexts, EnvSpec, Scale, Split, Task, Values};

/// A family with other lists of contexts to train and to test on.
#[derive(Debug, Clone)]
pub struct Contextual<F> {
    family: F,
    train: Vec<Task>,
    test: Vec<Task>,
}

impl<F: TaskFamily> Contextual<F> {
    /// Draws the contexts: context by context, in the order of the family's features, with NumPy's
    /// legacy generator.
    ///
    /// # Errors
    /// [`Error::NoFeatures`] where physics do not vary, [`Error::NoSuchParameter`] for a feature that
    /// the family does not have, [`Error::OutOfBounds`] for a range or value that it cannot have, and
    /// [`Error::Values`] for a list of another length.
    pub fn new(family: F, contexts: &Contexts) -> Result<Self, Error> {
        let plan = Plan { family: family.name(), features: family.features() };
        if plan.features.is_empty() {
            return Err(Error::NoFeatures { family: plan.family });
        }
        let mut random = NumpyRandom::new(contexts.seed);
        let train = plan.tasks(&contexts.train, Split::Train, &mut random)?;
        let test = plan.tasks(&contexts.test, Split::Test, &mut random)?;
        Ok(Self { family, train, test })
    }
}

/// What contexts are checked against.
struct Plan {
    family: &'static str,
    features: &'static [Feature],
}

impl Plan {
    fn tasks(
        &self,
        set: &ContextSet,
        split: Split,
        random: &mut NumpyRandom,
    ) -> Result<Vec<Task>, Error> {
        self.check(set)?;
        let mut value = |index: u32, feature: &Feature| match set.features.get(feature.name) {
            None => feature.default,
            Some(Values::List { values }) => values[index as usize],
            Some(&Values::Range { low, high, scale: Scale::Linear }) => random.uniform(low, high),
            Some(&Values::Range { low, high, scale: Scale::Log }) => {
                // Rounding must not lead out of the range.
                random.uniform(low.ln(), high.ln()).exp().clamp(low, high)
            }
        };
        let context = |index| self.features.iter().map(|f| value(index, f)).collect();
        Ok(context::tasks(self.features, split, (0..set.count).map(context).collect()))
    }

    /// Refuses what no context of this family can be.
    fn check(&self, set: &ContextSet) -> Result<(), Error> {
        for (name, values) in &set.features {
            let feature = self.feature(name)?;
            match values {
                Values::Range { low, high, .. } => {
                    self.check_bounds(feature, *low)?;
                    self.check_bounds(feature, *high)?;
                }
                Values::List { values } => {
                    self.check_count(feature, set.count, values.len())?;
                    values.iter().try_for_each(|&value| self.check_bounds(feature, value))?;
                }
            }
        }
        Ok(())
    }

    fn feature(&self, name: &str) -> Result<&'static Feature, Error> {
        self.features.iter().find(|feature| feature.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.features.iter().map(|feature| feature.name).collect();
            Error::NoSuchParameter {
                family: self.family,
                name: name.to_owned(),
                known: known.join(", "),
            }
        })
    }

    fn check_bounds(&self, feature: &Feature, value: f64) -> Result<(), Error> {
        let Feature { name, low, high, .. } = *feature;
        if value.is_finite() && (low..=high).contains(&value) {
            return Ok(());
        }
        Err(Error::OutOfBounds { family: self.family, feature: name, low, high, got: value })
    }

    fn check_count(&self, feature: &Feature, expected: u32, got: usize) -> Result<(), Error> {
        if got == expected as usize {
            return Ok(());
        }
        Err(Error::Values { family: self.family, feature: feature.name, expected, got })
    }
}

impl<F: TaskFamily> TaskFamily for Contextual<F> {
    fn name(&self) -> &'static str {
        self.family.name()
    }

    fn summary(&self) -> &'static str {
        self.family.summary()
    }

    fn card(&self) -> Card {
        self.family.card()
    }

    fn spec(&self) -> EnvSpec {
        self.family.spec()
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        match split {
            Split::Train => self.train.clone(),
            Split::Test => self.test.clone(),
        }
    }

    fn features(&self) -> &'static [Feature] {
        self.family.features()
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        self.family.make()
    }

    fn oracle(&self, task: &Task) -> Option<Box<dyn Oracle>> {
        self.family.oracle(task)
    }
}
