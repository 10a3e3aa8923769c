//! Task families and their physics: the only crate that touches MuJoCo.
//!
//! A [`TaskFamily`] lists the tasks to train and to test on and makes environments; an [`Env`]
//! plays episodes of any task of its family. Physics runs in `f64`, observations and actions are
//! `f32`, and nothing is allocated between `reset` and the end of an episode. What is random comes
//! from the generator that the caller passes in, so a seed fixes a trajectory bit for bit.
//!
//! A new family is one file with one type that implements [`TaskFamily`], and one line in
//! [`registry`]; the test suite in `tests/families.rs` then covers it.

mod env;
mod error;
pub mod registry;

pub mod carl;
pub mod cemrl;
#[cfg(feature = "gymnasium")]
pub mod gymnasium;
pub mod pearl;
pub mod smrl;
pub mod tigr;
pub mod toy;
pub mod wrappers;

pub mod bodies;
pub mod body;
pub mod half_cheetah;
pub mod height_field;
pub mod mujoco;
pub mod numpy;
pub mod picture;
mod reference;
mod runner;

/// The family that `docs/extending.md` walks through, so that it compiles and works.
#[cfg(test)]
pub mod example;

pub use env::{Card, Env, Oracle, Step, TaskFamily};
pub use error::Error;
pub use reference::describe;
pub use registry::{Suite, families, find, suites};
pub use wrappers::build;
