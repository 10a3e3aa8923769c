//! The MuJoCo families of SMRL: goals, velocities and directions.

use crate::TaskFamily;

/// All of them.
pub(crate) static FAMILIES: &[&dyn TaskFamily] = &[];
