//! Features that several bodies have. Bounds are CARL's; masses and gravity have the values of the
//! MuJoCo models as defaults.

use crate::carl::context::Feature;

pub(super) const GRAVITY: Feature =
    Feature { name: "gravity", default: -9.81, low: -1000.0, high: -1e-6 };

pub(super) const FRICTION: Feature =
    Feature { name: "friction", default: 1.0, low: 0.0, high: 100.0 };

pub(super) const JOINT_DAMPING: Feature =
    Feature { name: "joint_damping", default: 1.0, low: 0.0, high: 100.0 };

pub(super) const ACTUATOR_STRENGTH: Feature =
    Feature { name: "actuator_strength", default: 1.0, low: 0.0, high: 100.0 };

/// The mass of a part, kg; `name` is `mass_` and the name of the part in the model.
pub(super) const fn mass(name: &'static str, default: f64) -> Feature {
    Feature { name, default, low: 1e-6, high: f64::INFINITY }
}
