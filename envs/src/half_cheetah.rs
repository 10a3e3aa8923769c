//! Gymnasium's HalfCheetah by itself, to compare with and to measure.
//!
//! The model, frame skip, start states and rewards' ingredients are those of `HalfCheetah-v5`;
//! the observation is PEARL's, which adds the position of the torso.

use crate::Error;
use crate::env;
use crate::mujoco::Simulation;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

const MODEL: &str = "gymnasium/half_cheetah.xml";

/// Simulation steps of 0.01 s per step of the environment.
const FRAME_SKIP: u32 = 5;

/// Coordinates of the body: x, z and pitch of the torso, three joints per leg.
const COORDINATES: usize = 9;

/// Motors, one per joint; an action of 1 is full torque.
const MOTORS: usize = 6;

/// Start states deviate from the standing pose: positions by U(-0.1, 0.1), velocities by 0.1 · N.
const START_NOISE: f64 = 0.1;

/// Numbers in an observation: positions without x (8), velocities (9), position of the torso in
/// space (3).
const OBSERVATION: usize = 2 * COORDINATES - 1 + 3;

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Motion {
    /// Distance covered in x over the duration of the step, m/s.
    pub velocity: f64,
    /// ‖a‖² of the clipped action.
    pub effort: f64,
}

/// The body in its world, without a task.
#[derive(Debug)]
pub struct HalfCheetah {
    simulation: Simulation,
    torso: usize,
}

impl HalfCheetah {
    /// Builds the simulation; call [`HalfCheetah::reset`] next.
    ///
    /// # Errors
    /// [`Error::NoModels`] or [`Error::Model`] when `gymnasium/half_cheetah.xml` cannot be loaded
    /// or is something else.
    pub fn new() -> Result<Self, Error> {
        let simulation = Simulation::load(MODEL, FRAME_SKIP)?;
        simulation.expect_sizes(COORDINATES, COORDINATES, MOTORS)?;
        let torso = simulation.body("torso")?;
        Ok(Self { simulation, torso })
    }

    /// Stands up at x = 0, give or take the noise of the start state.
    pub fn reset(&mut self, rng: &mut ChaCha8Rng) {
        self.simulation.reset();
        for position in self.simulation.qpos_mut() {
            *position += rng.random_range(-START_NOISE..START_NOISE);
        }
        for velocity in self.simulation.qvel_mut() {
            let noise: f64 = rng.sample(StandardNormal);
            *velocity += START_NOISE * noise;
        }
        self.simulation.forward();
    }

    /// Pulls the motors with `action`, `[6]`, clipped to [-1, 1], for 0.05 s.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Action`] or [`Error::Diverged`].
    pub fn step(&mut self, action: &[f32]) -> Result<Motion, Error> {
        let action = env::clipped::<MOTORS>(action)?;
        let before = self.simulation.qpos()[0];
        self.simulation.step(&action)?;
        let after = self.simulation.qpos()[0];
        Ok(Motion {
            velocity: (after - before) / self.simulation.step_seconds(),
            effort: action.iter().map(|a| a * a).sum(),
        })
    }

    /// Writes the `observation`, `[20]`: `qpos[1..]` (8), `qvel` (9), torso x, y, z (3).
    ///
    /// The torso's position is what MuJoCo keeps as the body's `xpos`, as in PEARL. MuJoCo works
    /// it out at the beginning of a simulation step, so after a step it is 0.01 s older than the
    /// rest of the observation; after a reset it is not.
    ///
    /// # Errors
    /// [`Error::Length`], or [`Error::Diverged`] if a number is not finite.
    pub fn observe(&self, observation: &mut [f32]) -> Result<(), Error> {
        env::check_len("observation", OBSERVATION, observation.len())?;
        let positions = self.simulation.qpos().iter().skip(1);
        let velocities = self.simulation.qvel();
        let torso = self.simulation.body_position(self.torso);
        let values = positions.chain(velocities).chain(torso);
        for (slot, &value) in observation.iter_mut().zip(values) {
            *slot = env::narrow(value);
        }
        match observation.iter().position(|value| !value.is_finite()) {
            None => Ok(()),
            Some(index) => Err(Error::Diverged {
                what: format!("{} in observation[{index}]", observation[index]),
            }),
        }
    }

    /// The physics underneath.
    #[must_use]
    pub fn simulation(&self) -> &Simulation {
        &self.simulation
    }

    /// The physics underneath, to put it into a state or to step it without observations.
    pub fn simulation_mut(&mut self) -> &mut Simulation {
        &mut self.simulation
    }
}
