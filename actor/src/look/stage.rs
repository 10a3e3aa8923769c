//! Plays episodes of one task before an audience.

use super::{Error, Policy};
use envs::{Env, Step, TaskFamily};
use types::{EnvSpec, Role, Task, TaskRef, stream};

/// An instant of an episode: its start, or what came of a step.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// Number of the episode, from 0.
    pub episode: u32,
    /// Steps taken so far; 0 at the start.
    pub steps: usize,
    /// Steps after which the episode ends if nothing else ends it.
    pub horizon: usize,
    /// The task in force.
    pub task: &'a Task,
    /// What the agent sees, `[observation_dim]`.
    pub observation: &'a [f32],
    /// The action that led here, `[action_dim]`, and what it gave; `None` at the start.
    pub last: Option<(&'a [f32], Step)>,
    /// Sum of the task's own rewards so far.
    pub total: f64,
    /// Whether the environment cut the episode off here, see [`Env::truncated`].
    pub truncated: bool,
}

impl Moment<'_> {
    /// Whether the task itself ended the episode.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.last.is_some_and(|(_, step)| step.terminated)
    }

    /// Whether the episode is over.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.is_terminated() || self.truncated || self.steps >= self.horizon
    }
}

/// Who watches.
pub trait Audience {
    /// Sees one moment after another, and `env` as it is in it.
    ///
    /// # Errors
    /// Whatever ends the show.
    fn see(&mut self, moment: &Moment<'_>, env: &mut dyn Env) -> Result<(), Error>;
}

/// An environment, a task and who acts in it.
pub struct Stage {
    env: Box<dyn Env>,
    spec: EnvSpec,
    /// The task, and those of its split, any of which may come to be in force.
    task: Task,
    tasks: Vec<Task>,
    policy: Policy,
    seed: u64,
    observation: Vec<f32>,
    action: Vec<f32>,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stage({} by {:?})", self.task.id, self.policy)
    }
}

/// The task of `family` called `id`.
///
/// # Errors
/// [`Error::NoSuchTask`] says which there are.
fn task(family: &dyn TaskFamily, id: TaskRef) -> Result<Task, Error> {
    let mut tasks = family.tasks(id.split);
    let index = id.index as usize;
    if index >= tasks.len() {
        let family = family.name().to_owned();
        return Err(Error::NoSuchTask { family, task: id, last: tasks.len().saturating_sub(1) });
    }
    Ok(tasks.swap_remove(index))
}

impl Stage {
    /// Sets up the task called `id` of `family`. `policy` is told the task, `seed` decides
    /// everything random.
    ///
    /// # Errors
    /// [`Error::NoSuchTask`], [`Error::Environment`], or those of `policy`.
    pub fn new(
        family: &dyn TaskFamily,
        id: TaskRef,
        policy: impl FnOnce(&Task) -> Result<Policy, Error>,
        seed: u64,
    ) -> Result<Self, Error> {
        let task = task(family, id)?;
        let spec = family.spec();
        Ok(Self {
            policy: policy(&task)?,
            task,
            env: family.make()?,
            spec,
            tasks: family.tasks(id.split),
            seed,
            observation: vec![0.0; spec.observation_dim],
            action: vec![0.0; spec.action_dim],
        })
    }

    /// Plays episode number `episode` to its end. Episodes follow each other from 0 on.
    ///
    /// # Errors
    /// Of the environment, the policy or the audience.
    pub fn play(&mut self, episode: u32, audience: &mut dyn Audience) -> Result<(), Error> {
        let mut world = stream(self.seed, Role::Environment, episode.into(), 0);
        self.policy.begin(self.seed, episode)?;
        self.env.reset(&self.task, &mut world, &mut self.observation)?;
        let mut total = 0.0;
        let mut last = None;
        for steps in 0.. {
            let in_force = self.env.in_force().and_then(|index| self.tasks.get(index as usize));
            let moment = Moment {
                episode,
                steps,
                horizon: self.spec.horizon,
                task: in_force.unwrap_or(&self.task),
                observation: &self.observation,
                last: last.map(|step| (self.action.as_slice(), step)),
                total,
                truncated: last.is_some() && self.env.truncated(),
            };
            audience.see(&moment, self.env.as_mut())?;
            if moment.is_last() {
                break;
            }
            self.policy.act(&self.observation, &mut self.action)?;
            let step = self.env.step(&self.action, &mut world, &mut self.observation)?;
            self.policy.receive(step.reward, &self.observation)?;
            total += step.reward;
            last = Some(step);
        }
        Ok(())
    }
}
