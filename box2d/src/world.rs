//! A world, which owns all that is in it.
#![allow(unsafe_code, reason = "the only door to the C++ library")]

use crate::ffi;
use crate::{Body, BodyState, Broken, Hinge, Joint, JointState, Material, Motion, Shape};
use std::ffi::{CStr, c_char};
use std::ptr::{self, NonNull};

/// A world of Box2D. Bodies and joints stay until it goes.
#[derive(Debug)]
pub struct World {
    raw: NonNull<ffi::World>,
    bodies: Vec<NonNull<ffi::Body>>,
    joints: Vec<NonNull<ffi::Joint>>,
    /// Corners of all shapes, each in the frame of its body, one shape after the other.
    corners: Vec<[f32; 2]>,
    /// The body of each shape, and where its corners end.
    shapes: Vec<(Body, usize)>,
    broken: bool,
}

// SAFETY: a world refers to nothing outside of itself but tables that are filled before the first
// world is made, and counters for debugging that nobody reads. It has no ties to a thread.
unsafe impl Send for World {}

impl World {
    /// An empty world with `gravity`, m/s². Bodies at rest fall asleep; fast ones do not tunnel
    /// through static ones.
    #[must_use]
    pub fn new(gravity: [f32; 2]) -> Self {
        // SAFETY: no preconditions. Without memory C++ throws, which ends the process; so the
        // pointer is not null.
        let raw =
            unsafe { NonNull::new_unchecked(ffi::proteus_box2d_world(gravity[0], gravity[1])) };
        Self { raw, bodies: vec![], joints: vec![], corners: vec![], shapes: vec![], broken: false }
    }

    /// Changes gravity, m/s².
    pub fn set_gravity(&mut self, gravity: [f32; 2]) {
        // SAFETY: the world is alive.
        unsafe { ffi::proteus_box2d_gravity(self.raw.as_ptr(), gravity[0], gravity[1]) }
    }

    /// Makes a body without a shape at `position`, m, turned by `angle`, rad.
    ///
    /// # Errors
    /// [`Broken`] if a number is not finite or a step has failed.
    pub fn add_body(
        &mut self,
        motion: Motion,
        position: [f32; 2],
        angle: f32,
    ) -> Result<Body, Broken> {
        let dynamic = motion == Motion::Dynamic;
        let mut body = ptr::null_mut();
        // SAFETY: the world is alive; the position is copied.
        check(unsafe {
            let raw = self.raw.as_ptr();
            ffi::proteus_box2d_body(raw, dynamic, position.as_ptr(), angle, &mut body)
        })?;
        self.bodies.push(made(body)?);
        Ok(Body(self.bodies.len() - 1))
    }

    /// Gives a body one more shape; its mass follows.
    ///
    /// # Errors
    /// [`Broken`] if the shape is none, for example because its corners lie on a line.
    pub fn attach(
        &mut self,
        body: Body,
        shape: Shape<'_>,
        material: &Material,
    ) -> Result<(), Broken> {
        let raw = self.body(body);
        // SAFETY: the body is alive, and the shape is copied before the call returns.
        check(unsafe {
            match shape {
                Shape::Edge(ends) => ffi::proteus_box2d_edge(raw, ends.as_ptr(), material),
                Shape::Polygon(corners) => {
                    ffi::proteus_box2d_polygon(raw, corners.as_ptr(), corners.len(), material)
                }
                Shape::Rectangle([width, height]) => {
                    ffi::proteus_box2d_box(raw, width, height, material)
                }
            }
        })?;
        match shape {
            Shape::Edge(ends) => self.corners.extend(ends),
            Shape::Polygon(corners) => self.corners.extend(corners),
            Shape::Rectangle([w, h]) => self.corners.extend([[w, h], [-w, h], [-w, -h], [w, -h]]),
        }
        self.shapes.push((body, self.corners.len()));
        Ok(())
    }

    /// Every shape, in the order in which they were attached: its body, and its corners where they
    /// are in the world now, m. An edge has two.
    pub fn outlines(&self) -> impl Iterator<Item = (Body, Vec<[f32; 2]>)> {
        let mut start = 0;
        self.shapes.iter().map(move |&(body, end)| {
            let corners = &self.corners[std::mem::replace(&mut start, end)..end];
            let BodyState { position: [x, y], angle, .. } = self.body_state(body);
            let (sin, cos) = angle.sin_cos();
            let moved = |&[a, b]: &[f32; 2]| [x + cos * a - sin * b, y + sin * a + cos * b];
            (body, corners.iter().map(moved).collect())
        })
    }

    /// Changes the friction of all shapes of a body, also where they are in contact now.
    pub fn set_friction(&mut self, body: Body, friction: f32) {
        // SAFETY: the body is alive.
        unsafe { ffi::proteus_box2d_friction(self.body(body), friction) }
    }

