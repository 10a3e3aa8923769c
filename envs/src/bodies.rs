//! Gymnasium's MuJoCo bodies (version 5 of its environments): sizes, frame skips and start states.

use crate::body::{Noise, Plan};

const fn plan(
    model: &'static str,
    frame_skip: u32,
    [coordinates, velocities, motors]: [usize; 3],
    start: f64,
    start_velocities: Noise,
) -> Plan {
    let start_positions = Noise::Uniform(start);
    Plan { model, frame_skip, coordinates, velocities, motors, start_positions, start_velocities }
}

/// `Ant-v5`: a free torso and four legs of two joints.
pub static ANT: Plan = plan("gymnasium/ant.xml", 5, [15, 14, 8], 0.1, Noise::Normal(0.1));

/// `HalfCheetah-v5`: x, z and pitch of the torso, three joints per leg.
pub static HALF_CHEETAH: Plan =
    plan("gymnasium/half_cheetah.xml", 5, [9, 9, 6], 0.1, Noise::Normal(0.1));

/// `Hopper-v5`: x, z and pitch of the torso, three joints.
pub static HOPPER: Plan = plan("gymnasium/hopper.xml", 4, [6, 6, 3], 0.005, Noise::Uniform(0.005));

/// `Walker2d-v5`: x, z and pitch of the torso, three joints per leg.
pub static WALKER: Plan =
    plan("gymnasium/walker2d_v5.xml", 4, [9, 9, 6], 0.005, Noise::Uniform(0.005));

/// `Humanoid-v5`: a free torso and seventeen joints.
pub static HUMANOID: Plan =
    plan("gymnasium/humanoid.xml", 5, [24, 23, 17], 0.01, Noise::Uniform(0.01));

/// `HumanoidStandup-v5`: the humanoid, lying.
pub static HUMANOID_STANDUP: Plan =
    plan("gymnasium/humanoidstandup.xml", 5, [24, 23, 17], 0.01, Noise::Uniform(0.01));

/// `Swimmer-v5`: x, y and yaw of the first of three links, two joints.
pub static SWIMMER: Plan = plan("gymnasium/swimmer.xml", 4, [5, 5, 2], 0.1, Noise::Uniform(0.1));

/// `InvertedPendulum-v5`: a cart and a pole.
pub static INVERTED_PENDULUM: Plan =
    plan("gymnasium/inverted_pendulum.xml", 2, [2, 2, 1], 0.01, Noise::Uniform(0.01));

/// `InvertedDoublePendulum-v5`: a cart and two poles.
pub static INVERTED_DOUBLE_PENDULUM: Plan =
    plan("gymnasium/inverted_double_pendulum.xml", 5, [3, 3, 1], 0.1, Noise::Normal(0.1));

/// `Reacher-v5`: an arm of two joints, and its target.
pub static REACHER: Plan = plan("gymnasium/reacher.xml", 2, [4, 4, 2], 0.1, Noise::Uniform(0.005));

/// `Pusher-v5`: an arm of seven joints, the object and its goal. The arm starts where it is.
pub static PUSHER: Plan =
    plan("gymnasium/pusher_v5.xml", 5, [11, 11, 7], 0.0, Noise::Uniform(0.005));
