//! Parameters of the task as part of the observation.

use crate::Error;
use crate::env::{self, Card, Env, Oracle, Step, TaskFamily};
use crate::picture::Scene;
use rand_chacha::ChaCha8Rng;
use types::{EnvSpec, Split, Task};

/// A family whose agent is told some parameters of the task: they follow the observation, as they
/// are, in the order given. Where the task changes within an episode, they are those of the task in
/// force. With all parameters this is the oracle multi-task agent of the literature.
#[derive(Debug, Clone)]
pub struct Visible<F> {
    family: F,
    parameters: Vec<String>,
}

impl<F: TaskFamily> Visible<F> {
    /// Shows `parameters` of the tasks of `family`.
    ///
    /// # Errors
    /// [`Error::NoSuchParameter`] if its tasks do not have one of them.
    pub fn new(family: F, parameters: &[String]) -> Result<Self, Error> {
        let first = family.tasks(Split::Train).into_iter().next();
        let known: Vec<String> = first
            .map(|task| task.parameters.into_iter().map(|parameter| parameter.name).collect())
            .unwrap_or_default();
        for name in parameters {
            if !known.contains(name) {
                return Err(Error::NoSuchParameter {
                    family: family.name(),
                    name: name.clone(),
                    known: known.join(", "),
                });
            }
        }
        Ok(Self { family, parameters: parameters.to_vec() })
    }
}

impl<F: TaskFamily> TaskFamily for Visible<F> {
    fn name(&self) -> &'static str {
        self.family.name()
    }

    fn summary(&self) -> &'static str {
        self.family.summary()
    }

    fn card(&self) -> Card {
        self.family.card()
    }

    fn spec(&self) -> EnvSpec {
        let spec = self.family.spec();
        EnvSpec { observation_dim: spec.observation_dim + self.parameters.len(), ..spec }
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        self.family.tasks(split)
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        let rows = |split| -> Result<Vec<Vec<f32>>, Error> {
            self.tasks(split).iter().map(|task| shown(task, &self.parameters)).collect()
        };
        Ok(Box::new(Showing {
            env: self.family.make()?,
            width: self.spec().observation_dim,
            rows: [rows(Split::Train)?, rows(Split::Test)?],
            split: Split::Train,
            now: vec![0.0; self.parameters.len()],
            parameters: self.parameters.clone(),
        }))
    }

    fn oracle(&self, task: &Task) -> Option<Box<dyn Oracle>> {
        let oracle = self.family.oracle(task)?;
        Some(Box::new(Blinded { oracle, width: self.family.spec().observation_dim }))
    }
}

/// The parameters of a task that are shown, as they are seen.
fn shown(task: &Task, parameters: &[String]) -> Result<Vec<f32>, Error> {
    parameters.iter().map(|name| seen(task, name)).collect()
}

/// A parameter as it is seen; refuses what an observation cannot hold.
fn seen(task: &Task, name: &str) -> Result<f32, Error> {
    let value = task.parameter(name);
    value.map(env::narrow).filter(|seen| seen.is_finite()).ok_or_else(|| Error::Visible {
        task: task.id,
        name: name.to_owned(),
        got: value.map_or_else(|| "none".to_owned(), |value| value.to_string()),
    })
}

struct Showing {
    env: Box<dyn Env>,
    /// Of the observation with what is shown.
    width: usize,
    parameters: Vec<String>,
    /// What is shown of each training and test task.
    rows: [Vec<Vec<f32>>; 2],
    split: Split,
    now: Vec<f32>,
}

impl Showing {
    /// The part of the `observation` that is the family's, and what is shown.
    fn parts<'a>(
        &self,
        observation: &'a mut [f32],
    ) -> Result<(&'a mut [f32], &'a mut [f32]), Error> {
        env::check_len("observation", self.width, observation.len())?;
        Ok(observation.split_at_mut(self.width - self.parameters.len()))
    }

    /// Refuses a task that cannot be shown.
    fn check(&self, task: &Task) -> Result<(), Error> {
        self.parameters.iter().try_for_each(|name| seen(task, name).map(drop))
    }

    fn show(&mut self, task: &Task) -> Result<(), Error> {
        for (slot, name) in self.now.iter_mut().zip(&self.parameters) {
            *slot = seen(task, name)?;
        }
        self.split = task.id.split;
        Ok(())
    }
}

impl Env for Showing {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        let (own, told) = self.parts(observation)?;
        self.check(task)?;
        self.env.reset(task, rng, own)?;
        self.show(task)?;
        told.copy_from_slice(&self.now);
        Ok(())
    }

    fn step(
        &mut self,
        action: &[f32],
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        let (own, told) = self.parts(observation)?;
        let step = self.env.step(action, rng, own)?;
        let rows = match self.split {
            Split::Train => &self.rows[0],
            Split::Test => &self.rows[1],
        };
        if let Some(row) = self.env.in_force().and_then(|index| rows.get(index as usize)) {
            self.now.copy_from_slice(row);
        }
        told.copy_from_slice(&self.now);
        Ok(step)
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        self.check(task)?;
        self.env.switch(task)?;
        self.show(task)
    }

    fn can_switch(&self) -> bool {
        self.env.can_switch()
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
        self.env.in_force()
    }
}

/// An oracle that is not confused by what is shown.
struct Blinded {
    oracle: Box<dyn Oracle>,
    width: usize,
}

impl Oracle for Blinded {
    fn act(&self, observation: &[f32], action: &mut [f32]) {
        self.oracle.act(&observation[..self.width.min(observation.len())], action);
    }
}
