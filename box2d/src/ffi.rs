//! The functions of `shim/shim.cpp`. All pointers are to live objects of one world; numbers by
//! pointer are two, x and y. A text that is returned is the condition that Box2D found violated.
#![allow(unsafe_code, reason = "declarations of C functions")]

use std::ffi::c_char;

/// A world of Box2D with what listens to its contacts.
#[repr(C)]
pub(crate) struct World {
    _opaque: [u8; 0],
}

/// A rigid body; owned by its world.
#[repr(C)]
pub(crate) struct Body {
    _opaque: [u8; 0],
}

/// A revolute joint; owned by its world.
#[repr(C)]
pub(crate) struct Joint {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    pub(crate) fn proteus_box2d_world(x: f32, y: f32) -> *mut World;
    /// Not after a failed step: Box2D would end the process.
    pub(crate) fn proteus_box2d_free(world: *mut World);
    pub(crate) fn proteus_box2d_gravity(world: *mut World, x: f32, y: f32);
    pub(crate) fn proteus_box2d_body(
        world: *mut World,
        dynamic: bool,
        position: *const f32,
        angle: f32,
        body: *mut *mut Body,
    ) -> *const c_char;
    pub(crate) fn proteus_box2d_edge(
        body: *mut Body,
        ends: *const [f32; 2],
        material: *const crate::Material,
    ) -> *const c_char;
    pub(crate) fn proteus_box2d_polygon(
        body: *mut Body,
        corners: *const [f32; 2],
        count: usize,
        material: *const crate::Material,
    ) -> *const c_char;
    pub(crate) fn proteus_box2d_box(
        body: *mut Body,
        half_width: f32,
        half_height: f32,
        material: *const crate::Material,
    ) -> *const c_char;
    pub(crate) fn proteus_box2d_friction(body: *mut Body, friction: f32);
    pub(crate) fn proteus_box2d_hinge(
        world: *mut World,
        a: *mut Body,
        b: *mut Body,
        hinge: *const crate::Hinge,
        joint: *mut *mut Joint,
    ) -> *const c_char;
    pub(crate) fn proteus_box2d_motor(joint: *mut Joint, speed: f32, torque: f32);
    pub(crate) fn proteus_box2d_force(body: *mut Body, x: f32, y: f32);
    pub(crate) fn proteus_box2d_impulse(body: *mut Body, x: f32, y: f32, at_x: f32, at_y: f32);
    pub(crate) fn proteus_box2d_step(
        world: *mut World,
        seconds: f32,
        velocity_iterations: i32,
        position_iterations: i32,
    ) -> *const c_char;
    pub(crate) fn proteus_box2d_body_state(body: *const Body, state: *mut crate::BodyState);
    pub(crate) fn proteus_box2d_joint_state(joint: *const Joint, state: *mut crate::JointState);
    pub(crate) fn proteus_box2d_ray(
        world: *const World,
        from: *const f32,
        to: *const f32,
        category: u16,
        fraction: *mut f32,
    ) -> *const c_char;
}
