//! A point on a plane that moves where it is told to: the body of the point families.

use crate::Error;
use crate::env::{self, Env, Oracle, Step};
use crate::picture::{Colour, Drawing, Scene, View};
use rand_chacha::ChaCha8Rng;
use types::{EnvSpec, Task};

/// How far one step goes along an axis at an action of 1, in units of length.
const REACH: f64 = 0.1;

/// Steps of an episode.
const HORIZON: usize = 20;

/// How far from the origin pictures show the plane.
const SIGHT: f64 = 2.0;

/// Names of the parameters of a task: where the goal is.
pub(crate) const GOAL: [&str; 2] = ["goal_x", "goal_y"];

/// Shapes of both families: the observation is the position (x, y), the action the velocity
/// along both axes. The goal is not observed.
pub(crate) const fn spec(shaped_reward: bool) -> EnvSpec {
    EnvSpec { shaped_reward, ..EnvSpec::new(2, 2, HORIZON) }
}

/// What makes one point family differ from another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Where an episode starts.
    pub(crate) start: fn(&mut ChaCha8Rng) -> [f64; 2],
    /// The task's own reward at a distance from the goal; the shaped one is always `-distance`.
    pub(crate) reward: fn(f64) -> f64,
}

/// The environment.
#[derive(Debug)]
pub(crate) struct PointEnv {
    rules: Rules,
    position: [f64; 2],
    goal: Option<[f64; 2]>,
}

impl PointEnv {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules, position: [0.0; 2], goal: None }
    }

    fn observe(&self, observation: &mut [f32]) {
        for (slot, &value) in observation.iter_mut().zip(&self.position) {
            *slot = env::narrow(value);
        }
    }
}

impl Env for PointEnv {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        env::check_len("observation", self.position.len(), observation.len())?;
        self.goal = Some(goal(task)?);
        self.position = (self.rules.start)(rng);
        self.observe(observation);
        Ok(())
    }

    fn step(
        &mut self,
        action: &[f32],
        _rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        env::check_len("observation", self.position.len(), observation.len())?;
        let action = env::clipped::<2>(action)?;
        let goal = self.goal.ok_or(Error::NotReset)?;
        for (coordinate, push) in self.position.iter_mut().zip(action) {
            *coordinate += REACH * push;
        }
        self.observe(observation);
        let distance = (goal[0] - self.position[0]).hypot(goal[1] - self.position[1]);
        Ok(Step {
            reward: (self.rules.reward)(distance),
            shaped_reward: -distance,
            terminated: false,
        })
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        self.goal = Some(goal(task)?);
        Ok(())
    }

    fn scene(&mut self) -> Scene<'_> {
        let mut drawing = Drawing::new(View::square(SIGHT))
            .line([-SIGHT, 0.0], [SIGHT, 0.0], 0.0, Colour::GREY)
            .line([0.0, -SIGHT], [0.0, SIGHT], 0.0, Colour::GREY);
        if let Some(goal) = self.goal {
            drawing = drawing.disc(goal, 0.06, Colour::GREEN);
        }
        Scene::Drawing(drawing.disc(self.position, 0.04, Colour::BLUE))
    }
}

/// Where the goal of `task` is.
pub(crate) fn goal(task: &Task) -> Result<[f64; 2], Error> {
    let [x, y] = GOAL;
    Ok([env::parameter(task, x)?, env::parameter(task, y)?])
}

/// Moves along each axis as fast as it can until it is there. The axes do not hinder each other,
/// so no other policy is ever nearer to the goal at any step.
#[derive(Debug)]
struct Straight {
    goal: [f64; 2],
}

/// The optimal policy for `task`, if that is a task of a point family.
pub(crate) fn oracle(task: &Task) -> Option<Box<dyn Oracle>> {
    let goal = goal(task).ok()?;
    Some(Box::new(Straight { goal }))
}

impl Oracle for Straight {
    fn act(&self, observation: &[f32], action: &mut [f32]) {
        for ((slot, &position), goal) in action.iter_mut().zip(observation).zip(self.goal) {
            *slot = env::narrow(((goal - f64::from(position)) / REACH).clamp(-1.0, 1.0));
        }
    }
}
