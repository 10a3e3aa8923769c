//! What observations, rewards and checks cost on top of MuJoCo.
//!
//! ```text
//! cargo run --release -p envs --example body_rates
//! ```
//!
//! For each body, in turns in one thread: raw physics (nothing but `mj_step` under controls made
//! before), and the environment of the `carl-mujoco` suite with the physics of the model. Both go
//! through the same states, because they start in the same one and get the same controls; neither
//! stops where an episode would. Prints medians over the turns; the ratio is the median of the ratios
//! of the turns.

#![allow(clippy::print_stdout, reason = "a table for people is what it is for")]

use anyhow::{Context, Result};
use envs::bodies::{
    Ant, HalfCheetah, Hopper, Humanoid, HumanoidStandup, InvertedDoublePendulum, InvertedPendulum,
    Pusher, Reacher, Standard, Walker,
};
use envs::carl::mujoco::{self, Contextual};
use envs::{Env, TaskFamily};
use mujoco_rs::prelude::{MjData, MjModel};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use std::time::{Duration, Instant};
use types::{Parameter, Role, Split, Task, TaskRef, stream};

const TURNS: usize = 31;
const TURN: Duration = Duration::from_millis(60);
const EPISODE: usize = 200;

fn world() -> ChaCha8Rng {
    stream(1, Role::Environment, 0, 0)
}

/// One episode after another, all the same.
trait Runner {
    fn episode(&mut self) -> Result<()>;

    /// Steps per second.
    fn rate(&mut self) -> Result<f64> {
        let (start, mut steps) = (Instant::now(), 0.0);
        while start.elapsed() < TURN {
            self.episode()?;
            steps += EPISODE as f64;
        }
        Ok(steps / start.elapsed().as_secs_f64())
    }
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

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn measure<S: Standard>(family: &'static Contextual<S>) -> Result<()> {
    let actions = actions(S::PLAN.motors);
    let mut raw = Raw::new::<S>(&actions)?;
    let value = |f: &_| {
        let envs::carl::context::Feature { name, default, .. } = *f;
        Parameter { name: name.to_owned(), value: default }
    };
    let parameters = family.features().iter().map(value).collect();
    let task = Task { id: TaskRef { split: Split::Train, index: 0 }, parameters };
    let observation = vec![0.0; S::OBSERVATION];
    let mut whole = Whole { env: family.make()?, task, actions, observation };
    let (mut raws, mut wholes, mut ratios) = (vec![], vec![], vec![]);
    for _ in 0..TURNS {
        let (a, b) = (raw.rate()?, whole.rate()?);
        raws.push(a);
        wholes.push(b);
        ratios.push(b / a);
    }
    let (raw, whole) = (median(&mut raws), median(&mut wholes));
    println!("{:<30}{raw:>12.0}{whole:>12.0}{:>8.3}", family.name(), median(&mut ratios));
    Ok(())
}

fn main() -> Result<()> {
    println!("{:<30}{:>12}{:>12}{:>8}", "steps per second", "mj_step", "env", "ratio");
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
