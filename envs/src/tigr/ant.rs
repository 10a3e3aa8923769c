//! `ant-multi-task`: nine things that an ant can do.
//!
//! With the base task's number b and the value w of a task, and u = (w, 0) for left and right,
//! (0, w) for up and down:
//!
//! | b | base task | w | reward besides -0.05 ‖a‖² |
//! |---|---|---|---|
//! | 0, 1 | run left, right | -3 to -1, 1 to 3 m/s | -‖v - u‖² / ‖u‖² |
//! | 2, 3 | run up, down | 1 to 3, -3 to -1 m/s | the same |
//! | 4, 5 | goal left, right | -15 to -5, 5 to 15 m | -‖p - u‖² / ‖u‖² |
//! | 6, 7 | goal up, down | 5 to 15, -15 to -5 m | the same |
//! | 8 | jump | 0.5 to 2 m/s | -\|\|v_z\| - w\| / \|w\| |
//!
//! All are of the state after the step, p and v being x and y of the torso and of its velocity.
//! 10 tasks of each train, 5 test; horizon 200.

use crate::Error;
use crate::bodies;
use crate::env::{self, Card};
use crate::runner::{self, Motion, Rules, Running, View};
use crate::tigr::{Asked, BaseTask, DIFFERENCES, nearness, read, reward, tasks};
use types::EnvSpec;

/// In the order in which the source draws them.
static NINE: [BaseTask; 9] = [
    BaseTask { number: 0.0, range: [-3.0, -1.0], term: |w, m| run(m, [w, 0.0]) },
    BaseTask { number: 1.0, range: [1.0, 3.0], term: |w, m| run(m, [w, 0.0]) },
    BaseTask { number: 2.0, range: [1.0, 3.0], term: |w, m| run(m, [0.0, w]) },
    BaseTask { number: 3.0, range: [-3.0, -1.0], term: |w, m| run(m, [0.0, w]) },
    BaseTask { number: 4.0, range: [-15.0, -5.0], term: |w, m| reach(m, [w, 0.0]) },
    BaseTask { number: 5.0, range: [5.0, 15.0], term: |w, m| reach(m, [w, 0.0]) },
    BaseTask { number: 6.0, range: [5.0, 15.0], term: |w, m| reach(m, [0.0, w]) },
    BaseTask { number: 7.0, range: [-15.0, -5.0], term: |w, m| reach(m, [0.0, w]) },
    BaseTask { number: 8.0, range: [0.5, 2.0], term: |w, m| nearness(m.view.qvel()[2].abs(), w) },
];

/// The family `ant-multi-task`.
pub(crate) static MULTI_TASK: Running<Asked> = Running {
    name: "ant-multi-task",
    summary: "Ant runs or reaches a goal in one of four directions, or jumps: nine kinds of task.",
    card: Card {
        observation: "qpos (15), qvel (14)",
        action: "torques of 8 joints",
        tasks: "base task b and value w: velocity along x -3 to -1 m/s (b = 0), 1 to 3 (1), along y 1 \
            to 3 (2), -3 to -1 (3), goal on x -15 to -5 m (4), 5 to 15 (5), on y 5 to 15 (6), -15 to \
            -5 (7), vertical speed 0.5 to 2 m/s (8); evenly spaced, shuffled with NumPy seed 1337; 10 \
            train, 5 test of each",
        start: "U(±0.1) around the standing pose, velocities 0.1·N(0, 1)",
        reward: "-‖y - u‖²/‖u‖² - 0.05 ‖a‖², with y the velocity or place and u the wanted one; jump: \
            -abs(abs(v_z) - w)/abs(w) - 0.05 ‖a‖²",
        end: "never",
        source: "TIGR (arXiv 2108.03718), MELTS",
        differences: DIFFERENCES,
    },
    spec: EnvSpec::new(29, 8, 200),
    tasks: |split| tasks(&NINE, 10, 5, split),
    rules: Rules {
        plan: &bodies::ANT,
        frame: "torso",
        read: |task| read(&NINE, task),
        complete: runner::nothing_more,
        observe,
        place: runner::coordinates,
        reward,
        ended: runner::never,
    },
};

fn observe(view: &View<'_>, observation: &mut [f32]) -> Result<(), Error> {
    env::observe(observation, view.qpos().iter().chain(view.qvel()).copied())
}

fn run(motion: &Motion<'_>, wanted: [f64; 2]) -> f64 {
    relative([motion.view.qvel()[0], motion.view.qvel()[1]], wanted)
}

fn reach(motion: &Motion<'_>, wanted: [f64; 2]) -> f64 {
    relative(motion.after, wanted)
}

/// Minus the squared distance of `actual` to `wanted`, in multiples of the latter's squared size.
fn relative([x, y]: [f64; 2], [u, v]: [f64; 2]) -> f64 {
    -((x - u).powi(2) + (y - v).powi(2)) / (u * u + v * v)
}
