//! `toy1d-multi-task`: five kinds of task for a box that is pushed, tilted and thrown.
//!
//! The box slides along x, rises along z and tilts about y, each by itself. Steps of 0.1 s:
//!
//! | | |
//! |---|---|
//! | along x | v += 0.1 (50 a₁ - 10 v), abs(v) ≤ 5; x += 0.1 v |
//! | tilt | ω += 0.1 (50 a₂ - 50/(4π) ω), abs(ω) ≤ 4π; angle += 0.1 ω, within ±π/2 |
//! | along z | v += 0.1 (f - 9.81), abs(v) ≤ 3; z += 0.1 v, within \[0, 4\]; v = 0 where it lands. The force f = 39.81 abs(a₃) acts only below 0.3 and while it does not rise. |
//!
//! Base tasks, in the order of their numbers: velocity forward and backward (0.5 to 3), position
//! forward and backward (1 to 25), angular velocity (2π to 4π), tilt to the front and to the back
//! (π/5 to π/2), and speed along z (1.5 to 3). Evenly spaced targets, 15 for each, shuffled; 10 of
//! them train, 5 test.

use crate::Error;
use crate::env::{self, Card, Env, Step, TaskFamily};
use crate::numpy::NumpyRandom;
use crate::picture::{Colour, Drawing, Scene, View};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::f64::consts::PI;
use types::{EnvSpec, Split, Task};

/// Targets of each base task: all, and those for training.
const TARGETS: u32 = 15;
const TRAIN: usize = 10;

/// First and last target of each base task.
const RANGES: [[f64; 2]; 8] = [
    [0.5, 3.0],
    [-3.0, -0.5],
    [1.0, 25.0],
    [-25.0, -1.0],
    [2.0 * PI, 4.0 * PI],
    [PI / 5.0, PI / 2.0],
    [-PI / 2.0, -PI / 5.0],
    [1.5, 3.0],
];

const BASE_TASK: &str = "base_task";
const TARGET: &str = "target";

/// The family `toy1d-multi-task`.
#[derive(Debug, Clone, Copy)]
pub struct MultiTask;

impl TaskFamily for MultiTask {
    fn name(&self) -> &'static str {
        "toy1d-multi-task"
    }

    fn summary(&self) -> &'static str {
        "A box has to reach a velocity, a place, a spin, a tilt or a jump."
    }

    fn card(&self) -> Card {
        Card {
            observation: "x, z, tilt, their velocities",
            action: "force along x, torque, force along z (its size)",
            tasks: "velocity ± (0.5 to 3), position ± (1 to 25), spin (2π to 4π), tilt ± (π/5 to \
                    π/2), jump (1.5 to 3), evenly spaced, shuffled with NumPy seed 1337; 80 train, \
                    40 test",
            start: "positions U(±0.01), velocities 0.1·N(0, 1)",
            reward: "-abs(y - target)/abs(target), y what the base task is about, after the step",
            end: "never",
            source: "MRL-Inference-Reutilization's toy1d-multi-task",
            differences: "the force of a jump is 3/0.1 + 9.81, which reaches the speed of 3 that \
                          tasks ask for; the source multiplies 9.81 by 0.1. All eight base tasks of \
                          its five classes; its example runs with four",
        }
    }

    fn spec(&self) -> EnvSpec {
        EnvSpec::new(6, 3, 200)
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        let mut random = NumpyRandom::new(1337);
        let mut rows = vec![];
        for (number, [first, last]) in (0_u32..).zip(RANGES) {
            let spacing = (last - first) / f64::from(TARGETS - 1);
            let mut targets: Vec<f64> =
                (0..TARGETS).map(|i| first + f64::from(i) * spacing).collect();
            random.shuffle(&mut targets);
            let of_split = env::split_off(targets, TRAIN, split);
            rows.extend(of_split.into_iter().map(|target| [f64::from(number), target]));
        }
        env::enumerate(split, [BASE_TASK, TARGET], rows)
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        Ok(Box::new(Box3 { place: [0.0; 3], velocity: [0.0; 3], aim: None }))
    }
}

/// What a base task is about.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Velocity,
    Position,
    Spin,
    Tilt,
    Jump,
}

#[derive(Debug, Clone, Copy)]
struct Aim {
    kind: Kind,
    target: f64,
}

impl Aim {
    fn of(task: &Task) -> Result<Self, Error> {
        let number = env::parameter(task, BASE_TASK)?;
        let kind = match number {
            0.0 | 1.0 => Kind::Velocity,
            2.0 | 3.0 => Kind::Position,
            4.0 => Kind::Spin,
            5.0 | 6.0 => Kind::Tilt,
            7.0 => Kind::Jump,
            _ => {
                let got = number.to_string();
                return Err(Error::Parameter { task: task.id, name: BASE_TASK, got });
            }
        };
        Ok(Self { kind, target: env::parameter(task, TARGET)? })
    }
}

