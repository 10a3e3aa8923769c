//! A body under Gymnasium's rules whose physics are those of a context.

use super::physics::Physics;
use crate::Error;
use crate::bodies::Standard;
use crate::body::Body;
use crate::carl::context::{self, Feature};
use crate::env::{self, Card, Env, Step, TaskFamily, split_off};
use crate::numpy::NumpyRandom;
use crate::picture::Scene;
use rand_chacha::ChaCha8Rng;
use std::marker::PhantomData;
use types::{EnvSpec, Split, Task};

const TASKS: usize = 120;
const TRAIN_TASKS: usize = 100;

/// The body and the rules of `S` with the features of a context.
#[derive(Debug, Clone, Copy)]
pub struct Contextual<S> {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    pub(super) card: Card,
    pub(super) features: &'static [Feature],
    pub(super) rules: PhantomData<fn() -> S>,
}

/// What the cards of all these families have in common.
pub(super) const CARD: Card = Card {
    observation: "",
    action: "",
    tasks: "each feature its default times U(0.5, 1.5), NumPy seed 1337; 100 train, 20 test",
    start: "",
    reward: "",
    end: "never",
    source: "CARL (arXiv 2202.04500), Gymnasium 1.4.0 (v5)",
    differences: "MuJoCo instead of Brax: masses and gravity default to those of the MuJoCo model, \
                  friction, damping and strength are factors on its values; inertia goes with mass",
};

impl<S: Standard> TaskFamily for Contextual<S> {
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
        EnvSpec::new(S::OBSERVATION, S::PLAN.motors, S::HORIZON)
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        let mut random = NumpyRandom::new(1337);
        let mut draw = |feature: &Feature| feature.default * random.uniform(0.5, 1.5);
        let contexts = (0..TASKS).map(|_| self.features.iter().map(&mut draw).collect()).collect();
        context::tasks(self.features, split, split_off(contexts, TRAIN_TASKS, split))
    }

    fn features(&self) -> &'static [Feature] {
        self.features
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        let body = S::build()?;
        let physics = Physics::new(self.features, body.simulation())?;
        Ok(Box::new(Player::<S> { body, physics, started: false, rules: PhantomData }))
    }
}

struct Player<S> {
    body: Body,
    physics: Physics,
    started: bool,
    rules: PhantomData<fn() -> S>,
}

impl<S: Standard> Env for Player<S> {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        env::check_len("observation", S::OBSERVATION, observation.len())?;
        self.physics.apply(task, self.body.simulation_mut())?;
        S::reset(&mut self.body, rng);
        self.started = true;
        env::observe(observation, S::observation(&self.body))
    }

    fn step(
        &mut self,
        action: &[f32],
        _rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        env::check_len("observation", S::OBSERVATION, observation.len())?;
        if !self.started {
            return Err(Error::NotReset);
        }
        let outcome = S::step(&mut self.body, action)?;
        env::observe(observation, S::observation(&self.body))?;
        let reward = outcome.reward;
        Ok(Step { reward, shaped_reward: reward, terminated: outcome.terminated })
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        // A change to the same physics is none, and must not be felt.
        if self.physics.apply(task, self.body.simulation_mut())? {
            self.body.simulation_mut().forward();
        }
        Ok(())
    }

    fn position(&self) -> Option<f64> {
        Some(S::place(&self.body))
    }

    fn scene(&mut self) -> Scene<'_> {
        Scene::Physics(self.body.simulation_mut())
    }
}
