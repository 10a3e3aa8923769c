//! Gymnasium's bodies on their way somewhere: one environment for all families whose tasks differ
//! in what is rewarded.
//!
//! A family is a [`Running`]: what people read, the list of its tasks, and [`Rules`] made of plain
//! functions. `G` is what a task asks for (a direction, a goal).

use crate::Error;
use crate::body::{Body, Plan};
use crate::env::{self, Card, Env, Step, TaskFamily};
use crate::mujoco::Simulation;
use crate::picture::Scene;
use rand_chacha::ChaCha8Rng;
use types::{EnvSpec, Split, Task};

/// A family on a body of Gymnasium's.
pub(crate) struct Running<G: 'static> {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) card: Card,
    pub(crate) spec: EnvSpec,
    pub(crate) tasks: fn(Split) -> Vec<Task>,
    pub(crate) rules: Rules<G>,
}

/// What makes one family differ from another.
#[derive(Debug)]
pub(crate) struct Rules<G: 'static> {
    pub(crate) plan: &'static Plan,
    /// The body of the model whose frame [`View::frame`] is.
    pub(crate) frame: &'static str,
    /// What a task asks for.
    pub(crate) read: fn(&Task) -> Result<G, Error>,
    /// Works out what a step does not: [`nothing_more`] or [`Simulation::contact_forces`].
    pub(crate) complete: fn(&mut Simulation),
    /// Writes an observation.
    pub(crate) observe: fn(&View<'_>, &mut [f32]) -> Result<(), Error>,
    /// Where the body is, in the sense of [`Motion`], m.
    pub(crate) place: fn(&View<'_>) -> [f64; 2],
    /// The reward of a step.
    pub(crate) reward: fn(&G, &Motion<'_>) -> f64,
    /// Whether a step was the last.
    pub(crate) ended: fn(&G, &Motion<'_>) -> bool,
}

impl<G> Clone for Rules<G> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<G> Copy for Rules<G> {}

/// The body as observations and rewards look at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) simulation: &'a Simulation,
    frame: usize,
}

impl View<'_> {
    pub(crate) fn qpos(&self) -> &[f64] {
        self.simulation.qpos()
    }

    pub(crate) fn qvel(&self) -> &[f64] {
        self.simulation.qvel()
    }

    /// Position of the frame of the rules in space, m, as MuJoCo keeps it (`xpos`): of the last
    /// time at which it looked at the world. With Euler's method that is one simulation step
    /// before `qpos`, with Runge-Kutta's the last stage of the step.
    pub(crate) fn frame(&self) -> &[f64; 3] {
        self.simulation.body_position(self.frame)
    }
}

/// A step that was taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Motion<'a> {
    /// [`Rules::place`] before the step.
    pub(crate) before: [f64; 2],
    /// [`Rules::place`] after it.
    pub(crate) after: [f64; 2],
    /// Its duration, s.
    pub(crate) seconds: f64,
    /// ‖u‖² of the controls, in the model's units.
    pub(crate) effort: f64,
    /// What it led to.
    pub(crate) view: View<'a>,
}

impl Motion<'_> {
    /// Distance covered along each axis over the duration of the step, m/s.
    pub(crate) fn velocity(&self) -> [f64; 2] {
        let [x, y] = self.before;
        [(self.after[0] - x) / self.seconds, (self.after[1] - y) / self.seconds]
    }
}

/// For [`Rules::complete`].
pub(crate) fn nothing_more(_: &mut Simulation) {}

/// For [`Rules::place`]: the first two coordinates, which are x and y of a body in space, x and z
/// of one in a plane.
pub(crate) fn coordinates(view: &View<'_>) -> [f64; 2] {
    [view.qpos()[0], view.qpos()[1]]
}

/// For [`Rules::place`]: x and y of the frame.
pub(crate) fn frame(view: &View<'_>) -> [f64; 2] {
    let [x, y, _] = *view.frame();
    [x, y]
}

/// Velocities clipped to ±10, as the hopper and the walker are observed.
pub(crate) fn clipped<'a>(view: &View<'a>) -> impl Iterator<Item = f64> + use<'a> {
    view.simulation.qvel().iter().map(|velocity| velocity.clamp(-10.0, 10.0))
}

/// For [`Rules::ended`]: Gymnasium's rule for the hopper.
pub(crate) fn hopper_fell<G>(_: &G, motion: &Motion<'_>) -> bool {
    let qpos = motion.view.qpos();
    let mut rest = qpos[2..].iter().chain(motion.view.qvel());
    !(rest.all(|value| value.abs() < 100.0) && qpos[1] > 0.7 && qpos[2].abs() < 0.2)
}

/// For [`Rules::ended`]: Gymnasium's rule for the walker.
pub(crate) fn walker_fell<G>(_: &G, motion: &Motion<'_>) -> bool {
    let (height, pitch) = (motion.view.qpos()[1], motion.view.qpos()[2]);
    !(height > 0.8 && height < 2.0 && pitch > -1.0 && pitch < 1.0)
}

/// For [`Rules::ended`].
pub(crate) fn never<G>(_: &G, _: &Motion<'_>) -> bool {
    false
}

impl<G: Send + Sync> TaskFamily for Running<G> {
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
        self.spec
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        (self.tasks)(split)
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        Ok(Box::new(Runner::new(self.rules, self.spec)?))
    }
}

/// The environment.
#[derive(Debug)]
pub(crate) struct Runner<G: 'static> {
    rules: Rules<G>,
    observation_dim: usize,
    body: Body,
    frame: usize,
    goal: Option<G>,
}

impl<G> Runner<G> {
    pub(crate) fn new(rules: Rules<G>, spec: EnvSpec) -> Result<Self, Error> {
        let body = Body::new(rules.plan)?;
        let frame = body.simulation().body(rules.frame)?;
        Ok(Self { rules, observation_dim: spec.observation_dim, body, frame, goal: None })
    }

    /// The physics underneath, to change it.
    pub(crate) fn simulation_mut(&mut self) -> &mut Simulation {
        self.body.simulation_mut()
    }

    fn view(&self) -> View<'_> {
        View { simulation: self.body.simulation(), frame: self.frame }
    }

    fn observe(&self, observation: &mut [f32]) -> Result<(), Error> {
        (self.rules.observe)(&self.view(), observation)
    }
}

impl<G: Send> Env for Runner<G> {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        self.goal = Some((self.rules.read)(task)?);
        self.body.reset(rng);
        (self.rules.complete)(self.body.simulation_mut());
        self.observe(observation)
    }

    fn step(
        &mut self,
        action: &[f32],
        _rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        env::check_len("observation", self.observation_dim, observation.len())?;
        if self.goal.is_none() {
            return Err(Error::NotReset);
        }
        let before = (self.rules.place)(&self.view());
        self.body.step(action)?;
        (self.rules.complete)(self.body.simulation_mut());
        self.observe(observation)?;
        let goal = self.goal.as_ref().ok_or(Error::NotReset)?;
        let view = self.view();
        let motion = Motion {
            before,
            after: (self.rules.place)(&view),
            seconds: self.body.step_seconds(),
            effort: self.body.effort(),
            view,
        };
        let reward = (self.rules.reward)(goal, &motion);
        let terminated = (self.rules.ended)(goal, &motion);
        Ok(Step { reward, shaped_reward: reward, terminated })
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        self.goal = Some((self.rules.read)(task)?);
        Ok(())
    }

    fn position(&self) -> Option<f64> {
        self.body.simulation().qpos().first().copied()
    }

    fn scene(&mut self) -> Scene<'_> {
        Scene::Physics(self.body.simulation_mut())
    }
}
