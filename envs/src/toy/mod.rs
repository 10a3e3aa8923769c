//! The points on a line and on a plane of SMRL.
//!
//! Two kinds of body, on a line or on a plane: a [`Walk`] goes where it is told to, a [`Slide`] has
//! inertia. The families are constants of these. `toy1d-multi-task` has a body of its own.

mod goals;
mod scene;
mod walk;
mod motion;
mod slide;
mod lines;
mod planes;
mod multi_task;

pub use multi_task::MultiTask;
pub use slide::Slide;
pub use walk::Walk;

use crate::TaskFamily;

/// Steps of an episode of walks and slides.
const HORIZON: usize = 250;

/// All of them.
pub(crate) static FAMILIES: &[&dyn TaskFamily] = &[
    &lines::TOY1D,
    &lines::FIXED,
    &lines::RAND,
    &lines::DOMAIN_RAND,
    &lines::NOISY,
    &lines::UNBOUNDED,
    &lines::SMALL,
    &lines::SYMMETRIES,
    &lines::DYNAMIC,
    &lines::CONTINUOUS,
    &lines::CONTINUOUS_RAND,
    &planes::L1,
    &planes::L2,
    &planes::RAND,
    &planes::CONTINUOUS,
    &MultiTask,
];
