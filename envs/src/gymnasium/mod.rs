//! `gymnasium`: environments that a user has written in Python, see `docs/gymnasium.md`.
//!
//! The process has one interpreter for all environments; it is held during calls only. What user
//! code raises is an [`Error::Python`] with the traceback.

mod python;
mod world;

use crate::Error;
use crate::env::{Card, Env, TaskFamily};
use pyo3::prelude::*;
use types::{EnvSpec, Parameter, Split, Task, TaskRef};
use world::World;

/// The tasks and environments of a Python module.
#[derive(Debug)]
pub struct Gymnasium {
    hook: Py<PyAny>,
    spec: EnvSpec,
    train: Vec<Task>,
    test: Vec<Task>,
}

impl Gymnasium {
    /// Imports the module and makes one environment to see its shapes.
    ///
    /// # Errors
    /// [`Error::Python`] with what the module has raised or lacks, or [`Error::NoHorizon`].
    pub fn load(wanted: &types::Gymnasium) -> Result<Self, Error> {
        let hook = python::call("import", |py| {
            Ok(python::bridge(py)?.getattr("Hook")?.call1((&wanted.hook,))?.unbind())
        })?;
        let [train, test] = [tasks(&hook, Split::Train)?, tasks(&hook, Split::Test)?];
        let spec = spec(&make(&hook)?, wanted)?;
        let family = Self { hook, spec, train, test };
        match (family.train.first(), family.test.first()) {
            (Some(train), Some(test)) if names(train) != names(test) => Err(Error::Parameters {
                task: test.id,
                expected: names(train).join(", "),
                got: names(test).join(", "),
            }),
            _ => Ok(family),
        }
    }
}

fn make(hook: &Py<PyAny>) -> Result<Py<PyAny>, Error> {
    python::call("make", |py| hook.call_method0(py, "make"))
}

fn spec(world: &Py<PyAny>, wanted: &types::Gymnasium) -> Result<EnvSpec, Error> {
    let (observation, action, choice, limit) = python::call("make", |py| {
        let world = world.bind(py);
        let number = |name| world.getattr(name)?.extract::<usize>();
        let choice = world.getattr("choice")?.extract()?;
        let limit = world.getattr("horizon")?.extract::<Option<usize>>()?;
        Ok((number("observation_dim")?, number("action_dim")?, choice, limit))
    })?;
    let horizon = wanted.horizon.map(|steps| steps as usize).or(limit).ok_or(Error::NoHorizon)?;
    Ok(EnvSpec { choice, ..EnvSpec::new(observation, action, horizon) })
}

fn tasks(hook: &Py<PyAny>, split: Split) -> Result<Vec<Task>, Error> {
    let listed: Vec<Vec<(String, f64)>> = python::call("tasks", |py| {
        hook.call_method1(py, "tasks", (split.to_string(),))?.extract(py)
    })?;
    let parameter = |(name, value)| Parameter { name, value };
    let task = |(index, parameters): (u32, Vec<_>)| Task {
        id: TaskRef { split, index },
        parameters: parameters.into_iter().map(parameter).collect(),
    };
    Ok((0..).zip(listed).map(task).collect())
}

fn names(task: &Task) -> Vec<String> {
    task.parameters.iter().map(|parameter| parameter.name.clone()).collect()
}

impl TaskFamily for Gymnasium {
    fn name(&self) -> &'static str {
        "gymnasium"
    }

    fn summary(&self) -> &'static str {
        "A Gymnasium environment of the user's own, in Python."
    }

    fn card(&self) -> Card {
        Card {
            observation: "as the environment's, flattened",
            action: "as the environment's: a box or a choice",
            tasks: "as the user's function `tasks` lists them",
            start: "as the environment's",
            reward: "as the environment's",
            end: "as the environment's",
            source: "the user",
            differences: "",
        }
    }

    fn spec(&self) -> EnvSpec {
        self.spec
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        match split {
            Split::Train => self.train.clone(),
            Split::Test => self.test.clone(),
        }
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        let parameters = self.train.first().map(names).unwrap_or_default();
        Ok(Box::new(World::new(make(&self.hook)?, self.spec, parameters)?))
    }
}
