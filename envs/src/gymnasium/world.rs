//! One Python environment.

use super::{names, python};
use crate::Error;
use crate::env::{self, Env, Step};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{IntoPyDict as _, PyBytes, PyDict};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use types::{EnvSpec, Task};

pub(super) struct World {
    python: Py<PyAny>,
    spec: EnvSpec,
    /// Names of the parameters of every task.
    parameters: Vec<String>,
    /// Whether the user's module can put a task into force within an episode.
    can_switch: bool,
    controls: Vec<f64>,
    /// The same as Python gets them.
    bytes: Vec<u8>,
    /// Whether an episode is in progress.
    plays: bool,
    truncated: bool,
}

impl World {
    pub(super) fn new(
        python: Py<PyAny>,
        spec: EnvSpec,
        parameters: Vec<String>,
    ) -> Result<Self, Error> {
        let can_switch =
            python::call("make", |py| python.bind(py).getattr("can_switch")?.extract())?;
        let controls = vec![0.0; spec.action_dim];
        let bytes = Vec::with_capacity(size_of_val(controls.as_slice()));
        let (plays, truncated) = (false, false);
        Ok(Self { python, spec, parameters, can_switch, controls, bytes, plays, truncated })
    }

    fn check(&self, task: &Task) -> Result<(), Error> {
        let finite = task.parameters.iter().all(|parameter| parameter.value.is_finite());
        if finite && names(task) == self.parameters {
            return Ok(());
        }
        let got = task.parameters.iter().map(|p| format!("{} {}", p.name, p.value));
        Err(Error::Parameters {
            task: task.id,
            expected: self.parameters.join(", "),
            got: got.collect::<Vec<_>>().join(", "),
        })
    }

    /// Takes an action in: the position of a choice, or else controls as `bytes`.
    fn take(&mut self, action: &[f32]) -> Result<Option<usize>, Error> {
        if self.spec.choice {
            return env::choice(action, self.spec.action_dim).map(Some);
        }
        env::clip_into(action, &mut self.controls)?;
        self.bytes.clear();
        self.bytes.extend(self.controls.iter().flat_map(|value| value.to_ne_bytes()));
        Ok(None)
    }
}

impl Env for World {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        self.check(task)?;
        env::check_len("observation", self.spec.observation_dim, observation.len())?;
        let seed: u32 = rng.random();
        (self.plays, self.truncated) = (false, false);
        let seen: PyBackedBytes = python::call("reset", |py| {
            Ok(self.python.call_method1(py, "reset", (numbers(task, py)?, seed))?.extract(py)?)
        })?;
        observe(&seen, observation)?;
        self.plays = true;
        Ok(())
    }

    fn step(
        &mut self,
        action: &[f32],
        _: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        if !self.plays {
            return Err(Error::NotReset);
        }
        env::check_len("observation", self.spec.observation_dim, observation.len())?;
        let choice = self.take(action)?;
        self.plays = false;
        let (seen, reward, terminated, truncated): (PyBackedBytes, f64, bool, bool) =
            python::call("step", |py| {
                let world = self.python.bind(py);
                let step = match choice {
                    Some(position) => world.call_method1("step", (position,)),
                    None => world.call_method1("step", (PyBytes::new(py, &self.bytes),)),
                };
                step?.extract()
            })?;
        observe(&seen, observation)?;
        (self.plays, self.truncated) = (true, truncated);
        Ok(Step { reward, shaped_reward: reward, terminated })
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        self.check(task)?;
        python::call("set_task", |py| {
            self.python.call_method1(py, "switch", (numbers(task, py)?,)).map(drop)
        })
    }

    fn can_switch(&self) -> bool {
        self.can_switch
    }

    fn truncated(&self) -> bool {
        self.truncated
    }
}

/// The parameters of a task by name.
fn numbers<'py>(task: &Task, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
    task.parameters.iter().map(|p| (p.name.as_str(), p.value)).into_py_dict(py)
}

/// What Python has `seen`, 64-bit floats, as an `observation`.
fn observe(seen: &[u8], observation: &mut [f32]) -> Result<(), Error> {
    let (values, _) = seen.as_chunks();
    env::observe(observation, values.iter().map(|bytes| f64::from_ne_bytes(*bytes)))
}
