//! The multi-task families of TIGR (arXiv 2108.03718) and MELTS.

use crate::TaskFamily;

/// All of them.
pub(crate) static FAMILIES: &[&dyn TaskFamily] = &[];
