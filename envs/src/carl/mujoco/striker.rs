//! `striker`: an arm strikes a ball so that it comes to rest in a goal out of reach.
//!
//! | | |
//! |---|---|
//! | tasks | `mass`: factor 8 (s - 0.1) + 1 on the mass of the ball; `damping`: 2 (s - 0.2) + 0.5 of its slides; s of each of 0, 0.1, … 0.4 for training; of 0.05, 0.15, … 0.45 for testing, and of -0.05 for the damping, which is 0 there: nothing slows the ball down |
//! | reward | -3 · distance(ball, goal) - 0.5 · distance(ball, hand or place of the strike) - 0.1 ‖u‖² |
//! | horizon | 200 |
//!
//! EPI (Zhou et al., 2019, arXiv 1907.11740); the body is [`crate::bodies::Striker`].

use super::physics::scale_mass;
use crate::Error;
use crate::bodies;
use crate::carl::context::Feature;
use crate::env::{self, Card, Env, Step, TaskFamily};
use crate::picture::Scene;
use rand_chacha::ChaCha8Rng;
use types::{EnvSpec, Split, Task};

/// The family `striker`.
#[derive(Debug, Clone, Copy)]
pub struct Striker;

const SPEC: EnvSpec = EnvSpec::new(bodies::Striker::OBSERVATION, 7, bodies::Striker::HORIZON);

/// What varies: a factor on the mass of the ball, and its damping, N·s/m.
const FEATURES: [Feature; 2] = [
    Feature { name: "mass", default: 1.0, low: 1e-6, high: f64::INFINITY },
    Feature { name: "damping", default: 0.5, low: 0.0, high: f64::INFINITY },
];

/// EPI's numbers s in tenths: the grid that it trains on, and the middles of the cells within and
/// around it. With s = -0.05 the ball would have a negative mass, so the first is for damping alone.
const GRID: &[f64] = &[0.0, 1.0, 2.0, 3.0, 4.0];
const MIDDLES: &[f64] = &[-0.5, 0.5, 1.5, 2.5, 3.5, 4.5];

/// Factor on the mass of the ball: 0.2 to 3.4 in training, 0.6 to 3.8 in testing.
fn mass(tenths: f64) -> f64 {
    0.8 * (tenths - 1.0) + 1.0
}

/// Damping of the ball, N·s/m: 0.1 to 0.9 in training, 0 to 1 in testing.
fn damping(tenths: f64) -> f64 {
    0.2 * (tenths - 2.0) + 0.5
}

impl TaskFamily for Striker {
    fn name(&self) -> &'static str {
        "striker"
    }

    fn summary(&self) -> &'static str {
        "An arm strikes a ball of unknown mass and damping towards a goal out of reach."
    }

    fn card(&self) -> Card {
        Card {
            observation: "angles (7) and velocities (7) of joints, places of hand, ball and goal (9)",
            action: "torques of 7 joints, ±3 N·m",
            tasks: "factor on the mass of the ball 8 (s - 0.1) + 1, its damping 2 (s - 0.2) + 0.5; s of \
                    each on a 5 × 5 grid from 0 to 0.4 for training; 5 × 6 middles of cells for \
                    testing, s from 0.05 to 0.45 for the mass, from -0.05 to 0.45 for the damping",
            start: "fixed pose, ball and goal; velocities of joints U(±0.1)",
            reward: "-3 distance(ball, goal) - 0.5 distance(ball, hand) - 0.1 ‖u‖²; after a touch, where \
                     the hand last touched the ball stands in for the hand",
            end: "never",
            source: "EPI (arXiv 1907.11740)",
            differences: "the reward is that of the state after the step, not before; tests on 30 of \
                          the 36 middles of cells, without the 6 with s = -0.05 for the mass, which \
                          would be negative; on MuJoCo 3.17",
        }
    }

    fn spec(&self) -> EnvSpec {
        SPEC
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        let [masses, dampings] = match split {
            Split::Train => [GRID, GRID],
            Split::Test => [&MIDDLES[1..], MIDDLES],
        };
        let row = |first: &f64| {
            let mass = mass(*first);
            dampings.iter().map(move |second| [mass, damping(*second)])
        };
        env::enumerate(split, FEATURES.map(|f| f.name), masses.iter().flat_map(row))
    }

    fn features(&self) -> &'static [Feature] {
        &FEATURES
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        Ok(Box::new(Player { striker: bodies::Striker::new()?, started: false }))
    }
}

struct Player {
    striker: bodies::Striker,
    started: bool,
}

impl Player {
    fn apply(&mut self, task: &Task) -> Result<(), Error> {
        let (mass, damping) = (env::parameter(task, "mass")?, env::parameter(task, "damping")?);
        self.striker.body_mut().simulation_mut().tune(|_, model| {
            scale_mass(model, bodies::Striker::BALL, mass);
            for slide in bodies::Striker::BALL_SLIDES {
                model.dof_damping_mut()[slide] = damping;
            }
            Ok(())
        })
    }
}

impl Env for Player {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        env::check_len("observation", SPEC.observation_dim, observation.len())?;
        self.apply(task)?;
        self.striker.reset(rng);
        self.started = true;
        env::observe(observation, self.striker.observation())
    }

    fn step(
        &mut self,
        action: &[f32],
        _rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        env::check_len("observation", SPEC.observation_dim, observation.len())?;
        if !self.started {
            return Err(Error::NotReset);
        }
        let reward = self.striker.step(action)?;
        env::observe(observation, self.striker.observation())?;
        Ok(Step { reward, shaped_reward: reward, terminated: false })
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        self.apply(task)?;
        self.striker.body_mut().simulation_mut().forward();
        Ok(())
    }

    fn scene(&mut self) -> Scene<'_> {
        Scene::Physics(self.striker.body_mut().simulation_mut())
    }
}
