//! The families of CEMRL (Bing et al., "Meta-Reinforcement Learning in Non-Stationary and Dynamic
//! Environments", 2022) and of its `meta_rand_envs`: bodies whose task changes within an episode,
//! the same with one task per episode, and bodies whose build or ground varies.
//!
//! Each family that changes is its plain form inside [`NonStationary`](crate::wrappers::NonStationary);
//! by place, by time, with a probability, or through the list in order. Any other change, of these
//! and of all other families, can be asked for in an experiment's file.

mod ant;
mod build;
mod cheetah;
mod cripple;
mod family;
mod mass;
mod planar;
mod sense;
mod terrain;
mod walk;

use crate::TaskFamily;

/// What the families follow.
const SOURCE: &str = "CEMRL (Bing et al., 2022), meta_rand_envs";

/// Where the test tasks come from.
const HELD_OUT: &str = "test tasks are drawn after the training tasks (in the source, with its seed \
    set anew, they repeat them)";

/// How the direction changes.
const EVEN_LEGS: &str = "the place of a change is measured from the last one, to either side (in \
    the source the turning points move outward with each crossing, so that legs grow)";

/// All of them.
pub(crate) static FAMILIES: &[&dyn TaskFamily] = &[
    &cheetah::STATIONARY_VEL,
    &cheetah::STATIONARY_DIR,
    &cheetah::STATIONARY_MULTI_TASK,
    &ant::STATIONARY_VEL,
    &ant::STATIONARY_DIR,
    &planar::HOPPER_STATIONARY_VEL,
    &planar::WALKER_STATIONARY_VEL,
    &cheetah::NON_STATIONARY_VEL,
    &cheetah::NON_STATIONARY_DIR,
    &cheetah::NON_STATIONARY_MULTI_TASK,
    &ant::NON_STATIONARY_VEL,
    &ant::NON_STATIONARY_DIR,
    &planar::HOPPER_NON_STATIONARY_VEL,
    &planar::WALKER_NON_STATIONARY_VEL,
    &cheetah::CONTINUAL_VEL,
    &cheetah::CONTINUAL_DIR,
    &cheetah::CONTINUAL_MULTI_TASK,
    &ant::CONTINUAL_VEL,
    &ant::CONTINUAL_DIR,
    &planar::HOPPER_CONTINUAL_VEL,
    &planar::WALKER_CONTINUAL_VEL,
    &mass::CHEETAH,
    &mass::CHEETAH_NON_STATIONARY,
    &build::CHEETAH,
    &build::CHEETAH_NON_STATIONARY,
    &build::WALKER,
    &build::WALKER_NON_STATIONARY,
    &build::ANT,
    &build::ANT_NON_STATIONARY,
    &cripple::ANT,
    &cripple::ANT_NON_STATIONARY,
    &terrain::CHEETAH,
];
