//! An episode of the walker.

use super::super::{Draw, Outcome, ROUNDS, double, scene, single};
use super::build::{self, GROUND, Parts};
use super::context::Context;
use super::terrain::sign;
use crate::Error;
use crate::env::narrow;
use crate::picture::{Colour, Drawing, View};

/// Rays of the lidar.
const RAYS: usize = 10;

/// The angle between neighbouring rays, rad; the first looks straight down, the others forward.
const RAY_ANGLE: f64 = 1.5;

/// What an action of 1 of a motor costs, by its torque.
const EFFORT: f64 = 0.00035;

/// Hull: angle (rad), angular velocity, vx, vy. Then for each leg: angle (rad) and speed of the hip
/// and of the knee, and whether it is on the ground (0 or 1). Then how far each ray comes, in units
/// of its range. Speeds of joints are in units of their motors', other velocities scaled.
pub type State = [f64; 14 + RAYS];

/// The walker on its ground.
#[derive(Debug)]
pub struct Walk {
    context: Context,
    parts: Parts,
    state: State,
    place: f64,
    potential: f64,
}

impl Walk {
    /// Starts an episode; the first step, with slack motors, is part of it.
    ///
    /// # Errors
    /// [`Error::Diverged`] if the context makes no world.
    pub fn start(context: Context, draw: &mut impl Draw) -> Result<Self, Error> {
        let parts = build::build(&context, draw)?;
        let mut walk = Self { context, parts, state: [0.0; 24], place: 0.0, potential: 0.0 };
        walk.step([0.0; 4])?;
        Ok(walk)
    }

    /// The state that the agent sees.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Where the hull is, m.
    #[must_use]
    pub fn place(&self) -> f64 {
        self.place
    }

    /// Puts another context in force for what moves the walker: gravity, friction, motors and the
    /// duration of a step, and for how far it sees. What the world is made of stays.
    pub fn switch(&mut self, context: &Context) {
        self.context.fps = context.fps;
        self.context.gravity = context.gravity;
        self.context.friction = context.friction;
        self.context.motors_torque = context.motors_torque;
        self.context.speed_hip = context.speed_hip;
        self.context.speed_knee = context.speed_knee;
        self.context.lidar_range = context.lidar_range;
        self.parts.world.set_gravity(single(context.gravity));
        for &stretch in &self.parts.ground {
            self.parts.world.set_friction(stretch, narrow(context.friction));
        }
    }

    /// Lets the motors (hip and knee of the first leg, then of the second) pull for a step: the
    /// sign of an action says which way, its size with how much of the torque.
    ///
    /// # Errors
    /// [`Error::Diverged`].
    pub fn step(&mut self, action: [f64; 4]) -> Result<Outcome, Error> {
        self.pull(action);
        let seconds = narrow(1.0 / self.context.fps);
        self.parts.world.step(seconds, ROUNDS[0], ROUNDS[1])?;
        self.look()?;
        let potential = 130.0 * self.place / self.context.scale - 5.0 * self.state[0].abs();
        let mut reward = potential - std::mem::replace(&mut self.potential, potential);
        for pull in action {
            reward -= EFFORT * self.context.motors_torque * pull.abs();
        }
        Ok(self.judge(reward))
    }

    /// The walker and the ground around it.
    pub(super) fn draw(&self) -> Drawing {
        let Parts { world, hull, .. } = &self.parts;
        let [x, y] = double(world.body_state(*hull).position);
        let drawing = Drawing::new(View { x: [x - 4.0, x + 8.0], y: [y - 4.0, y + 5.0] });
        let colour = |body| if body == *hull { Colour::BLUE } else { Colour::ORANGE };
        scene::draw(drawing, world, colour)
    }

    fn judge(&self, reward: f64) -> Outcome {
        let fallen = self.parts.world.body_state(self.parts.hull).touched;
        if fallen || self.place < 0.0 {
            return Outcome { reward: -100.0, terminated: true };
        }
        Outcome { reward, terminated: self.place > self.context.finish() }
    }

    fn pull(&mut self, action: [f64; 4]) {
        for ((joint, speed), pull) in
            self.parts.joints.into_iter().zip(self.context.speeds()).zip(action)
        {
            let torque = self.context.motors_torque * pull.abs();
            self.parts.world.set_motor(joint, narrow(speed * sign(pull)), narrow(torque));
        }
    }

    fn look(&mut self) -> Result<(), Error> {
        let hull = self.parts.world.body_state(self.parts.hull);
        let [vx, vy] = double(hull.velocity);
        let [width, height] = self.context.viewport.map(|pixels| pixels / self.context.scale);
        let fps = self.context.fps;
        let position = double(hull.position);
        self.place = position[0];
        self.state[0] = f64::from(hull.angle);
        self.state[1] = 2.0 * f64::from(hull.angular_velocity) / fps;
        self.state[2] = 0.3 * vx * width / fps;
        self.state[3] = 0.3 * vy * height / fps;
        self.feel();
        self.scan(position)
    }

    /// Joints and feet.
    fn feel(&mut self) {
        let Parts { world, feet, joints, .. } = &self.parts;
        let joints = joints.map(|joint| world.joint_state(joint));
        let speeds = self.context.speeds();
        for (leg, &foot) in feet.iter().enumerate() {
            let (hip, knee) = (2 * leg, 2 * leg + 1);
            self.state[4 + 5 * leg..][..5].copy_from_slice(&[
                f64::from(joints[hip].angle),
                f64::from(joints[hip].speed) / speeds[hip],
                f64::from(joints[knee].angle) + 1.0,
                f64::from(joints[knee].speed) / speeds[knee],
                f64::from(u8::from(world.body_state(foot).touching)),
            ]);
        }
    }

    fn scan(&mut self, [x, y]: [f64; 2]) -> Result<(), Error> {
        let range = self.context.lidar_range;
        for (index, slot) in self.state[14..].iter_mut().enumerate() {
            let angle = RAY_ANGLE * index as f64 / 10.0;
            let end = [x + angle.sin() * range, y - angle.cos() * range];
            *slot = f64::from(self.parts.world.ray(single([x, y]), single(end), GROUND)?);
        }
        Ok(())
    }
}
