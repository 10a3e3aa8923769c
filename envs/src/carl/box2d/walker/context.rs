//! What CARL lets vary about the walker.

use super::super::features::{self, feature};
use crate::Error;
use crate::carl::context::Feature;
use types::Task;

/// The features, with CARL's names, defaults and bounds. The default height of the ground is
/// Gymnasium's, 400/30/4 m; CARL has 5 m there, the width of the viewport in place of its height.
pub const FEATURES: [Feature; 20] = [
    feature("FPS", 50.0, 1.0, 500.0),
    feature("SCALE", 30.0, 1.0, 100.0),
    feature("GRAVITY_X", 0.0, -20.0, 20.0),
    feature("GRAVITY_Y", -10.0, -20.0, -0.01),
    feature("FRICTION", 2.5, 0.0, 10.0),
    feature("TERRAIN_STEP", 14.0 / 30.0, 0.25, 1.0),
    feature("TERRAIN_LENGTH", 200.0, 100.0, 500.0),
    feature("TERRAIN_HEIGHT", 400.0 / 30.0 / 4.0, 3.0, 10.0),
    feature("TERRAIN_GRASS", 10.0, 5.0, 15.0),
    feature("TERRAIN_STARTPAD", 20.0, 10.0, 30.0),
    feature("MOTORS_TORQUE", 80.0, 0.01, 200.0),
    feature("SPEED_HIP", 4.0, 0.01, 15.0),
    feature("SPEED_KNEE", 6.0, 0.01, 15.0),
    feature("LIDAR_RANGE", 160.0 / 30.0, 0.01, 20.0),
    feature("LEG_DOWN", -8.0 / 30.0, -2.0, -0.25),
    feature("LEG_W", 8.0 / 30.0, 0.25, 0.5),
    feature("LEG_H", 34.0 / 30.0, 0.25, 2.0),
    feature("INITIAL_RANDOM", 5.0, 0.0, 50.0),
    feature("VIEWPORT_W", 600.0, 400.0, 1000.0),
    feature("VIEWPORT_H", 400.0, 200.0, 800.0),
];

/// The walker's numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Context {
    /// Steps per second.
    pub fps: f64,
    /// Pixels per metre: the size of the hull, the roughness of the ground, the reward per metre.
    pub scale: f64,
    /// x and y, m/s².
    pub gravity: [f64; 2],
    /// Coefficient of friction of the ground.
    pub friction: f64,
    /// Length of a stretch of ground, m.
    pub terrain_step: f64,
    /// Corners of the ground.
    pub terrain_length: f64,
    /// Height to which the ground returns, m.
    pub terrain_height: f64,
    /// Stretches beyond the finish; also bounds the distance between flat stretches.
    pub terrain_grass: f64,
    /// Stretches that are flat at the start.
    pub terrain_startpad: f64,
    /// Torque of a motor at an action of 1, N·m.
    pub motors_torque: f64,
    /// Speed of the motors in the hips, rad/s.
    pub speed_hip: f64,
    /// Speed of the motors in the knees, rad/s.
    pub speed_knee: f64,
    /// How far the walker sees, m.
    pub lidar_range: f64,
    /// Height of the hips in the frame of the hull, m.
    pub leg_down: f64,
    /// Width of a leg and height of each of its two parts, m.
    pub leg: [f64; 2],
    /// Largest force at the start, N.
    pub initial_random: f64,
    /// Width and height of the view, pixels, by which velocities are scaled.
    pub viewport: [f64; 2],
}

impl Context {
    /// From the values of [`FEATURES`], in their order. Numbers of stretches are rounded.
    #[must_use]
    pub fn new(values: [f64; 20]) -> Self {
        let [fps, scale, gravity_x, gravity_y, friction, step, length, height, rest @ ..] = values;
        let [grass, startpad, motors_torque, speed_hip, speed_knee, lidar_range, rest @ ..] = rest;
        let [leg_down, leg_w, leg_h, initial_random, width, view_height] = rest;
        Self {
            fps,
            scale,
            gravity: [gravity_x, gravity_y],
            friction,
            terrain_step: step,
            terrain_length: length.round(),
            terrain_height: height,
            terrain_grass: grass.round(),
            terrain_startpad: startpad.round(),
            motors_torque,
            speed_hip,
            speed_knee,
            lidar_range,
            leg_down,
            leg: [leg_w, leg_h],
            initial_random,
            viewport: [width, view_height],
        }
    }

    /// From the parameters of `task`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if one is missing or out of bounds.
    pub fn of(task: &Task) -> Result<Self, Error> {
        features::read(&FEATURES, task).map(Self::new)
    }

    /// The speeds of the motors, rad/s: hip and knee of the first leg, then of the second.
    pub(super) fn speeds(&self) -> [f64; 4] {
        [self.speed_hip, self.speed_knee, self.speed_hip, self.speed_knee]
    }

    /// Where the walk is finished, m.
    pub(super) fn finish(&self) -> f64 {
        (self.terrain_length - self.terrain_grass) * self.terrain_step
    }
}
