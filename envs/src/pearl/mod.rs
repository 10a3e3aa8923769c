//! The families of PEARL (Rakelly et al., 2019, arXiv 1903.08254).

mod ant;
mod ant_dir;
mod ant_goal;
pub(crate) mod cheetah;
mod cheetah_dir;
mod cheetah_vel;
mod humanoid_dir;
mod point;
mod point_robot;
mod rand_params;
mod sparse_point_robot;

pub use point_robot::PointRobot;
pub use sparse_point_robot::SparsePointRobot;

use crate::TaskFamily;

/// All of them.
pub(crate) static FAMILIES: &[&dyn TaskFamily] = &[
    &PointRobot,
    &SparsePointRobot,
    &cheetah_vel::CHEETAH_VEL,
    &cheetah_dir::CHEETAH_DIR,
    &ant_dir::ANT_DIR,
    &ant_dir::ANT_DIR_FORWARD_BACKWARD,
    &ant_goal::ANT_GOAL,
    &humanoid_dir::HUMANOID_DIR,
    &rand_params::WALKER_RAND_PARAMS,
    &rand_params::HOPPER_RAND_PARAMS,
];
