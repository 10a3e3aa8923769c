//! `hopper-rand-params` and `walker-rand-params`: run forward on a body whose build has to be found
//! out.
//!
//! | | |
//! |---|---|
//! | tasks | multipliers of each part's mass, its three principal moments of inertia and its three friction coefficients, of the floor's, ~ 1.5^U(-3, 3); of each joint's damping ~ 1.3^U(-3, 3); NumPy seed 1337; the first 40 train, the last 10 test |
//! | reward | v + 1 - 1e-3 ‖a‖², with v the distance covered in x over the step's 0.016 s |
//! | end | hopper: height ≤ 0.7 m, abs(pitch) ≥ 0.2 rad, or another coordinate or velocity beyond ±100; walker: height outside (0.8, 2) m or pitch outside (-1, 1) rad |
//! | horizon | 200 |
//!
//! As in PEARL (Rakelly et al., 2019, arXiv 1903.08254) and its `rand_param_envs`. There MuJoCo 1.31
//! takes 4 steps of 0.004 s, here MuJoCo 3 takes 8 of 0.002 s: a step of the environment lasts as
//! long. The bodies are Gymnasium's v5, of which the walker's right foot has the friction 1.9 of the
//! left one instead of 0.9. What MuJoCo derives from masses follows them, which it does not there.
//!
//! Multipliers of nothing (the world's mass, the damping of the coordinates of the torso) are drawn
//! as there, so that the others are the same, but are no parameters.

use crate::Error;
use crate::bodies;
use crate::body::Plan;
use crate::env::{self, Card, Env, Step, TaskFamily};
use crate::numpy::NumpyRandom;
use crate::picture::Scene;
use crate::runner::{self, Rules, Runner, View};
use rand_chacha::ChaCha8Rng;
use types::{EnvSpec, Parameter, Split, Task, TaskRef};

const TASKS: usize = 50;
const TRAIN_TASKS: usize = 40;

/// Coordinates of the torso (x, z, pitch), which come before those of the joints.
const ROOT: usize = 3;

static HOPPER: Plan = Plan { frame_skip: 8, ..bodies::HOPPER };

static WALKER: Plan = Plan { frame_skip: 8, ..bodies::WALKER };

/// The names of the multipliers in the order of MuJoCo's arrays, for a body of parts with one
/// geometry each.
macro_rules! names {
    (parts: [$($part:literal),*], joints: [$($joint:literal),*]) => {
        &[
            $(concat!("mass_", $part),)*
            $(
                concat!("inertia_", $part, "_x"),
                concat!("inertia_", $part, "_y"),
                concat!("inertia_", $part, "_z"),
            )*
            $(concat!("damping_", $joint),)*
            "friction_floor_slide", "friction_floor_spin", "friction_floor_roll",
            $(
                concat!("friction_", $part, "_slide"),
                concat!("friction_", $part, "_spin"),
                concat!("friction_", $part, "_roll"),
            )*
        ]
    };
}

/// A family of bodies that differ in their build.
pub(crate) struct RandParams {
    name: &'static str,
    summary: &'static str,
    card: Card,
    spec: EnvSpec,
    rules: Rules<()>,
    build: Build,
}

/// What of a body varies.
#[derive(Debug, Clone, Copy)]
struct Build {
    /// Parts, without the world.
    parts: usize,
    /// Names of the multipliers.
    names: &'static [&'static str],
}

const RULES: Rules<()> = Rules {
    plan: &HOPPER,
    frame: "torso",
    read: |_| Ok(()),
    complete: runner::nothing_more,
    observe,
    place: runner::coordinates,
    reward: |(), motion| motion.velocity()[0] + 1.0 - 1e-3 * motion.effort,
    ended: runner::hopper_fell,
};

const CARD: Card = Card {
    observation: "",
    action: "",
    tasks: "multipliers of masses, inertias, frictions ~ 1.5^U(-3, 3), of dampings ~ 1.3^U(-3, 3), \
        NumPy seed 1337; 40 train, 10 test",
    start: "U(±0.005) around the standing pose, velocities U(±0.005)",
    reward: "v + 1 - 1e-3 ‖a‖²",
    end: "",
    source: "PEARL (arXiv 1903.08254), rand_param_envs",
    differences: "Gymnasium's v5 model on MuJoCo 3.17, 8 steps of 0.002 s for 4 of 0.004 s; what \
        MuJoCo derives from masses follows them; the source leaves its generator unseeded",
};

/// The family `hopper-rand-params`.
pub(crate) static HOPPER_RAND_PARAMS: RandParams = RandParams {
    name: "hopper-rand-params",
    summary: "Hopper moves forward with masses, inertias, dampings and frictions that vary.",
    card: Card {
        observation: "qpos without x (5), qvel clipped to ±10 (6)",
        action: "torques of 3 joints",
        end: "z ≤ 0.7 m, abs(pitch) ≥ 0.2 rad, or another number of the state beyond ±100",
        ..CARD
    },
    spec: EnvSpec::new(11, 3, 200),
    rules: RULES,
    build: Build {
        parts: 4,
        names: names!(
            parts: ["torso", "thigh", "leg", "foot"],
            joints: ["thigh", "leg", "foot"]
        ),
    },
};

