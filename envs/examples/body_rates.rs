//! What observations, rewards and checks cost on top of MuJoCo.
//!
//! ```text
//! cargo run --release -p envs --example body_rates
//! ```
//!
//! For each body, in turns in one thread: raw physics (nothing but `mj_step` under controls made
//! before), and the environment of the `carl-mujoco` suite with the physics of the model. Both go
//! through the same states, because they start in the same one and get the same controls; neither
//! stops where an episode would. Time is that of the thread on a core (Linux), so that a busy machine
//! disturbs little. Prints the medians of the turns and of their ratios.

#![allow(clippy::print_stdout, reason = "a table for people is what it is for")]

use anyhow::{Context, Result};
use envs::bodies::{
    Ant, HalfCheetah, Hopper, Humanoid, HumanoidStandup, InvertedDoublePendulum, InvertedPendulum,
    Pusher, Reacher, Standard, Walker,
};
use envs::carl::context::Feature;
use envs::carl::mujoco::{self, Contextual};
use envs::{Env, TaskFamily};
use mujoco_rs::prelude::{MjData, MjModel};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use types::{Parameter, Role, Split, Task, TaskRef, stream};

const TURNS: usize = 21;

/// How long a turn is, ns. Linux counts time on a core in ticks of some milliseconds.
const TURN: f64 = 1e8;

const EPISODE: usize = 100;

fn world() -> ChaCha8Rng {
    stream(1, Role::Environment, 0, 0)
}

/// One episode after another, all the same.
trait Runner {
    fn episode(&mut self) -> Result<()>;

    /// Steps per second on a core.
    fn rate(&mut self) -> Result<f64> {
        let (start, mut spent, mut steps) = (on_core()?, 0.0, 0.0);
        while spent < TURN {
            self.episode()?;
            steps += EPISODE as f64;
            spent = on_core()? - start;
        }
        Ok(1e9 * steps / spent)
    }
}

/// Nanoseconds that this thread has spent on a core.
fn on_core() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().context("an empty schedstat")?.parse()?)
}

struct Raw {
    data: MjData<Box<MjModel>>,
    frame_skip: u32,
    start: (Vec<f64>, Vec<f64>),
    controls: Vec<Vec<f64>>,
}

impl Raw {
    fn new<S: Standard>(actions: &[Vec<f32>]) -> Result<Self> {
        let folder =
            option_env!("PROTEUS_MODELS_BUILD_DIR").context("no PROTEUS_MODELS_BUILD_DIR")?;
        let model = MjModel::from_xml(Path::new(folder).join(S::PLAN.model))?;
        let mut body = S::build()?;
        S::reset(&mut body, &mut world());
        let start = (body.simulation().qpos().to_vec(), body.simulation().qvel().to_vec());
        let mut controls = vec![];
        for action in actions {
            S::step(&mut body, action)?;
            controls.push(body.controls().to_vec());
        }
        let data = MjData::new(Box::new(model));
        Ok(Self { data, frame_skip: S::PLAN.frame_skip, start, controls })
    }
}

impl Runner for Raw {
    fn episode(&mut self) -> Result<()> {
        self.data.reset();
        self.data.qpos_mut().copy_from_slice(&self.start.0);
        self.data.qvel_mut().copy_from_slice(&self.start.1);
        self.data.forward();
        for control in &self.controls {
            self.data.ctrl_mut().copy_from_slice(control);
            for _ in 0..self.frame_skip {
                self.data.step();
            }
        }
        Ok(())
    }
}

struct Whole {
    env: Box<dyn Env>,
    task: Task,
    actions: Vec<Vec<f32>>,
    observation: Vec<f32>,
}

impl Runner for Whole {
    fn episode(&mut self) -> Result<()> {
        let mut rng = world();
        self.env.reset(&self.task, &mut rng, &mut self.observation)?;
        for action in &self.actions {
            self.env.step(action, &mut rng, &mut self.observation)?;
        }
        Ok(())
    }
}

fn actions(motors: usize) -> Vec<Vec<f32>> {
    let mut dice = stream(1, Role::Action, 0, 0);
    let mut action = || (0..motors).map(|_| dice.random_range(-1.0..=1.0)).collect();
    (0..EPISODE).map(|_| action()).collect()
}

/// The context that leaves the model as it is.
fn default_task(features: &[Feature]) -> Task {
    let parameter = |f: &Feature| Parameter { name: f.name.to_owned(), value: f.default };
    let id = TaskRef { split: Split::Train, index: 0 };
    Task { id, parameters: features.iter().map(parameter).collect() }
}

fn measure<S: Standard>(family: &'static Contextual<S>) -> Result<()> {
    let actions = actions(S::PLAN.motors);
    let mut raw = Raw::new::<S>(&actions)?;
    let mut whole = Whole {
        env: family.make()?,
        task: default_task(family.features()),
        actions,
        observation: vec![0.0; S::OBSERVATION],
    };
    let (mut raws, mut wholes, mut ratios) = (vec![], vec![], vec![]);
    for _ in 0..TURNS {
        let (without, with) = (raw.rate()?, whole.rate()?);
        raws.push(without);
        wholes.push(with);
        ratios.push(with / without);
    }
    let (raw, whole, ratio) = (median(&mut raws), median(&mut wholes), median(&mut ratios));
    println!("{:<30}{raw:>10.0}{whole:>10.0}{ratio:>8.3}", family.name());
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<()> {
    println!("{:<30}{:>10}{:>10}{:>8}", "steps/s", "mj_step", "env", "ratio");
    measure::<Ant>(&mujoco::ANT)?;
    measure::<HalfCheetah>(&mujoco::HALF_CHEETAH)?;
    measure::<Hopper>(&mujoco::HOPPER)?;
    measure::<Walker>(&mujoco::WALKER2D)?;
    measure::<Humanoid>(&mujoco::HUMANOID)?;
    measure::<HumanoidStandup>(&mujoco::HUMANOID_STANDUP)?;
    measure::<InvertedPendulum>(&mujoco::INVERTED_PENDULUM)?;
    measure::<InvertedDoublePendulum>(&mujoco::INVERTED_DOUBLE_PENDULUM)?;
    measure::<Pusher>(&mujoco::PUSHER)?;
    measure::<Reacher>(&mujoco::REACHER)
}
