//! What CARL lets vary about the lander.

use super::super::features::{self, feature};
use crate::Error;
use crate::carl::context::Feature;
use types::Task;

/// The features, with CARL's names, defaults and bounds.
pub const FEATURES: [Feature; 16] = [
    feature("FPS", 50.0, 1.0, 500.0),
    feature("SCALE", 30.0, 1.0, 100.0),
    feature("MAIN_ENGINE_POWER", 13.0, 0.0, 50.0),
    feature("SIDE_ENGINE_POWER", 0.6, 0.0, 50.0),
    feature("INITIAL_RANDOM", 1000.0, 0.0, 2000.0),
    feature("GRAVITY_X", 0.0, -20.0, 20.0),
    feature("GRAVITY_Y", -10.0, -20.0, 0.01),
    feature("LEG_AWAY", 20.0, 0.0, 50.0),
    feature("LEG_DOWN", 18.0, 0.0, 50.0),
    feature("LEG_W", 2.0, 1.0, 10.0),
    feature("LEG_H", 8.0, 1.0, 20.0),
    feature("LEG_SPRING_TORQUE", 40.0, 0.0, 100.0),
    feature("SIDE_ENGINE_HEIGHT", 14.0, 1.0, 20.0),
    feature("SIDE_ENGINE_AWAY", 12.0, 1.0, 20.0),
    feature("VIEWPORT_W", 600.0, 400.0, 1000.0),
    feature("VIEWPORT_H", 400.0, 200.0, 800.0),
];

/// The lander's numbers. Lengths are in pixels unless they say otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Context {
    /// Steps per second.
    pub fps: f64,
    /// Pixels per metre.
    pub scale: f64,
    /// Impulse of the main engine per metre of its lever.
    pub main_engine_power: f64,
    /// Impulse of a side engine per metre of its lever.
    pub side_engine_power: f64,
    /// Largest force at the start along each axis, N.
    pub initial_random: f64,
    /// x and y, m/s².
    pub gravity: [f64; 2],
    /// From the middle of the hull to a leg's joint, sideways.
    pub leg_away: f64,
    /// From the middle of the hull down to a leg's middle.
    pub leg_down: f64,
    /// Half a leg's width and height.
    pub leg: [f64; 2],
    /// Torque that spreads the legs, N·m.
    pub leg_spring_torque: f64,
    /// Height of the side engines above the middle of the hull.
    pub side_engine_height: f64,
    /// From the middle of the hull to a side engine.
    pub side_engine_away: f64,
    /// Width and height of the world.
    pub viewport: [f64; 2],
}

impl Context {
    /// From the values of [`FEATURES`], in their order.
    #[must_use]
    pub fn new(values: [f64; 16]) -> Self {
        let [fps, scale, main, side, initial_random, gravity_x, gravity_y, rest @ ..] = values;
        let [leg_away, leg_down, leg_w, leg_h, leg_spring_torque, height, away, w, h] = rest;
        Self {
            fps,
            scale,
            main_engine_power: main,
            side_engine_power: side,
            initial_random,
            gravity: [gravity_x, gravity_y],
            leg_away,
            leg_down,
            leg: [leg_w, leg_h],
            leg_spring_torque,
            side_engine_height: height,
            side_engine_away: away,
            viewport: [w, h],
        }
    }

    /// From the parameters of `task`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if one is missing or out of bounds.
    pub fn of(task: &Task) -> Result<Self, Error> {
        features::read(&FEATURES, task).map(Self::new)
    }

    /// Half the world's width and height, m: the unit of the observation.
    pub(super) fn half_world(&self) -> [f64; 2] {
        self.viewport.map(|pixels| pixels / self.scale / 2.0)
    }
}
