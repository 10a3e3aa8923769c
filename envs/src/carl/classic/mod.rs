//! Classic control: CartPole, Pendulum, MountainCar, Acrobot.

use crate::TaskFamily;

/// All of them.
pub(crate) static FAMILIES: &[&dyn TaskFamily] = &[];
