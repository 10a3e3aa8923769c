//! An environment around the physics of a problem.

use crate::Error;
use crate::carl::context::{self, Feature};
use crate::env::{self, Env, Step};
use crate::picture::{Drawing, Scene};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use types::Task;

/// The physics of a problem in a context of `N` features.
pub(crate) trait Physics<const N: usize>: Sized + Send + 'static {
    /// What a context consists of.
    const FEATURES: &'static [Feature; N];

    /// What changes from step to step.
    type State: Copy + Send;

    /// Works out what steps need of a context, whose values are in the order of the features.
    fn new(context: [f64; N]) -> Self;

    /// Draws a start state.
    fn start(&self, rng: &mut ChaCha8Rng) -> Self::State;

    /// Takes a step; an action that cannot be right leaves the state as it was.
    fn step(
        &self,
        state: &mut Self::State,
        action: &[f32],
        rng: &mut ChaCha8Rng,
    ) -> Result<Step, Error>;

    /// What the agent sees of a state.
    fn seen(state: &Self::State) -> impl IntoIterator<Item = f64>;

    /// What a state looks like.
    fn draw(&self, state: &Self::State) -> Drawing;
}

/// A new environment with the physics `P`, which shows `WIDTH` numbers.
pub(crate) fn make<P: Physics<N>, const N: usize, const WIDTH: usize>() -> Box<dyn Env> {
    Box::new(Control::<P, N, WIDTH> { episode: None })
}

/// U(low, high), also where they are equal.
pub(crate) fn between(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    let part: f64 = rng.random();
    low + (high - low) * part
}

/// A step whose reward is not shaped.
pub(crate) fn step(reward: f64, terminated: bool) -> Step {
    Step { reward, shaped_reward: reward, terminated }
}

struct Control<P: Physics<N>, const N: usize, const WIDTH: usize> {
    episode: Option<(P, P::State)>,
}

impl<P: Physics<N>, const N: usize, const WIDTH: usize> Env for Control<P, N, WIDTH> {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        let physics = P::new(context::read(task, P::FEATURES)?);
        let state = physics.start(rng);
        env::observe(observation, P::seen(&state))?;
        self.episode = Some((physics, state));
        Ok(())
    }

    fn step(
        &mut self,
        action: &[f32],
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        let (physics, state) = self.episode.as_mut().ok_or(Error::NotReset)?;
        env::check_len("observation", WIDTH, observation.len())?;
        let step = physics.step(state, action, rng)?;
        env::observe(observation, P::seen(state))?;
        Ok(step)
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        let context = context::read(task, P::FEATURES)?;
        let (physics, _) = self.episode.as_mut().ok_or(Error::NotReset)?;
        *physics = P::new(context);
        Ok(())
    }

    fn scene(&mut self) -> Scene<'_> {
        match &self.episode {
            Some((physics, state)) => Scene::Drawing(physics.draw(state)),
            None => Scene::None,
        }
    }
}
