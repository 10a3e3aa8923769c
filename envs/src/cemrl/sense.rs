//! What the bodies of CEMRL let the agent see.

use crate::Error;
use crate::env;
use crate::mujoco::Simulation;

/// A part of an observation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sense {
    /// Positions (`qpos`) from this one on.
    Positions(usize),
    /// Velocities (`qvel`).
    Velocities,
    /// Velocities clipped to [-10, 10].
    SlowVelocities,
    /// Position of the torso in space, m. MuJoCo works it out at the beginning of a simulation
    /// step, so after a step it is one simulation step older than the rest.
    Torso,
    /// Torque and force on each body from outside (`cfrc_ext`), clipped to [-1, 1].
    Forces,
}

impl Sense {
    /// The numbers, and what they are clipped to.
    fn read(self, simulation: &Simulation, torso: usize) -> (&[f64], f64) {
        match self {
            Self::Positions(first) => (&simulation.qpos()[first..], f64::INFINITY),
            Self::Velocities => (simulation.qvel(), f64::INFINITY),
            Self::SlowVelocities => (simulation.qvel(), 10.0),
            Self::Torso => (simulation.body_position(torso), f64::INFINITY),
            Self::Forces => (simulation.data().cfrc_ext().as_flattened(), 1.0),
        }
    }
}

/// Writes what `senses` say as the `observation`; `torso` is the id of that body.
pub(crate) fn observe(
    senses: &[Sense],
    simulation: &Simulation,
    torso: usize,
    observation: &mut [f32],
) -> Result<(), Error> {
    let values = senses.iter().flat_map(|sense| {
        let (values, limit) = sense.read(simulation, torso);
        values.iter().map(move |value| value.clamp(-limit, limit))
    });
    env::observe(observation, values)
}