/// Duration of a step, s.
const STEP_SECONDS: f64 = 0.1;

/// Greatest force along x and torque.
const FORCE: f64 = 50.0;

/// Greatest velocities along x, along z and of the tilt.
const SPEEDS: [f64; 3] = [5.0, 3.0, 4.0 * PI];

const GRAVITY: f64 = 9.81;

/// Above this height the box cannot push itself up.
const CLEAR: f64 = 0.3;

/// The box cannot rise above this height.
const CEILING: f64 = 4.0;

/// How far to each side of the box pictures reach.
const SIGHT: f64 = 3.5;

#[derive(Debug)]
struct Box3 {
    /// x, z, tilt.
    place: [f64; 3],
    velocity: [f64; 3],
    aim: Option<Aim>,
}

impl Box3 {
    fn advance(&mut self, [along, turn, up]: [f64; 3]) {
        let [_, z, _] = self.place;
        let [speed, rise, spin] = self.velocity;
        let grounded = z <= CLEAR && rise <= 0.0;
        let lift = if grounded { (SPEEDS[1] / STEP_SECONDS + GRAVITY) * up.abs() } else { 0.0 };
        let accelerations = [
            FORCE * along - FORCE / SPEEDS[0] * speed,
            lift - GRAVITY,
            FORCE * turn - FORCE / SPEEDS[2] * spin,
        ];
        for axis in 0..3 {
            let velocity = self.velocity[axis] + STEP_SECONDS * accelerations[axis];
            self.velocity[axis] = velocity.clamp(-SPEEDS[axis], SPEEDS[axis]);
            self.place[axis] += STEP_SECONDS * self.velocity[axis];
        }
        let [_, z, tilt] = &mut self.place;
        *tilt = tilt.clamp(-PI / 2.0, PI / 2.0);
        if *z < 0.0 {
            self.velocity[1] = self.velocity[1].max(0.0);
        }
        *z = z.clamp(0.0, CEILING);
    }

    fn reward(&self, Aim { kind, target }: Aim) -> f64 {
        let reached = match kind {
            Kind::Velocity => self.velocity[0],
            Kind::Position => self.place[0],
            Kind::Spin => self.velocity[2],
            Kind::Tilt => self.place[2],
            Kind::Jump => self.velocity[1].abs(),
        };
        -(reached - target).abs() / target.abs()
    }

    fn observe(&self, observation: &mut [f32]) {
        for (slot, &value) in observation.iter_mut().zip(self.place.iter().chain(&self.velocity)) {
            *slot = env::narrow(value);
        }
    }

    /// The box above its rail, which has a mark every metre, and the position to reach.
    fn draw(&self) -> Drawing {
        let [x, z, tilt] = self.place;
        let (sin, cos) = tilt.sin_cos();
        let corner = |[a, b]: [f64; 2]| [x + cos * a - sin * b, 0.3 + z + sin * a + cos * b];
        let corners = [[-0.4, -0.3], [0.4, -0.3], [0.4, 0.3], [-0.4, 0.3]].map(corner);
        let (left, right) = (x - SIGHT, x + SIGHT);
        let mut drawing = Drawing::new(View { x: [left, right], y: [-0.6, CEILING + 1.0] }).line(
            [left, 0.0],
            [right, 0.0],
            0.02,
            Colour::GREY,
        );
        for mark in 0..=7 {
            let place = left.ceil() + f64::from(mark);
            drawing = drawing.line([place, -0.15], [place, 0.0], 0.02, Colour::GREY);
        }
        if let Some(Aim { kind: Kind::Position, target }) = self.aim {
            drawing = drawing.disc([target, 0.0], 0.12, Colour::GREEN);
        }
        drawing.polygon(&corners, Colour::BLUE)
    }
}

impl Env for Box3 {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        env::check_len("observation", 6, observation.len())?;
        self.aim = Some(Aim::of(task)?);
        self.place = std::array::from_fn(|_| rng.random_range(-0.01..0.01));
        self.velocity = std::array::from_fn(|_| {
            let number: f64 = rng.sample(StandardNormal);
            0.1 * number
        });
        self.observe(observation);
        Ok(())
    }

    fn step(
        &mut self,
        action: &[f32],
        _rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        env::check_len("observation", 6, observation.len())?;
        let action = env::clipped::<3>(action)?;
        let aim = self.aim.ok_or(Error::NotReset)?;
        self.advance(action);
        self.observe(observation);
        let reward = self.reward(aim);
        Ok(Step { reward, shaped_reward: reward, terminated: false })
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        self.aim = Some(Aim::of(task)?);
        Ok(())
    }

    fn scene(&mut self) -> Scene<'_> {
        Scene::Drawing(self.draw())
    }
}
