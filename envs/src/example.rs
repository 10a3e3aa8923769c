//! `windy-cart`: hold a cart in place against a wind that has to be felt.
//!
//! | | |
//! |---|---|
//! | tasks | winds w ~ U(-0.5, 0.5) m/s², NumPy seed 1337; the first 20 train, the last 5 test |
//! | start | x ~ U(-1, 1) m, at rest |
//! | reward | -\|x\| after the step |
//! | horizon | 50 |

use crate::Error;
use crate::env::{self, Card, Env, Step, TaskFamily};
use crate::numpy::NumpyRandom;
use crate::picture::{Colour, Drawing, Scene, View};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use types::{EnvSpec, Split, Task};

/// Name of the parameter of a task: the acceleration by the wind, m/s².
const WIND: &str = "wind";

const TASKS: usize = 25;
const TRAIN_TASKS: usize = 20;

/// Duration of a step, s.
const STEP: f64 = 0.1;

/// The family `windy-cart`.
#[derive(Debug, Clone, Copy)]
pub struct WindyCart;

impl TaskFamily for WindyCart {
    fn name(&self) -> &'static str {
        "windy-cart"
    }

    fn summary(&self) -> &'static str {
        "A cart on a rail stays in the middle against a wind that it does not see."
    }

    fn card(&self) -> Card {
        Card {
            observation: "position x, velocity",
            action: "acceleration, 1 m/s² at most",
            tasks: "wind w ~ U(-0.5, 0.5) m/s², NumPy seed 1337; 20 train, 5 test",
            start: "x ~ U(-1, 1) m, at rest",
            reward: "-abs(x) after the step",
            end: "never",
            source: "docs/extending.md",
            differences: "",
        }
    }

    fn spec(&self) -> EnvSpec {
        EnvSpec::new(2, 1, 50)
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        let mut random = NumpyRandom::new(1337);
        let winds = (0..TASKS).map(|_| [random.uniform(-0.5, 0.5)]).collect();
        env::enumerate(split, [WIND], env::split_off(winds, TRAIN_TASKS, split))
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        Ok(Box::new(Cart { place: 0.0, velocity: 0.0, wind: None }))
    }
}

#[derive(Debug)]
struct Cart {
    /// m
    place: f64,
    /// m/s
    velocity: f64,
    /// m/s²; `None` before the first reset.
    wind: Option<f64>,
}

impl Env for Cart {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        self.wind = Some(env::parameter(task, WIND)?);
        self.place = rng.random_range(-1.0..1.0);
        self.velocity = 0.0;
        env::observe(observation, [self.place, self.velocity])
    }

    fn step(
        &mut self,
        action: &[f32],
        _rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        // What can be wrong is found before anything changes.
        env::check_len("observation", 2, observation.len())?;
        let [push] = env::clipped(action)?;
        let wind = self.wind.ok_or(Error::NotReset)?;
        self.velocity += STEP * (push + wind);
        self.place += STEP * self.velocity;
        env::observe(observation, [self.place, self.velocity])?;
        let reward = -self.place.abs();
        Ok(Step { reward, shaped_reward: reward, terminated: false })
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        self.wind = Some(env::parameter(task, WIND)?);
        Ok(())
    }

    fn scene(&mut self) -> Scene<'_> {
        let wind = self.wind.unwrap_or_default();
        let drawing = Drawing::new(View { x: [-3.0, 3.0], y: [-1.0, 1.5] })
            .line([-3.0, 0.0], [3.0, 0.0], 0.04, Colour::GREY)
            .disc([0.0, 0.0], 0.08, Colour::GREEN)
            .line([0.0, 1.0], [2.0 * wind, 1.0], 0.06, Colour::ORANGE)
            .disc([self.place, 0.1], 0.15, Colour::BLUE);
        Scene::Drawing(drawing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Role, stream};

    #[test]
    fn a_cart_that_counters_the_wind_stays_where_it_is() -> Result<(), Error> {
        let mut env = WindyCart.make()?;
        let mut rng = stream(1, Role::Environment, 0, 0);
        for task in WindyCart.tasks(Split::Test) {
            let mut observation = [0.0; 2];
            env.reset(&task, &mut rng, &mut observation)?;
            let start = observation;
            let counter = -env::narrow(env::parameter(&task, WIND)?);
            for _ in 0..50 {
                let step = env.step(&[counter], &mut rng, &mut observation)?;
                assert!((step.reward + f64::from(start[0].abs())).abs() < 1e-6, "{step:?}");
            }
        }
        Ok(())
    }
}