    /// Joins two bodies, which then do not collide with each other.
    ///
    /// # Errors
    /// [`Broken`] if a step has failed.
    pub fn add_hinge(&mut self, a: Body, b: Body, hinge: &Hinge) -> Result<Joint, Broken> {
        let (a, b) = (self.body(a), self.body(b));
        let mut joint = ptr::null_mut();
        // SAFETY: world and bodies are alive; the definition is copied.
        check(unsafe { ffi::proteus_box2d_hinge(self.raw.as_ptr(), a, b, hinge, &mut joint) })?;
        self.joints.push(made(joint)?);
        Ok(Joint(self.joints.len() - 1))
    }

    /// Lets the motor of a joint want `speed`, rad/s, with at most `torque`, N·m.
    pub fn set_motor(&mut self, joint: Joint, speed: f32, torque: f32) {
        // SAFETY: the joint is alive.
        unsafe { ffi::proteus_box2d_motor(self.joint(joint), speed, torque) }
    }

    /// Pushes at the centre of mass with `force`, N, during the next step.
    pub fn push(&mut self, body: Body, force: [f32; 2]) {
        // SAFETY: the body is alive.
        unsafe { ffi::proteus_box2d_force(self.body(body), force[0], force[1]) }
    }

    /// Changes velocities at once by `impulse`, N·s, at the point `at` of the world, m.
    pub fn kick(&mut self, body: Body, impulse: [f32; 2], at: [f32; 2]) {
        let body = self.body(body);
        // SAFETY: the body is alive.
        unsafe { ffi::proteus_box2d_impulse(body, impulse[0], impulse[1], at[0], at[1]) }
    }

    /// Simulates `seconds`, with so many rounds of the solvers for velocities and positions.
    ///
    /// # Errors
    /// [`Broken`], and so is the world from then on; every further step says so.
    pub fn step(
        &mut self,
        seconds: f32,
        velocity_rounds: i32,
        position_rounds: i32,
    ) -> Result<(), Broken> {
        if self.broken {
            return Err(Broken { condition: "no step has failed before" });
        }
        let raw = self.raw.as_ptr();
        // SAFETY: the world is alive and no step of it has failed.
        let result = check(unsafe {
            ffi::proteus_box2d_step(raw, seconds, velocity_rounds, position_rounds)
        });
        self.broken = result.is_err();
        result
    }

    /// Where a body is, how it moves, and what touches it.
    #[must_use]
    pub fn body_state(&self, body: Body) -> BodyState {
        let mut state = BodyState::default();
        // SAFETY: the body is alive; the state has the layout of the shim's.
        unsafe { ffi::proteus_box2d_body_state(self.body(body), &mut state) };
        state
    }

    /// How a joint is bent, and how fast that changes.
    #[must_use]
    pub fn joint_state(&self, joint: Joint) -> JointState {
        let mut state = JointState::default();
        // SAFETY: the joint is alive; the state has the layout of the shim's.
        unsafe { ffi::proteus_box2d_joint_state(self.joint(joint), &mut state) };
        state
    }

    /// How far a ray from `from` to `to`, m, comes until it meets a shape that has one of the bits
    /// of `category`, as a fraction of its length; 1 if it meets none.
    ///
    /// # Errors
    /// [`Broken`] if it has no length.
    pub fn ray(&self, from: [f32; 2], to: [f32; 2], category: u16) -> Result<f32, Broken> {
        let mut fraction = 1.0;
        // SAFETY: the world is alive; both ends hold two numbers.
        check(unsafe {
            let raw = self.raw.as_ptr();
            ffi::proteus_box2d_ray(raw, from.as_ptr(), to.as_ptr(), category, &mut fraction)
        })?;
        Ok(fraction)
    }

    fn body(&self, body: Body) -> *mut ffi::Body {
        self.bodies[body.0].as_ptr()
    }

    fn joint(&self, joint: Joint) -> *mut ffi::Joint {
        self.joints[joint.0].as_ptr()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // After a failed step Box2D's own books do not add up, and its destructor would end the
        // process over that. The memory of such a world is given up instead.
        if !self.broken {
            // SAFETY: made by `proteus_box2d_world`, freed once, not in a step.
            unsafe { ffi::proteus_box2d_free(self.raw.as_ptr()) }
        }
    }
}

/// What Box2D has made; it makes nothing in the middle of a step.
fn made<T>(pointer: *mut T) -> Result<NonNull<T>, Broken> {
    NonNull::new(pointer).ok_or(Broken { condition: "IsLocked() == false" })
}

fn check(condition: *const c_char) -> Result<(), Broken> {
    if condition.is_null() {
        return Ok(());
    }
    // SAFETY: a string literal of Box2D's.
    let condition = unsafe { CStr::from_ptr::<'static>(condition) };
    Err(Broken { condition: condition.to_str().unwrap_or("a condition that is not UTF-8") })
}
