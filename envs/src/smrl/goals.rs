//! `smrl-hopper-goal`, `smrl-walker-goal` and `smrl-swimmer-goal`: goals g on the x axis.
//!
//! | | hopper | walker | swimmer |
//! |---|---|---|---|
//! | x | of the foot | of the torso | of the first link |
//! | reward | (\|g - x\| - \|g - x'\|) / Δt + 1 - 1e-3 ‖a‖² | the same, less 10 where it falls | -\|x' - g\| - 1e-4 ‖a‖² |
//! | end | Gymnasium's rule for falling | Gymnasium's rule for falling | within 0.1 m of the goal |
//! | horizon | 500 | 1,000 | 50 |
//!
//! x is before a step of Δt = 0.008 s, x' after it. In MRL-Inference-Reutilization a planner sets the
//! goals, and training draws them from U(0, 5) m; so do these families: 100 train, 25 test. The policy
//! is told the goal there. Here it is if `visible` of the experiment names it; otherwise a hopper or
//! a walker finds out only when it has gone too far, since all that counts is coming nearer.
//!
//! There the walker's first observation has one number more than all others; here it has not.

use crate::Error;
use crate::bodies;
use crate::env::{self, Card};
use crate::runner::{self, Motion, Rules, Running, View};
use crate::smrl::tasks;
use types::{EnvSpec, Split, Task};

const CARD: Card = Card {
    observation: "",
    action: "",
    tasks: "goal ~ U(0, 5) m, NumPy seed 1337; 100 train, 25 test",
    start: "U(±0.005) around the standing pose, velocities U(±0.005)",
    reward: "",
    end: "",
    source: "MRL-Inference-Reutilization",
    differences: "Gymnasium's v5 model on MuJoCo 3.17; the source leaves its generator unseeded",
};

/// The family `smrl-hopper-goal`.
pub(crate) static HOPPER: Running<f64> = Running {
    name: "smrl-hopper-goal",
    summary: "Hopper hops to a goal up to 5 m ahead; the reward is how fast it comes nearer.",
    card: Card {
        observation: "x of the foot, qpos without x (5), qvel clipped to ±10 (6)",
        action: "torques of 3 joints",
        reward: "(abs(goal - x) - abs(goal - x'))/0.008 + 1 - 1e-3 ‖a‖², with x of the foot",
        end: "z ≤ 0.7 m, abs(pitch) ≥ 0.2 rad, or another number of the state beyond ±100",
        ..CARD
    },
    spec: EnvSpec::new(12, 3, 500),
    tasks: drawn,
    rules: Rules {
        plan: &bodies::HOPPER,
        frame: "foot",
        read,
        complete: runner::nothing_more,
        observe: observe_hopper,
        place: runner::frame,
        reward: approach,
        ended: runner::hopper_fell,
    },
};

/// The family `smrl-walker-goal`.
pub(crate) static WALKER: Running<f64> = Running {
    name: "smrl-walker-goal",
    summary: "Walker2d walks to a goal up to 5 m ahead; the reward is how fast it comes nearer.",
    card: Card {
        observation: "qpos (9), qvel clipped to ±10 (9)",
        action: "torques of 6 joints",
        reward: "(abs(goal - x) - abs(goal - x'))/0.008 + 1 - 1e-3 ‖a‖², less 10 in the last step if \
            it falls",
        end: "z outside (0.8, 2) m or pitch outside (-1, 1) rad",
        differences: "Gymnasium's v5 model on MuJoCo 3.17; the source leaves its generator unseeded, \
            and its first observation has one number more",
        ..CARD
    },
    spec: EnvSpec::new(18, 6, 1000),
    tasks: drawn,
    rules: Rules {
        plan: &bodies::WALKER,
        frame: "torso",
        observe: observe_walker,
        reward: |goal, motion| {
            let penalty = if runner::walker_fell(goal, motion) { 10.0 } else { 0.0 };
            approach(goal, motion) - penalty
        },
        ended: runner::walker_fell,
        ..HOPPER.rules
    },
};

/// The family `smrl-swimmer-goal`.
pub(crate) static SWIMMER: Running<f64> = Running {
    name: "smrl-swimmer-goal",
    summary: "Swimmer swims to a goal up to 5 m ahead; the reward is minus the distance to it.",
    card: Card {
        observation: "qpos (5), qvel (5)",
        action: "torques of 2 joints",
        start: "U(±0.1) around the straight pose, velocities U(±0.1)",
        reward: "-abs(x - goal) - 1e-4 ‖a‖²",
        end: "abs(x - goal) < 0.1 m",
        ..CARD
    },
    spec: EnvSpec::new(10, 2, 50),
    tasks: drawn,
    rules: Rules {
        plan: &bodies::SWIMMER,
        frame: "torso",
        observe: observe_swimmer,
        place: runner::coordinates,
        reward: |goal, motion| -(motion.after[0] - goal).abs() - 1e-4 * motion.effort,
        ended: |goal, motion| (motion.after[0] - goal).abs() < 0.1,
        ..HOPPER.rules
    },
};

fn drawn(split: Split) -> Vec<Task> {
    tasks(split, ["goal"], |random| random.uniform(0.0, 5.0))
}

fn read(task: &Task) -> Result<f64, Error> {
    env::parameter(task, "goal")
}

fn approach(goal: &f64, motion: &Motion<'_>) -> f64 {
    let nearer = (goal - motion.before[0]).abs() - (goal - motion.after[0]).abs();
    nearer / motion.seconds + 1.0 - 1e-3 * motion.effort
}

fn observe_hopper(view: &View<'_>, observation: &mut [f32]) -> Result<(), Error> {
    let [x, _, _] = *view.frame();
    let positions = view.qpos()[1..].iter().copied();
    env::observe(observation, [x].into_iter().chain(positions).chain(runner::clipped(view)))
}

fn observe_walker(view: &View<'_>, observation: &mut [f32]) -> Result<(), Error> {
    env::observe(observation, view.qpos().iter().copied().chain(runner::clipped(view)))
}

fn observe_swimmer(view: &View<'_>, observation: &mut [f32]) -> Result<(), Error> {
    env::observe(observation, view.qpos().iter().chain(view.qvel()).copied())
}
