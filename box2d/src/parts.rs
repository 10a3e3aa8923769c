//! What worlds are made of, and what can be seen of them. Layouts are those of `shim/shim.cpp`.

/// Names a body of the world that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Body(pub(crate) usize);

/// Names a joint of the world that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joint(pub(crate) usize);

/// What becomes of a body by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// It stays where it is, whatever hits it.
    Static,
    /// It obeys forces.
    Dynamic,
}

/// An outline in the frame of its body, m.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape<'a> {
    /// A line between two points; it has no mass.
    Edge([[f32; 2]; 2]),
    /// A convex polygon of 3 to 16 corners; what is dented is filled up.
    Polygon(&'a [[f32; 2]]),
    /// A rectangle around the origin, given by half its width and half its height.
    Rectangle([f32; 2]),
}

/// How a shape weighs, rubs and collides. Two shapes collide when each has a category that the mask
/// of the other names.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Material {
    /// kg/m².
    pub density: f32,
    /// Coefficient of friction; that of a contact is the geometric mean of both.
    pub friction: f32,
    /// 0 is not elastic at all, 1 entirely; that of a contact is the larger one.
    pub restitution: f32,
    /// Bits of what it is.
    pub category: u16,
    /// Bits of what it collides with.
    pub mask: u16,
}

impl Default for Material {
    /// Box2D's: weightless, friction 0.2, not elastic, of category 1, collides with everything.
    fn default() -> Self {
        Self { density: 0.0, friction: 0.2, restitution: 0.0, category: 1, mask: u16::MAX }
    }
}

/// A joint about which two bodies turn, with limits and a motor. Its angle is 0 in the pose in
/// which it is made.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hinge {
    /// Where it sits in the frame of the first body, m.
    pub anchor_a: [f32; 2],
    /// Where it sits in the frame of the second body, m.
    pub anchor_b: [f32; 2],
    /// Smallest angle, rad.
    pub lower: f32,
    /// Largest angle, rad.
    pub upper: f32,
    /// The speed that the motor wants, rad/s.
    pub speed: f32,
    /// The most torque that the motor has, N·m.
    pub torque: f32,
}

/// A body at a moment.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BodyState {
    /// Of its origin, m.
    pub position: [f32; 2],
    /// rad.
    pub angle: f32,
    /// Of its centre of mass, m/s.
    pub velocity: [f32; 2],
    /// rad/s.
    pub angular_velocity: f32,
    /// Whether it may move; a body at rest for half a second sleeps until something happens to it.
    pub awake: bool,
    /// Whether the last that happened between it and any other shape was that they came to touch.
    pub touching: bool,
    /// Whether anything has touched it since it was made.
    pub touched: bool,
}

/// A joint at a moment.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JointState {
    /// rad.
    pub angle: f32,
    /// rad/s.
    pub speed: f32,
}
