//! Gymnasium's MuJoCo bodies as the families that run them need them: the model, how a control
//! reaches it, where an episode starts, and what can be measured. Observations and rewards are the
//! families' own; those of Gymnasium are in [`crate::bodies`].

use crate::Error;
use crate::env;
use crate::mujoco::Simulation;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// The first part of every body; 0 is the world.
const TORSO: usize = 1;

/// How the velocities of a start state deviate from rest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Noise {
    /// U(-x, x).
    Uniform(f64),
    /// x · N(0, 1).
    Normal(f64),
}

impl Noise {
    fn sample(self, rng: &mut ChaCha8Rng) -> f64 {
        match self {
            Self::Uniform(width) => width * rng.random_range(-1.0..1.0),
            Self::Normal(scale) => {
                let noise: f64 = rng.sample(StandardNormal);
                scale * noise
            }
        }
    }
}

/// What a body is made from; one constant for each of Gymnasium's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The model file.
    pub model: &'static str,
    /// Simulation steps for each step of the environment.
    pub frame_skip: u32,
    /// Numbers in `qpos`.
    pub coordinates: usize,
    /// Numbers in `qvel`.
    pub velocities: usize,
    /// Numbers in `ctrl`.
    pub motors: usize,
    /// Deviation of start positions from the model's default pose.
    pub start_positions: Noise,
    /// Deviation of start velocities from rest.
    pub start_velocities: Noise,
}

/// A body in its world, without a task.
#[derive(Debug)]
pub struct Body {
    plan: &'static Plan,
    simulation: Simulation,
    /// Controls of the last step, in the model's units.
    controls: Vec<f64>,
    /// What an action of 1 is, and of 0, for each motor.
    reach: Vec<[f64; 2]>,
}

impl Body {
    /// Builds the simulation; call [`Body::reset`] next.
    ///
    /// # Errors
    /// [`Error::NoModels`] or [`Error::Model`] when the model cannot be loaded or is another one.
    pub fn new(plan: &'static Plan) -> Result<Self, Error> {
        Self::within(plan, Simulation::load(plan.model, plan.frame_skip)?)
    }

    /// The body of `plan` within a world of one's own, for example on uneven ground.
    ///
    /// # Errors
    /// [`Error::Model`] if that is another body.
    pub fn within(plan: &'static Plan, simulation: Simulation) -> Result<Self, Error> {
        simulation.expect_sizes(plan.coordinates, plan.velocities, plan.motors)?;
        let ranges = simulation.model().actuator_ctrlrange();
        let reach = ranges.iter().map(|[low, high]| [(high - low) / 2.0, (high + low) / 2.0]);
        let reach = reach.collect();
        Ok(Self { plan, simulation, controls: vec![0.0; plan.motors], reach })
    }

    /// Puts the body into its default pose, give or take the noise of the start state.
    pub fn reset(&mut self, rng: &mut ChaCha8Rng) {
        self.reset_with(rng, |_, _| {});
    }

    /// As [`Body::reset`]; `place` then sets what is not the body's (a goal, an object) in the
    /// simulation, before what follows from positions and velocities is worked out.
    pub fn reset_with(
        &mut self,
        rng: &mut ChaCha8Rng,
        place: impl FnOnce(&mut Simulation, &mut ChaCha8Rng),
    ) {
        self.simulation.reset();
        for position in self.simulation.qpos_mut() {
            *position += self.plan.start_positions.sample(rng);
        }
        for velocity in self.simulation.qvel_mut() {
            *velocity += self.plan.start_velocities.sample(rng);
        }
        place(&mut self.simulation, rng);
        self.simulation.forward();
        self.controls.fill(0.0);
    }

    /// Holds the controls that `action`, `[motors]`, clipped to [-1, 1], means in the ranges of the
    /// model's motors, for one step.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Action`] or [`Error::Diverged`].
    pub fn step(&mut self, action: &[f32]) -> Result<(), Error> {
        env::clip_into(action, &mut self.controls)?;
        for (control, [scale, centre]) in self.controls.iter_mut().zip(&self.reach) {
            *control = scale * *control + centre;
        }
        self.simulation.step(&self.controls)
    }

    /// Controls of the last step, in the model's units; zeros before the first.
    #[must_use]
    pub fn controls(&self) -> &[f64] {
        &self.controls
    }

    /// ‖u‖² of the controls of the last step.
    #[must_use]
    pub fn effort(&self) -> f64 {
        self.controls.iter().map(|u| u * u).sum()
    }

    /// Place of the frame of the first part, which is the torso where there is one, m. As all that
    /// MuJoCo derives from positions, it is one simulation step older than `qpos` after a step.
    #[must_use]
    pub fn torso(&self) -> &[f64; 3] {
        self.simulation.body_position(TORSO)
    }

    /// Place of the centre of mass of everything in the world, m; as old as [`Body::torso`].
    #[must_use]
    pub fn centre_of_mass(&self) -> [f64; 3] {
        let masses = self.simulation.model().body_mass();
        let (mut sum, mut total) = ([0.0; 3], 0.0);
        for (mass, place) in masses.iter().zip(self.simulation.data().xipos()) {
            total += mass;
            for (sum, coordinate) in sum.iter_mut().zip(place) {
                *sum += mass * coordinate;
            }
        }
        sum.map(|sum| sum / total)
    }

    /// Works out what [`Body::contact_forces`] gives. Steps do not do it on their own.
    pub fn feel(&mut self) {
        self.simulation.contact_forces();
    }

    /// Torque and force from contacts on every part (`cfrc_ext` without the world), N·m and N, as of
    /// the last [`Body::feel`]; zeros after a reset.
    pub fn contact_forces(&self) -> impl Iterator<Item = f64> {
        self.simulation.data().cfrc_ext()[TORSO..].as_flattened().iter().copied()
    }

    /// Duration of a step, s.
    #[must_use]
    pub fn step_seconds(&self) -> f64 {
        self.simulation.step_seconds()
    }

    /// The physics underneath.
    #[must_use]
    pub fn simulation(&self) -> &Simulation {
        &self.simulation
    }

    /// The physics underneath, to put it into a state or to change it.
    pub fn simulation_mut(&mut self) -> &mut Simulation {
        &mut self.simulation
    }
}
