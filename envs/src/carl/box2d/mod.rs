//! LunarLander and BipedalWalker, on Box2D.

use crate::TaskFamily;

/// All of them.
pub(crate) static FAMILIES: &[&dyn TaskFamily] = &[];