/// The family `walker-rand-params`.
pub(crate) static WALKER_RAND_PARAMS: RandParams = RandParams {
    name: "walker-rand-params",
    summary: "Walker2d moves forward with masses, inertias, dampings and frictions that vary.",
    card: Card {
        observation: "qpos without x (8), qvel clipped to ±10 (9)",
        action: "torques of 6 joints",
        end: "z outside (0.8, 2) m or pitch outside (-1, 1) rad",
        ..CARD
    },
    spec: EnvSpec::new(17, 6, 200),
    rules: Rules { plan: &WALKER, ended: runner::walker_fell, ..RULES },
    build: Build {
        parts: 7,
        names: names!(
            parts: ["torso", "thigh", "leg", "foot", "thigh_left", "leg_left", "foot_left"],
            joints: ["thigh", "leg", "foot", "thigh_left", "leg_left", "foot_left"]
        ),
    },
};

fn observe(view: &View<'_>, observation: &mut [f32]) -> Result<(), Error> {
    env::observe(observation, view.qpos()[1..].iter().copied().chain(runner::clipped(view)))
}

impl Build {
    /// The multipliers of the next task.
    fn draw(&self, random: &mut NumpyRandom) -> Vec<f64> {
        let bodies = self.parts + 1;
        let joints = self.parts - 1;
        let arrays = [
            (1.5, bodies, 1),
            (1.5, 3 * bodies, 3),
            (1.3, ROOT + joints, ROOT),
            (1.5, 3 * bodies, 0),
        ];
        let mut multipliers = Vec::with_capacity(self.names.len());
        for (base, count, without_effect) in arrays {
            let all = (0..count).map(|_| f64::powf(base, random.uniform(-3.0, 3.0)));
            multipliers.extend(all.skip(without_effect));
        }
        multipliers
    }
}

impl TaskFamily for RandParams {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn card(&self) -> Card {
        self.card
    }

    fn spec(&self) -> EnvSpec {
        self.spec
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        let mut random = NumpyRandom::new(1337);
        let all = (0..TASKS).map(|_| self.build.draw(&mut random)).collect();
        let of_split = env::split_off(all, TRAIN_TASKS, split);
        let parameter = |(name, value): (&&str, f64)| Parameter { name: (*name).to_owned(), value };
        let parameters = |values| self.build.names.iter().zip(values).map(parameter).collect();
        let tasks = (0..).zip(of_split).map(|(index, values)| Task {
            id: TaskRef { split, index },
            parameters: parameters(values),
        });
        tasks.collect()
    }

    fn make(&self) -> Result<Box<dyn Env>, Error> {
        let in_force = vec![1.0; self.build.names.len()];
        let asked = in_force.clone();
        let runner = Runner::new(self.rules, self.spec)?;
        Ok(Box::new(Varied { build: self.build, in_force, asked, runner }))
    }
}

/// The environment: a runner whose build the task sets.
#[derive(Debug)]
struct Varied {
    build: Build,
    /// The multipliers that the body has.
    in_force: Vec<f64>,
    /// Those of the task that is looked at.
    asked: Vec<f64>,
    runner: Runner<()>,
}

impl Varied {
    /// Gives the body the build of `task`.
    fn rebuild(&mut self, task: &Task) -> Result<(), Error> {
        for (slot, name) in self.asked.iter_mut().zip(self.build.names) {
            *slot = env::parameter(task, name)?;
        }
        if self.asked == self.in_force {
            return Ok(());
        }
        let parts = self.build.parts;
        self.runner.simulation_mut().tune(|_, model| {
            let (masses, rest) = self.asked.split_at(parts);
            let (inertias, rest) = rest.split_at(3 * parts);
            let (dampings, frictions) = rest.split_at(parts - 1);
            scale(&mut model.body_mass_mut()[1..], masses);
            scale(model.body_inertia_mut()[1..].as_flattened_mut(), inertias);
            scale(&mut model.dof_damping_mut()[ROOT..], dampings);
            scale(model.geom_friction_mut().as_flattened_mut(), frictions);
            Ok(())
        })?;
        self.in_force.copy_from_slice(&self.asked);
        Ok(())
    }
}

fn scale(values: &mut [f64], multipliers: &[f64]) {
    for (value, multiplier) in values.iter_mut().zip(multipliers) {
        *value *= multiplier;
    }
}

impl Env for Varied {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error> {
        self.rebuild(task)?;
        self.runner.reset(task, rng, observation)
    }

    fn step(
        &mut self,
        action: &[f32],
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error> {
        self.runner.step(action, rng, observation)
    }

    fn switch(&mut self, task: &Task) -> Result<(), Error> {
        self.rebuild(task)?;
        self.runner.simulation_mut().forward();
        self.runner.switch(task)
    }

    fn position(&self) -> Option<f64> {
        self.runner.position()
    }

    fn scene(&mut self) -> Scene<'_> {
        self.runner.scene()
    }
}
