//! A mass that is accelerated, between walls that stop it.

use super::HORIZON;
use super::goals::{self, Goals, Start};
use super::motion::{Law, Motion};
use super::scene;
use super::walk::{Norm, shortened};
use crate::Error;
use crate::env::{self, Card, Env, Step, TaskFamily};
use crate::picture::Scene;
use rand_chacha::ChaCha8Rng;
use types::{EnvSpec, Split, Task};

/// The walls along each axis are at ± this.
const WALL: f64 = 1.0;

/// Force (or acceleration) at an action of length 1.
const REACH: f64 = 0.1;

/// The greatest velocity.
const SPEED: f64 = 1.0;

/// A family of masses in `N` dimensions. The observation is the position, then the velocity.
#[derive(Debug, Clone, Copy)]
pub struct Slide<const N: usize> {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    pub(super) card: Card,
    pub(super) law: Law,
    pub(super) start: Start,
}

impl<const N: usize> TaskFamily for Slide<N> {
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
        EnvSpec::new(2 * N, N, HORIZON)
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        goals::tasks::<N>(Goals::Uniform { low: -WALL, high: WALL }, split)
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        Ok(Box::new(Slider::<N> {
            motion: Motion::new(self.law),
            start: self.start,
            position: [0.0; N],
            velocity: [0.0; N],
            goal: None,
        }))
    }
}

#[derive(Debug)]
struct Slider<const N: usize> {
    motion: Motion,
    start: Start,
    position: [f64; N],
    velocity: [f64; N],
    goal: Option<[f64; N]>,
}

impl<const N: usize> Slider<N> {
    fn observe(&self, observation: &mut [f32]) {
        for (slot, &value) in observation.iter_mut().zip(self.position.iter().chain(&self.velocity))
        {
            *slot = env::narrow(value);
        }
    }

    /// Moves for a step under `force`, then applies what limits positions and velocities.
    fn advance(&mut self, force: [f64; N]) {
        for ((x, v), u) in self.position.iter_mut().zip(&mut self.velocity).zip(force) {
            let [to_x, to_v] = self.motion.step([*x, *v], u);
            *x = to_x.clamp(-WALL, WALL);
            *v = to_v.clamp(-SPEED, SPEED);
        }
        self.velocity = shortened(self.velocity, SPEED);
        for (x, v) in self.position.iter().zip(&mut self.velocity) {
            let into_wall = (*x >= WALL && *v > 0.0) || (*x <= -WALL && *v < 0.0);
            if into_wall {
                *v = 0.0;
            }
        }
    }
}

impl<const N: usize> Env for Slider<N> {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        env::check_len("observation", 2 * N, observation.len())?;
        self.goal = Some(goals::goal(task)?);
        self.position = self.start.sample(rng);
        self.velocity = [0.0; N];
        self.observe(observation);
        Ok(())
    }

    fn step(
        &mut self,
        action: &[f32],
        _rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        env::check_len("observation", 2 * N, observation.len())?;
        let action = env::clipped::<N>(action)?;
        let goal = self.goal.ok_or(Error::NotReset)?;
        self.advance(shortened(action.map(|part| REACH * part), REACH));
        self.observe(observation);
        let way = std::array::from_fn(|axis| self.position[axis] - goal[axis]);
        let reward = -Norm::L2.of::<N>(way);
        Ok(Step { reward, shaped_reward: reward, terminated: false })
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        self.goal = Some(goals::goal(task)?);
        Ok(())
    }

    fn scene(&mut self) -> Scene<'_> {
        Scene::Drawing(scene::draw(WALL, self.goal, self.position))
    }
}
