//! The points on a line and on a plane of SMRL.

use crate::TaskFamily;

/// All of them.
pub(crate) static FAMILIES: &[&dyn TaskFamily] = &[];
