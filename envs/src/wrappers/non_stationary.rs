//! A task that changes while an episode goes on.

use crate::Error;
use crate::env::{self, Card, Env, Oracle, Step, TaskFamily};
use crate::picture::Scene;
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use types::{Change, EnvSpec, Next, Split, Task, TaskRef, When};

/// A family whose tasks take turns within an episode. An episode starts with the task it was asked
/// for; the others come from the same split. The task in force is recorded with each transition.
#[derive(Debug, Clone, Copy)]
pub struct NonStationary<F> {
    /// Registered name.
    pub name: &'static str,
    /// One sentence for people.
    pub summary: &'static str,
    /// What it is put around.
    pub family: F,
    /// When a task follows, and which.
    pub change: Change,
}

impl<F: TaskFamily> TaskFamily for NonStationary<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn card(&self) -> Card {
        self.family.card()
    }

    fn spec(&self) -> EnvSpec {
        EnvSpec { task_changes: true, ..self.family.spec() }
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        self.family.tasks(split)
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        let env = self.family.make()?;
        if !env.can_switch() {
            return Err(Error::NoSwitch { family: self.family.name() });
        }
        if matches!(self.change.when, When::Place { .. }) && env.position().is_none() {
            return Err(Error::NoPlace { family: self.family.name() });
        }
        Ok(Box::new(Changing {
            env,
            spec: self.spec(),
            change: self.change,
            train: self.family.tasks(Split::Train),
            test: self.family.tasks(Split::Test),
            task: None,
            since: Since { steps: 0, place: 0.0, distance: f64::INFINITY },
        }))
    }

    fn oracle(&self, _: &Task) -> Option<Box<dyn Oracle>> {
        // The oracle of the first task would not know of the others.
        None
    }
}

/// What has happened since the last change.
#[derive(Debug, Clone, Copy)]
struct Since {
    steps: u32,
    /// Where it was, m.
    place: f64,
    /// How far from there the next one is, m.
    distance: f64,
}

struct Changing {
    env: Box<dyn Env>,
    spec: EnvSpec,
    change: Change,
    train: Vec<Task>,
    test: Vec<Task>,
    task: Option<TaskRef>,
    since: Since,
}

impl Changing {
    /// The task in force, which what is inside may have changed as well.
    fn now(&self) -> Option<TaskRef> {
        let task = self.task?;
        Some(TaskRef { index: self.env.in_force().unwrap_or(task.index), ..task })
    }

    fn place(&self) -> f64 {
        self.env.position().unwrap_or_default()
    }

    fn begin(&mut self, rng: &mut ChaCha8Rng) {
        let distance = match self.change.when {
            When::Place { every, jitter } => every + jitter * rng.random::<f64>(),
            When::Time { .. } | When::Chance { .. } => f64::INFINITY,
        };
        self.since = Since { steps: 0, place: self.place(), distance };
    }

    fn is_due(&self, rng: &mut ChaCha8Rng) -> bool {
        match self.change.when {
            When::Place { .. } => (self.place() - self.since.place).abs() >= self.since.distance,
            When::Time { every } => self.since.steps >= every,
            When::Chance { after, probability } => {
                self.since.steps >= after && rng.random::<f64>() < probability
            }
        }
    }

    /// Puts the next task in force; a split without tasks has none.
    fn change(&mut self, now: TaskRef, rng: &mut ChaCha8Rng) -> Result<(), Error> {
        let tasks = match now.split {
            Split::Train => &self.train,
            Split::Test => &self.test,
        };
        let next = match self.change.next {
            Next::Random => tasks.choose(rng),
            Next::InOrder => tasks.get(now.index as usize + 1).or(tasks.first()),
        };
        if let Some(next) = next {
            self.env.switch(next)?;
            self.task = Some(next.id);
        }
        self.begin(rng);
        Ok(())
    }

    /// Refuses what the environment would refuse, before anything changes for it.
    fn check(&self, action: &[f32], observation: &[f32]) -> Result<(), Error> {
        env::check_len("observation", self.spec.observation_dim, observation.len())?;
        env::check_len("action", self.spec.action_dim, action.len())?;
        env::check_action(action)
    }
}

impl Env for Changing {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        self.env.reset(task, rng, observation)?;
        self.task = Some(task.id);
        self.begin(rng);
        Ok(())
    }

    fn step(
        &mut self,
        action: &[f32],
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        let now = self.now().ok_or(Error::NotReset)?;
        self.check(action, observation)?;
        if self.is_due(rng) {
            self.change(now, rng)?;
        }
        let step = self.env.step(action, rng, observation)?;
        self.since.steps += 1;
        Ok(step)
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        self.env.switch(task)?;
        self.task = Some(task.id);
        Ok(())
    }

    fn position(&self) -> Option<f64> {
        self.env.position()
    }

    fn scene(&mut self) -> Scene<'_> {
        self.env.scene()
    }

    fn truncated(&self) -> bool {
        self.env.truncated()
    }

    fn in_force(&self) -> Option<u32> {
        self.now().map(|task| task.index)
    }
}
