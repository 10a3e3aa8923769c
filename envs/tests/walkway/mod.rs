//! A family without physics for tests of what is put around families: a point that goes where it is
//! told to, and a reward that is the task's parameter.

use anyhow::{Context, Result};
use envs::{Card, Env, Error, Step, TaskFamily};
use rand_chacha::ChaCha8Rng;
use types::{EnvSpec, Parameter, Split, Task, TaskRef};

/// Tasks of each split.
pub(crate) const TASKS: u32 = 5;

/// Observation: position. Action: how far to go. Reward: the parameter `prize`, which is
/// 0, 1, 2, … for training and 100, 101, … for testing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walkway;

pub(crate) fn prize(id: TaskRef) -> f64 {
    let base = match id.split {
        Split::Train => 0.0,
        Split::Test => 100.0,
    };
    base + f64::from(id.index)
}

pub(crate) fn task(split: Split, index: u32) -> Task {
    let id = TaskRef { split, index };
    let parameter = |name: &str, value| Parameter { name: name.to_owned(), value };
    Task { id, parameters: vec![parameter("colour", 0.5), parameter("prize", prize(id))] }
}

impl TaskFamily for Walkway {
    fn name(&self) -> &'static str {
        "walkway"
    }

    fn summary(&self) -> &'static str {
        "A point goes where it is told to."
    }

    fn card(&self) -> Card {
        let none = "";
        Card {
            observation: none,
            action: none,
            tasks: none,
            start: none,
            reward: none,
            end: none,
            source: none,
            differences: none,
        }
    }

    fn spec(&self) -> EnvSpec {
        EnvSpec::new(1, 1, 100)
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        (0..TASKS).map(|index| task(split, index)).collect()
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        Ok(Box::new(Point { position: 0.0, prize: None }))
    }
}

struct Point {
    position: f64,
    prize: Option<f64>,
}

impl Env for Point {
    fn reset(
        &mut self,
        task: &Task,
        _: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        self.position = 0.0;
        observation.fill(0.0);
        self.switch(task)
    }

    #[allow(clippy::cast_possible_truncation, reason = "what observations do")]
    fn step(
        &mut self,
        action: &[f32],
        _: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        if !action[0].is_finite() {
            return Err(Error::Action { index: 0, value: action[0] });
        }
        let reward = self.prize.ok_or(Error::NotReset)?;
        self.position += f64::from(action[0]);
        observation[0] = self.position as f32;
        Ok(Step { reward, shaped_reward: reward, terminated: false })
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        self.prize = task.parameter("prize");
        Ok(())
    }

    fn position(&self) -> Option<f64> {
        Some(self.position)
    }
}

/// What was seen in a step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    /// The task that the environment says was in force.
    pub(crate) index: u32,
    pub(crate) reward: f64,
    /// Where the step began.
    pub(crate) from: f64,
    pub(crate) observation: Vec<f32>,
}

/// Plays `actions` from the task `start` on.
pub(crate) fn play(
    family: &dyn TaskFamily,
    start: &Task,
    actions: &[f32],
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Seen>> {
    let mut env = family.make()?;
    let mut observation = vec![f32::NAN; family.spec().observation_dim];
    env.reset(start, rng, &mut observation)?;
    let step = |&action: &f32| -> Result<Seen> {
        let from = env.position().context("a place")?;
        let reward = env.step(&[action], rng, &mut observation)?.reward;
        let index = env.in_force().context("a task")?;
        Ok(Seen { index, reward, from, observation: observation.clone() })
    };
    actions.iter().map(step).collect()
}
