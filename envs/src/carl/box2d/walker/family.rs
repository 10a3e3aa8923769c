//! The walker's task family.

use super::super::features;
use super::context::{Context, FEATURES};
use super::walk::Walk;
use crate::Error;
use crate::carl::context::Feature;
use crate::env::{self, Card, Env, Step, TaskFamily};
use crate::picture::Scene;
use rand_chacha::ChaCha8Rng;
use types::{EnvSpec, Split, Task};

const SPEC: EnvSpec = EnvSpec::new(24, 4, 1600);

/// The family `carl-bipedal-walker`.
#[derive(Debug, Clone, Copy)]
pub struct CarlBipedalWalker;

impl TaskFamily for CarlBipedalWalker {
    fn name(&self) -> &'static str {
        "carl-bipedal-walker"
    }

    fn summary(&self) -> &'static str {
        "BipedalWalker under gravities and on frictions that differ."
    }

    fn card(&self) -> Card {
        Card {
            observation: "angle, angular velocity, vx, vy of the hull; hip angle and speed, knee \
                angle and speed, on the ground, for each leg (10); lidar (10)",
            action: "hip, knee of each leg: direction and share of the motor's torque",
            tasks: "20 features of CARL; GRAVITY_Y and FRICTION vary, the others have their \
                defaults; 100 train: U(-20, -1) m/s² and U(0.25, 5.5), NumPy seed 1337: from 0.1 to \
                2.2 times the defaults of -10 and 2.5, with the ends moved within CARL's bounds before \
                drawing, so that no values pile up at a bound; 20 test: GRAVITY_Y evenly from -0.5 \
                to -20, then FRICTION evenly from 0.125 to 10",
            start: "standing on flat ground, pushed by a force of U(±5) N; the ground is random",
            reward: "Δφ - 0.00035 · torque · Σ abs(a), with φ = 130 x/30 - 5 abs(angle); -100 for \
                a fall",
            end: "the hull touches the ground, x < 0, or the finish is reached",
            source: "CARL (arXiv 2202.04500); Gymnasium's BipedalWalker-v3",
            differences: "TERRAIN_HEIGHT has Gymnasium's default, 400/30/4, for which CARL has 5; \
                each episode has a world of its own, where Gymnasium empties one",
        }
    }

    fn spec(&self) -> EnvSpec {
        SPEC
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        features::tasks(&FEATURES, &["GRAVITY_Y", "FRICTION"], split)
    }

    fn features(&self) -> &'static [Feature] {
        &FEATURES
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        Ok(Box::new(WalkerEnv { walk: None }))
    }
}

struct WalkerEnv {
    walk: Option<Walk>,
}

impl Env for WalkerEnv {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        env::check_len("observation", SPEC.observation_dim, observation.len())?;
        let walk = self.walk.insert(Walk::start(Context::of(task)?, rng)?);
        env::observe(observation, walk.state().iter().copied())
    }

    fn step(
        &mut self,
        action: &[f32],
        _rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        env::check_len("observation", SPEC.observation_dim, observation.len())?;
        let action = env::clipped(action)?;
        let walk = self.walk.as_mut().ok_or(Error::NotReset)?;
        let outcome = walk.step(action)?;
        env::observe(observation, walk.state().iter().copied())?;
        let reward = outcome.reward;
        Ok(Step { reward, shaped_reward: reward, terminated: outcome.terminated })
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        let context = Context::of(task)?;
        self.walk.as_mut().ok_or(Error::NotReset)?.switch(&context);
        Ok(())
    }

    fn position(&self) -> Option<f64> {
        self.walk.as_ref().map(Walk::place)
    }

    fn scene(&mut self) -> Scene<'_> {
        self.walk.as_ref().map_or(Scene::None, |walk| Scene::Drawing(walk.draw()))
    }
}
