//! The lander's task families.

use super::super::features;
use super::context::{Context, FEATURES};
use super::flight::Flight;
use super::thrust::{CHOICES, THROTTLES, Thrust};
use crate::Error;
use crate::carl::context::Feature;
use crate::env::{self, Card, Env, Step, TaskFamily};
use crate::picture::Scene;
use rand_chacha::ChaCha8Rng;
use types::{EnvSpec, Split, Task};

const HORIZON: usize = 1000;
const OBSERVATION: usize = 8;

const TASKS: &str = "16 features of CARL; GRAVITY_Y varies, the others have their defaults; 100 \
    train: U(-20, -1) m/s², NumPy seed 1337: from 0.1 to 2.2 times the default of -10, with the ends \
    moved within CARL's bounds before drawing, so that no values pile up at a bound; 10 test: evenly \
    from -0.5 to -20, the bound again";

const CARD: Card = Card {
    observation: "x, y (2), their velocities (2), angle, angular velocity, legs on the ground (2)",
    action: "",
    tasks: TASKS,
    start: "top centre, pushed by a force of U(±1000) N along each axis, over random ground",
    reward: "Δφ - 0.3 main - 0.03 side, with φ = -100 ‖(x, y)‖ - 100 ‖(vx, vy)‖ - 100 abs(angle) \
        + 10 legs on the ground; -100 for a crash or leaving; +100 for coming to rest",
    end: "crash, abs(x) ≥ 1, or at rest",
    source: "CARL (arXiv 2202.04500); Gymnasium's LunarLander-v3",
    differences: "gravity takes effect (in CARL a reset of recent Gymnasium puts it back); \
        gravities end at CARL's bound of -20; no wind",
};

/// The family `carl-lunar-lander`.
#[derive(Debug, Clone, Copy)]
pub struct CarlLunarLander;

/// The family `carl-lunar-lander-continuous`.
#[derive(Debug, Clone, Copy)]
pub struct CarlLunarLanderContinuous;

impl TaskFamily for CarlLunarLander {
    fn name(&self) -> &'static str {
        "carl-lunar-lander"
    }

    fn summary(&self) -> &'static str {
        "LunarLander with engines on or off, under gravities that differ."
    }

    fn card(&self) -> Card {
        let action = "choice of 4: nothing, left engine, main engine, right engine";
        Card { action, ..CARD }
    }

    fn spec(&self) -> EnvSpec {
        EnvSpec { choice: true, ..EnvSpec::new(OBSERVATION, CHOICES, HORIZON) }
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        tasks(split)
    }

    fn features(&self) -> &'static [Feature] {
        &FEATURES
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        Ok(Box::new(LanderEnv { command: Thrust::chosen, flight: None }))
    }
}

impl TaskFamily for CarlLunarLanderContinuous {
    fn name(&self) -> &'static str {
        "carl-lunar-lander-continuous"
    }

    fn summary(&self) -> &'static str {
        "LunarLander with engines that throttle, under gravities that differ."
    }

    fn card(&self) -> Card {
        let action = "main engine (off below 0, then from 50 % to 100 %), side engines \
            (off within ±0.5, then as much as the action says)";
        Card { action, ..CARD }
    }

    fn spec(&self) -> EnvSpec {
        EnvSpec::new(OBSERVATION, THROTTLES, HORIZON)
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        tasks(split)
    }

    fn features(&self) -> &'static [Feature] {
        &FEATURES
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        Ok(Box::new(LanderEnv { command: Thrust::throttled, flight: None }))
    }
}

fn tasks(split: Split) -> Vec<Task> {
    features::tasks(&FEATURES, &["GRAVITY_Y"], split)
}

/// The environment of both families.
struct LanderEnv {
    command: fn(&[f32]) -> Result<Thrust, Error>,
    flight: Option<Flight>,
}

impl Env for LanderEnv {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        env::check_len("observation", OBSERVATION, observation.len())?;
        let flight = self.flight.insert(Flight::start(Context::of(task)?, rng)?);
        env::observe(observation, flight.state().iter().copied())
    }

    fn step(
        &mut self,
        action: &[f32],
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        env::check_len("observation", OBSERVATION, observation.len())?;
        let thrust = (self.command)(action)?;
        let flight = self.flight.as_mut().ok_or(Error::NotReset)?;
        let outcome = flight.step(thrust, rng)?;
        env::observe(observation, flight.state().iter().copied())?;
        let reward = outcome.reward;
        Ok(Step { reward, shaped_reward: reward, terminated: outcome.terminated })
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        let context = Context::of(task)?;
        self.flight.as_mut().ok_or(Error::NotReset)?.switch(&context);
        Ok(())
    }

    fn scene(&mut self) -> Scene<'_> {
        self.flight.as_ref().map_or(Scene::None, |flight| Scene::Drawing(flight.draw()))
    }
}
