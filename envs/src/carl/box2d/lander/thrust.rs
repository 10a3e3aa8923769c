//! From actions to engines.

use crate::Error;
use crate::env;

/// Alternatives of an action that chooses: nothing, left engine, main engine, right engine.
pub(super) const CHOICES: usize = 4;

/// Numbers of an action that throttles: main engine, side engines.
pub(super) const THROTTLES: usize = 2;

/// What the engines do in a step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Thrust {
    /// Of the main engine: 0 (off), or from 0.5 to 1.
    pub main: f64,
    /// Of the side engines: 0 (off), or from 0.5 to 1 for the right one and from -1 to -0.5 for the
    /// left one.
    pub side: f64,
}

impl Thrust {
    /// Engines that are on or off, one at most: the largest of four numbers says which.
    ///
    /// # Errors
    /// [`Error::Length`] or [`Error::Action`].
    pub fn chosen(action: &[f32]) -> Result<Self, Error> {
        Ok(match env::choice(action, CHOICES)? {
            1 => Self { main: 0.0, side: -1.0 },
            2 => Self { main: 1.0, side: 0.0 },
            3 => Self { main: 0.0, side: 1.0 },
            _ => Self::default(),
        })
    }

    /// Engines that throttle down to half their power and go out below it: the main one is on above
    /// 0, a side one beyond ±0.5.
    ///
    /// # Errors
    /// [`Error::Length`] or [`Error::Action`].
    pub fn throttled(action: &[f32]) -> Result<Self, Error> {
        let [main, side] = env::clipped::<THROTTLES>(action)?;
        Ok(Self {
            main: if main > 0.0 { (main + 1.0) * 0.5 } else { 0.0 },
            side: if side.abs() > 0.5 { side } else { 0.0 },
        })
    }
}
