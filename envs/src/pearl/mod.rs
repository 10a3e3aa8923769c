//! The families of PEARL (Rakelly et al., 2019, arXiv 1903.08254).

mod cheetah_dir;
mod cheetah_vel;
mod point;
mod point_robot;
mod sparse_point_robot;

pub use cheetah_dir::CheetahDir;
pub use cheetah_vel::CheetahVel;
pub use point_robot::PointRobot;
pub use sparse_point_robot::SparsePointRobot;

use crate::TaskFamily;

/// All of them.
pub(crate) static FAMILIES: &[&dyn TaskFamily] =
    &[&PointRobot, &SparsePointRobot, &CheetahVel, &CheetahDir];
