//! An episode of the lander.

use super::super::{Draw, Outcome, ROUNDS, double, scene, single};
use super::build::{self, Parts, SIDES};
use super::context::Context;
use super::thrust::Thrust;
use crate::Error;
use crate::env::narrow;
use crate::picture::{Colour, Drawing, View};

/// Distance of the main engine from the middle of the hull, pixels.
const MAIN_ENGINE: f64 = 4.0;

/// How far the side engines' point of attack moves when the hull turns, pixels. Gymnasium has this
/// number where the height of the side engines belongs, and says so in its notes; kept, as
/// everybody trains on it.
const SIDE_ENGINE_SHIFT: f64 = 17.0;

/// Where the lander is and how it moves: x and y from the pad and their velocities in units of half
/// the world, angle (rad), angular velocity (rad per 20 steps), and whether each leg is on the
/// ground (0 or 1).
pub type State = [f64; 8];

/// The lander above the moon.
#[derive(Debug)]
pub struct Flight {
    context: Context,
    parts: Parts,
    state: State,
    potential: f64,
}

impl Flight {
    /// Starts an episode; the first step, without thrust, is part of it.
    ///
    /// # Errors
    /// [`Error::Diverged`] if the context makes no world.
    pub fn start(context: Context, draw: &mut impl Draw) -> Result<Self, Error> {
        let parts = build::build(&context, draw)?;
        let mut flight = Self { context, parts, state: [0.0; 8], potential: 0.0 };
        flight.step(Thrust::default(), draw)?;
        Ok(flight)
    }

    /// The state that the agent sees.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Puts another context in force for what moves the lander: gravity, engines, springs and the
    /// duration of a step. What the world is made of stays.
    pub fn switch(&mut self, context: &Context) {
        self.context.fps = context.fps;
        self.context.main_engine_power = context.main_engine_power;
        self.context.side_engine_power = context.side_engine_power;
        self.context.gravity = context.gravity;
        self.context.leg_spring_torque = context.leg_spring_torque;
        self.parts.world.set_gravity(single(context.gravity));
        for (spring, side) in self.parts.springs.into_iter().zip(SIDES) {
            let speed = narrow(build::spring_speed(side));
            self.parts.world.set_motor(spring, speed, narrow(context.leg_spring_torque));
        }
    }

    /// Fires the engines for a step.
    ///
    /// # Errors
    /// [`Error::Diverged`].
    pub fn step(&mut self, thrust: Thrust, draw: &mut impl Draw) -> Result<Outcome, Error> {
        let mut jitter = || draw.uniform(-1.0, 1.0) / self.context.scale;
        let jitter = [jitter(), jitter()];
        self.fire_main(thrust.main, jitter);
        self.fire_side(thrust.side, jitter);
        let seconds = narrow(1.0 / self.context.fps);
        self.parts.world.step(seconds, ROUNDS[0], ROUNDS[1])?;
        self.state = self.look();
        let before = std::mem::replace(&mut self.potential, potential(&self.state));
        let reward = self.potential - before - thrust.main * 0.30 - thrust.side.abs() * 0.03;
        Ok(self.judge(reward))
    }

    /// The lander and the moon; the pad is green.
    pub(super) fn draw(&self) -> Drawing {
        let [width, height] = self.context.half_world().map(|half| 2.0 * half);
        let pad = build::pad_height(&self.context);
        let hull = self.parts.hull;
        // It starts at the upper edge of the world, and may rise.
        let top = double(self.parts.world.body_state(hull).position)[1].max(height) + 0.35 * height;
        let drawing = Drawing::new(View { x: [0.0, width], y: [0.0, top] });
        let colour = |body| if body == hull { Colour::BLUE } else { Colour::ORANGE };
        let drawing = scene::draw(drawing, &self.parts.world, colour);
        drawing.line([0.4 * width, pad], [0.6 * width, pad], 0.12, Colour::GREEN)
    }

    fn judge(&self, reward: f64) -> Outcome {
        let hull = self.parts.world.body_state(self.parts.hull);
        if !hull.awake {
            return Outcome { reward: 100.0, terminated: true };
        }
        if hull.touched || self.state[0].abs() >= 1.0 {
            return Outcome { reward: -100.0, terminated: true };
        }
        Outcome { reward, terminated: false }
    }

    fn fire_main(&mut self, power: f64, jitter: [f64; 2]) {
        if power == 0.0 {
            return;
        }
        let hull = self.parts.world.body_state(self.parts.hull);
        let down = MAIN_ENGINE / self.context.scale + 2.0 * jitter[0];
        let lever = turned(f64::from(hull.angle), down, jitter[1]);
        let impulse = lever.map(|length| -length * self.context.main_engine_power * power);
        let [x, y] = double(hull.position);
        let at = [x + lever[0], y + lever[1]];
        self.parts.world.kick(self.parts.hull, single(impulse), single(at));
    }

    fn fire_side(&mut self, thrust: f64, jitter: [f64; 2]) {
        if thrust == 0.0 {
            return;
        }
        let Context { scale, side_engine_power, side_engine_height, side_engine_away, .. } =
            self.context;
        let hull = self.parts.world.body_state(self.parts.hull);
        let angle = f64::from(hull.angle);
        let across = 3.0 * jitter[1] + thrust.signum() * side_engine_away / scale;
        let lever = turned(angle, jitter[0], across);
        let impulse = lever.map(|length| -length * side_engine_power * thrust.abs());
        let [x, y] = double(hull.position);
        let at = [
            x + lever[0] - angle.sin() * SIDE_ENGINE_SHIFT / scale,
            y + lever[1] + angle.cos() * side_engine_height / scale,
        ];
        self.parts.world.kick(self.parts.hull, single(impulse), single(at));
    }

    fn look(&self) -> State {
        let world = &self.parts.world;
        let hull = world.body_state(self.parts.hull);
        let [half_width, half_height] = self.context.half_world();
        let [x, y] = double(hull.position);
        let [vx, vy] = double(hull.velocity);
        let ground = build::pad_height(&self.context) + self.context.leg_down / self.context.scale;
        let [first, second] = self.parts.legs.map(|leg| world.body_state(leg).touching);
        [
            (x - half_width) / half_width,
            (y - ground) / half_height,
            vx * half_width / self.context.fps,
            vy * half_height / self.context.fps,
            f64::from(hull.angle),
            20.0 * f64::from(hull.angular_velocity) / self.context.fps,
            f64::from(u8::from(first)),
            f64::from(u8::from(second)),
        ]
    }
}

/// A vector `down` and `across` in the frame of a hull that is turned by `angle`, in the world's.
fn turned(angle: f64, down: f64, across: f64) -> [f64; 2] {
    let (sin, cos) = (angle.sin(), angle.cos());
    [sin * down - cos * across, -cos * down - sin * across]
}

/// The larger the nearer the lander is to standing on the pad; the reward is its increase.
fn potential([x, y, vx, vy, angle, _, first, second]: &State) -> f64 {
    -100.0 * (x * x + y * y).sqrt() - 100.0 * (vx * vx + vy * vy).sqrt() - 100.0 * angle.abs()
        + 10.0 * first
        + 10.0 * second
}
