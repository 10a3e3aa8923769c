//! Classic control: CartPole, Pendulum, MountainCar, Acrobot.
//!
//! Each is a `Physics`: a context turned into constants once, and a step. Everything else is the
//! same for all of them.

mod physics;
mod hill;
mod cart_pole;
mod pendulum;
mod mountain_car;
mod mountain_car_continuous;
mod acrobot;

use crate::Error;
use crate::carl::context::{Feature, Variation};
use crate::env::{Card, Env, TaskFamily};
use types::{EnvSpec, Split, Task};

/// A family of classic control.
#[derive(Debug, Clone, Copy)]
pub struct Classic {
    name: &'static str,
    summary: &'static str,
    card: Card,
    spec: EnvSpec,
    features: &'static [Feature],
    variation: Variation,
    make: fn() -> Box<dyn Env>,
}

/// All of them.
pub(crate) static FAMILIES: &[&dyn TaskFamily] = &[
    &cart_pole::DISCRETE,
    &cart_pole::CONTINUOUS,
    &pendulum::FAMILY,
    &mountain_car::FAMILY,
    &mountain_car_continuous::FAMILY,
    &acrobot::FAMILY,
];

impl TaskFamily for Classic {
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
        self.spec
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        self.variation.tasks(self.features, split)
    }

    fn features(&self) -> &'static [Feature] {
        self.features
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        Ok((self.make)())
    }
}
