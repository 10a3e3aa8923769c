//! A point that goes where it is told to, with walls or without, disturbed or not.

use super::HORIZON;
use super::goals::{self, Goals, MULTIPLIER, Start};
use super::scene;
use crate::Error;
use crate::env::{self, Card, Env, Oracle, Step, TaskFamily};
use crate::picture::Scene;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use types::{EnvSpec, Split, Task};

/// How the distance to the goal is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Norm {
    /// Along the axes.
    L1,
    /// As the crow flies.
    L2,
}

impl Norm {
    pub(crate) fn of<const N: usize>(self, vector: [f64; N]) -> f64 {
        match self {
            Self::L1 => vector.iter().map(|x| x.abs()).sum(),
            Self::L2 => vector.iter().map(|x| x * x).sum::<f64>().sqrt(),
        }
    }
}

/// `vector`, shortened to `most` where it is longer (L2).
pub(crate) fn shortened<const N: usize>(vector: [f64; N], most: f64) -> [f64; N] {
    let length = Norm::L2.of(vector);
    if length > most { vector.map(|x| x * most / length) } else { vector }
}

/// What keeps a point from doing and seeing things as they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Disturbance {
    /// Nothing.
    None,
    /// Action, observation and reward are multiplied with the same number, a parameter of the task
    /// that is U(low, high).
    Multiplier([f64; 2]),
    /// Observation and reward have white noise with these standard deviations.
    Noise {
        /// Of each coordinate.
        observation: f64,
        /// Of the reward.
        reward: f64,
    },
}

/// A family of points in `N` dimensions that go where they are told to.
#[derive(Debug, Clone, Copy)]
pub struct Walk<const N: usize> {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    pub(super) card: Card,
    /// The walls along each axis are at ± this.
    pub(super) wall: f64,
    /// Length of a step at an action of length 1.
    pub(super) reach: f64,
    pub(super) goals: Goals,
    pub(super) start: Start,
    pub(super) norm: Norm,
    pub(super) disturbance: Disturbance,
}

impl<const N: usize> TaskFamily for Walk<N> {
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
        EnvSpec::new(N, N, HORIZON)
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        match self.disturbance {
            Disturbance::Multiplier(range) => {
                goals::tasks_with_multiplier(self.goals, range, split)
            }
            Disturbance::None | Disturbance::Noise { .. } => goals::tasks::<N>(self.goals, split),
        }
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        Ok(Box::new(Walker { family: *self, position: [0.0; N], aim: None }))
    }

    fn oracle(&self, task: &Task) -> Option<Box<dyn Oracle>> {
        // Along the axes, the best way is neither straight nor a diagonal and then straight.
        if N > 1 && self.norm == Norm::L1 {
            return None;
        }
        let Aim { goal, multiplier } = self.aim(task).ok()?;
        Some(Box::new(Straight { goal, multiplier, reach: self.reach }))
    }
}

impl<const N: usize> Walk<N> {
    fn aim(&self, task: &Task) -> Result<Aim<N>, Error> {
        let multiplier = match self.disturbance {
            Disturbance::Multiplier(_) => env::parameter(task, MULTIPLIER)?,
            Disturbance::None | Disturbance::Noise { .. } => 1.0,
        };
        Ok(Aim { goal: goals::goal(task)?, multiplier })
    }
}

/// What a task says.
#[derive(Debug, Clone, Copy)]
struct Aim<const N: usize> {
    goal: [f64; N],
    multiplier: f64,
}

#[derive(Debug)]
struct Walker<const N: usize> {
    family: Walk<N>,
    position: [f64; N],
    aim: Option<Aim<N>>,
}

impl<const N: usize> Walker<N> {
    fn observe(&self, aim: Aim<N>, rng: &mut ChaCha8Rng, observation: &mut [f32]) {
        for (slot, position) in observation.iter_mut().zip(self.position) {
            let noise = match self.family.disturbance {
                Disturbance::Noise { observation, .. } => white(rng, observation),
                Disturbance::None | Disturbance::Multiplier(_) => 0.0,
            };
            *slot = env::narrow(aim.multiplier * position + noise);
        }
    }
}

/// N(0, deviation²).
fn white(rng: &mut ChaCha8Rng, deviation: f64) -> f64 {
    let number: f64 = rng.sample(StandardNormal);
    deviation * number
}

impl<const N: usize> Env for Walker<N> {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        env::check_len("observation", N, observation.len())?;
        let aim = self.family.aim(task)?;
        self.aim = Some(aim);
        self.position = self.family.start.sample(rng);
        self.observe(aim, rng, observation);
        Ok(())
    }

    fn step(
        &mut self,
        action: &[f32],
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        env::check_len("observation", N, observation.len())?;
        let action = env::clipped::<N>(action)?;
        let aim = self.aim.ok_or(Error::NotReset)?;
        let Walk { wall, reach, norm, disturbance, .. } = self.family;
        let push = shortened(action.map(|part| aim.multiplier * reach * part), reach);
        for (coordinate, push) in self.position.iter_mut().zip(push) {
            *coordinate = (*coordinate + push).clamp(-wall, wall);
        }
        self.observe(aim, rng, observation);
        let way = std::array::from_fn(|axis| self.position[axis] - aim.goal[axis]);
        let noise = match disturbance {
            Disturbance::Noise { reward, .. } => white(rng, reward),
            Disturbance::None | Disturbance::Multiplier(_) => 0.0,
        };
        let reward = -norm.of::<N>(way) * aim.multiplier + noise;
        Ok(Step { reward, shaped_reward: reward, terminated: false })
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        self.aim = Some(self.family.aim(task)?);
        Ok(())
    }

    fn scene(&mut self) -> Scene<'_> {
        let goal = self.aim.map(|aim| aim.goal);
        Scene::Drawing(scene::draw(self.family.wall, goal, self.position))
    }
}

/// Walks straight to the goal. Without noise, no other policy is ever nearer to it at any step.
#[derive(Debug)]
struct Straight<const N: usize> {
    goal: [f64; N],
    multiplier: f64,
    reach: f64,
}

impl<const N: usize> Oracle for Straight<N> {
    fn act(&self, observation: &[f32], action: &mut [f32]) {
        let Self { goal, multiplier, reach } = self;
        let way = std::array::from_fn(|axis| {
            let position = f64::from(observation[axis]) / multiplier;
            (goal[axis] - position) / (multiplier * reach)
        });
        for (slot, part) in action.iter_mut().zip(shortened::<N>(way, 1.0)) {
            *slot = env::narrow(part);
        }
    }
}
