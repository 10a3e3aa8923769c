//! What a Gymnasium environment makes of a body.

use crate::Error;
use crate::body::{Body, Plan};
use rand_chacha::ChaCha8Rng;

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The reward.
    pub reward: f64,
    /// Whether the body is in a state that ends the episode.
    pub terminated: bool,
}

/// A body under the rules of its Gymnasium environment with the default settings.
///
/// Rewards pay for the way covered in x over the duration of a step, so [`Standard::place`] has to be
/// asked before and after it; [`Standard::step`] does all of that.
pub trait Standard: 'static {
    /// The body.
    const PLAN: &'static Plan;

    /// Numbers in an observation.
    const OBSERVATION: usize;

    /// Steps after which an episode is truncated.
    const HORIZON: usize = 1000;

    /// Parts of the body that the rules refer to, by their name in the model and their id.
    const PARTS: &'static [(&'static str, usize)] = &[];

    /// Whether the rules refer to the forces of contacts, which are worked out only then.
    const FEELS: bool = false;

    /// Builds the body; call [`Standard::reset`] next.
    ///
    /// # Errors
    /// [`Error::NoModels`] or [`Error::Model`] when the model cannot be loaded or is another one.
    fn build() -> Result<Body, Error> {
        let body = Body::new(Self::PLAN)?;
        for &(name, id) in Self::PARTS {
            body.simulation().expect_body(name, id)?;
        }
        Ok(body)
    }

    /// Puts `body` into a start state.
    fn reset(body: &mut Body, rng: &mut ChaCha8Rng) {
        body.reset(rng);
    }

    /// Takes `action`, `[motors]`, in [-1, 1] of the motors' ranges, and judges what came of it.
    ///
    /// # Errors
    /// As [`Body::step`].
    fn step(body: &mut Body, action: &[f32]) -> Result<Outcome, Error> {
        let before = Self::place(body);
        body.step(action)?;
        if Self::FEELS {
            body.feel();
        }
        let velocity = (Self::place(body) - before) / body.step_seconds();
        Ok(Outcome { reward: Self::reward(body, velocity), terminated: Self::is_over(body) })
    }

    /// What is observed, `OBSERVATION` numbers.
    fn observation(body: &Body) -> impl Iterator<Item = f64>;

    /// How far the body has come in x, m.
    fn place(body: &Body) -> f64 {
        body.simulation().qpos()[0]
    }

    /// The reward for a step that led to the state of `body` at `velocity`, m/s.
    fn reward(body: &Body, velocity: f64) -> f64;

    /// Whether the state of `body` ends the episode.
    fn is_over(body: &Body) -> bool {
        let _ = body;
        false
    }
}
