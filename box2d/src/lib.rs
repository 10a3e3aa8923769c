//! Box2D 2.3, as Gymnasium uses it: bodies of edges and convex polygons, hinges with motors, rays.
//!
//! The engine is the C++ library of that name by Erin Catto (zlib licence), in the form in which
//! pybox2d packages it: with its settings, and computing in `f32` to the same bits. The sources are
//! not part of this repository; `cargo xtask setup` fetches them and the build script compiles them
//! with `shim/`. All of the unsafe code that this takes is in this crate.

mod ffi;
mod parts;
mod world;

pub use parts::{Body, BodyState, Hinge, Joint, JointState, Material, Motion, Shape};
pub use world::World;

/// Box2D found something that must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `{condition}` to hold in Box2D, got that it does not")]
pub struct Broken {
    /// The condition as Box2D's source has it.
    pub condition: &'static str,
}
