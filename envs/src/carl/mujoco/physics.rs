//! How a context changes the physics of a model.

use crate::Error;
use crate::carl::context::Feature;
use crate::env;
use crate::mujoco::Simulation;
use mujoco_rs::prelude::MjModel;
use types::Task;

/// What a feature changes.
#[derive(Debug, Clone, Copy)]
enum Knob {
    Gravity,
    Friction,
    Damping,
    Strength,
    /// The mass of this body.
    Mass(usize),
}

impl Knob {
    /// The knob of `feature`, by its name.
    fn of(feature: &Feature, simulation: &Simulation) -> Result<Self, Error> {
        Ok(match feature.name {
            "gravity" => Self::Gravity,
            "friction" => Self::Friction,
            "joint_damping" => Self::Damping,
            "actuator_strength" => Self::Strength,
            name => Self::Mass(simulation.body(name.trim_start_matches("mass_"))?),
        })
    }

    /// Changes `model`, which has the physics of the file in this respect, to `value`.
    fn turn(self, model: &mut MjModel, feature: &Feature, value: f64) {
        let factor = value / feature.default;
        match self {
            Self::Gravity => model.opt_mut().gravity[2] = value,
            Self::Friction => {
                model.geom_friction_mut().iter_mut().for_each(|[slide, ..]| *slide *= factor);
            }
            Self::Damping => model.dof_damping_mut().iter_mut().for_each(|d| *d *= factor),
            Self::Strength => {
                model.actuator_gear_mut().as_flattened_mut().iter_mut().for_each(|g| *g *= factor);
            }
            Self::Mass(part) => scale_mass(model, part, factor),
        }
    }
}

/// Multiplies mass and inertia of a body, and of all that is welded to it, by `factor`.
pub(super) fn scale_mass(model: &mut MjModel, part: usize, factor: f64) {
    for body in 0..model.body_mass().len() {
        if usize::try_from(model.body_weldid()[body]) == Ok(part) {
            model.body_mass_mut()[body] *= factor;
            model.body_inertia_mut()[body].iter_mut().for_each(|inertia| *inertia *= factor);
        }
    }
}

/// Features with what they change in one model.
#[derive(Debug)]
pub(super) struct Physics {
    features: &'static [Feature],
    knobs: Vec<Knob>,
    /// The context in force, in the order of the features; before the first one, NaN.
    values: Vec<f64>,
}

impl Physics {
    /// # Errors
    /// [`Error::Model`] if the model has no part that a feature is about.
    pub(super) fn new(
        features: &'static [Feature],
        simulation: &Simulation,
    ) -> Result<Self, Error> {
        let knobs: Result<_, _> = features.iter().map(|f| Knob::of(f, simulation)).collect();
        Ok(Self { features, knobs: knobs?, values: vec![f64::NAN; features.len()] })
    }

    /// Gives `simulation` the physics of `task`, and says whether they are others than before: then
    /// [forward](Simulation::forward) or a reset has to follow.
    ///
    /// # Errors
    /// [`Error::Parameter`] when a feature is missing or out of its bounds; nothing changes then.
    pub(super) fn apply(
        &mut self,
        task: &Task,
        simulation: &mut Simulation,
    ) -> Result<bool, Error> {
        for feature in self.features {
            check(feature, task)?;
        }
        let mut differs = false;
        for (slot, feature) in self.values.iter_mut().zip(self.features) {
            let value = env::parameter(task, feature.name)?;
            differs |= *slot != value;
            *slot = value;
        }
        if differs {
            self.tune(simulation)?;
        }
        Ok(differs)
    }

    fn tune(&self, simulation: &mut Simulation) -> Result<(), Error> {
        simulation.tune(|_, model| {
            for ((knob, feature), value) in self.knobs.iter().zip(self.features).zip(&self.values) {
                knob.turn(model, feature, *value);
            }
            Ok(())
        })
    }
}

fn check(feature: &Feature, task: &Task) -> Result<(), Error> {
    let Feature { name, low, high, .. } = *feature;
    let value = env::parameter(task, name)?;
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let got = format!("{value}, which is not within {low} to {high}");
    Err(Error::Parameter { task: task.id, name, got })
}
