//! The families of CEMRL: stationary, non-stationary, and with bodies that vary.

use crate::TaskFamily;

/// All of them.
pub(crate) static FAMILIES: &[&dyn TaskFamily] = &[];
