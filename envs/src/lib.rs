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

mod cheetah_dir;
mod cheetah_vel;
mod point_robot;
mod sparse_point_robot;

pub mod half_cheetah;
pub mod mujoco;
mod numpy;
mod point;
mod reference;

pub use cheetah_dir::CheetahDir;
pub use cheetah_vel::CheetahVel;
pub use env::{Env, Oracle, Step, TaskFamily};
pub use error::Error;
pub use point_robot::PointRobot;
pub use reference::describe;
pub use registry::{families, find};
pub use sparse_point_robot::SparsePointRobot;
