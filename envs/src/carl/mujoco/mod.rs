//! Gymnasium's MuJoCo bodies with varying physics, and the Striker of EPI.

use crate::TaskFamily;

/// All of them.
pub(crate) static FAMILIES: &[&dyn TaskFamily] = &[];
