//! The environment of all families here: a body that walks, and rules that say what it sees, what is
//! rewarded and what a task changes about it.

use crate::Error;
use crate::body::Body;
use crate::cemrl::sense::{self, Sense};
use crate::env::{self, Env, Step};
use crate::height_field::HeightField;
use crate::mujoco::Simulation;
use crate::picture::Scene;
use mujoco_rs::prelude::MjModel;
use rand_chacha::ChaCha8Rng;
use types::Task;

/// What makes one walker differ from another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// A new body.
    pub(crate) body: fn() -> Result<Body, Error>,
    /// What the agent sees, in this order.
    pub(crate) senses: &'static [Sense],
    /// Numbers that `senses` come to.
    pub(crate) observation_dim: usize,
    /// Motors of the body.
    pub(crate) action_dim: usize,
    /// Names of the parameters of a task.
    pub(crate) parameters: &'static [&'static str],
    /// The reward of a step.
    pub(crate) reward: fn(&Moment<'_>) -> f64,
    /// Whether an episode ends with the body in this state.
    pub(crate) fallen: fn(qpos: &[f64], qvel: &[f64]) -> bool,
    /// Whether senses or reward need the forces on the bodies, which a step alone does not tell.
    pub(crate) contact_forces: bool,
    /// What a task, given as its parameters in order, changes in the physics as loaded.
    pub(crate) tune: Option<fn(task: &[f64], original: &MjModel, model: &mut MjModel)>,
    /// What the body stands on, if not a plane.
    pub(crate) ground: Option<&'static HeightField>,
}

/// A step, as far as rewards need to know it.
#[derive(Debug)]
pub(crate) struct Moment<'a> {
    /// The parameters of the task, in order.
    pub(crate) task: &'a [f64],
    /// The first coordinates before the step: x, z, pitch; of the ant x, y, z.
    pub(crate) before: [f64; 3],
    /// And after it.
    pub(crate) after: [f64; 3],
    /// Duration, s.
    pub(crate) seconds: f64,
    /// Controls.
    pub(crate) controls: &'a [f64],
    /// Torques and forces on each body from outside; zeros unless [`Rules::contact_forces`].
    pub(crate) forces: &'a [[f64; 6]],
}

impl Moment<'_> {
    /// Distance covered in x over the duration of the step, m/s.
    pub(crate) fn velocity(&self) -> f64 {
        (self.after[0] - self.before[0]) / self.seconds
    }

    /// ‖u‖² of the controls.
    pub(crate) fn effort(&self) -> f64 {
        self.controls.iter().map(|u| u * u).sum()
    }

    /// Sum of the squares of the forces, each clipped to [-1, 1] before.
    pub(crate) fn impact(&self) -> f64 {
        let clipped = self.forces.as_flattened().iter().map(|force| force.clamp(-1.0, 1.0));
        clipped.map(|force| force * force).sum()
    }
}

/// The environment.
#[derive(Debug)]
pub(crate) struct Walk {
    rules: &'static Rules,
    body: Body,
    torso: usize,
    task: Vec<f64>,
    started: bool,
}

impl Walk {
    pub(crate) fn new(rules: &'static Rules) -> Result<Self, Error> {
        let body = (rules.body)()?;
        let torso = body.simulation().body("torso")?;
        Ok(Self { rules, body, torso, task: vec![0.0; rules.parameters.len()], started: false })
    }

    /// Puts the task in force, with the physics that it asks for.
    fn take(&mut self, task: &Task) -> Result<(), Error> {
        for name in self.rules.parameters {
            env::parameter(task, name)?;
        }
        for (value, name) in self.task.iter_mut().zip(self.rules.parameters) {
            *value = env::parameter(task, name)?;
        }
        let Some(tune) = self.rules.tune else {
            return Ok(());
        };
        self.body.simulation_mut().tune(|original, model| {
            tune(&self.task, original, model);
            Ok(())
        })
    }

    fn observe(&self, observation: &mut [f32]) -> Result<(), Error> {
        sense::observe(self.rules.senses, self.body.simulation(), self.torso, observation)
    }

    /// Height of the ground under the body, m.
    fn ground(&self) -> f64 {
        let simulation = self.body.simulation();
        self.rules.ground.map_or(0.0, |ground| ground.height(simulation.model(), x(simulation)))
    }
}

fn x(simulation: &Simulation) -> f64 {
    simulation.qpos()[0]
}

/// The first coordinates.
fn pose(body: &Body) -> [f64; 3] {
    let qpos = body.simulation().qpos();
    [qpos[0], qpos[1], qpos[2]]
}

impl Env for Walk {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        env::check_len("observation", self.rules.observation_dim, observation.len())?;
        self.take(task)?;
        let ground = self.rules.ground;
        self.body.reset_with(rng, |simulation, _| {
            if let Some(ground) = ground {
                simulation.qpos_mut()[1] += ground.height(simulation.model(), x(simulation));
            }
        });
        if self.rules.contact_forces {
            self.body.simulation_mut().contact_forces();
        }
        self.started = true;
        self.observe(observation)
    }

    fn step(
        &mut self,
        action: &[f32],
        _rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        env::check_len("observation", self.rules.observation_dim, observation.len())?;
        if !self.started {
            return Err(Error::NotReset);
        }
        let before = pose(&self.body);
        self.body.step(action)?;
        if self.rules.contact_forces {
            self.body.simulation_mut().contact_forces();
        }
        let after = pose(&self.body);
        let reward = (self.rules.reward)(&Moment {
            task: &self.task,
            before,
            after,
            seconds: self.body.step_seconds(),
            controls: self.body.controls(),
            forces: self.body.simulation().data().cfrc_ext(),
        });
        if !reward.is_finite() {
            return Err(Error::Diverged { what: format!("a reward of {reward}") });
        }
        self.observe(observation)?;
        let simulation = self.body.simulation();
        let terminated = (self.rules.fallen)(simulation.qpos(), simulation.qvel());
        Ok(Step { reward, shaped_reward: reward, terminated })
    }

    /// The body keeps its height above the ground.
    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        let before = self.ground();
        self.take(task)?;
        if self.rules.tune.is_some() {
            let lift = self.ground() - before;
            let simulation = self.body.simulation_mut();
            simulation.qpos_mut()[1] += lift;
            simulation.forward();
        }
        Ok(())
    }

    fn position(&self) -> Option<f64> {
        Some(x(self.body.simulation()))
    }

    fn scene(&mut self) -> Scene<'_> {
        Scene::Physics(self.body.simulation_mut())
    }
}
