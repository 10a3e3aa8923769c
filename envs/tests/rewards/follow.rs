//! Episodes of families on Gymnasium's bodies, with a simulation of the test's own that goes the
//! same way beside the environment: what rewards and ends are computed from once more.

use anyhow::{Context, Result, ensure};
use envs::body::{Body, Plan};
use envs::mujoco::Simulation;
use envs::{Env, Step, Suite, TaskFamily};
use rand::RngExt as _;
use types::{EnvSpec, Role, Split, Task, stream};

/// What the world is like at one time.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) qpos: Vec<f64>,
    pub(crate) qvel: Vec<f64>,
    /// Frame of the torso.
    pub(crate) torso: [f64; 3],
    /// Frame of the foot, where there is one.
    pub(crate) foot: Option<[f64; 3]>,
    /// x and y of the centre of mass.
    pub(crate) mass_centre: [f64; 2],
    /// Forces on all bodies.
    pub(crate) forces: Vec<f64>,
    /// Inertias and masses of all bodies.
    pub(crate) inertias: Vec<f64>,
    /// Velocities of all bodies.
    pub(crate) body_velocities: Vec<f64>,
    /// Motor torques by joint.
    pub(crate) motor_torques: Vec<f64>,
}

impl State {
    fn of(simulation: &mut Simulation) -> Result<Self> {
        simulation.contact_forces();
        let frame = |name: &str| simulation.body(name).map(|id| *simulation.body_position(id));
        let masses = simulation.model().body_mass();
        let weighted = |axis: usize| {
            let places = simulation.data().xipos().iter();
            places.zip(masses).map(|(place, mass)| place[axis] * mass).sum::<f64>()
        };
        let total: f64 = masses.iter().sum();
        Ok(Self {
            qpos: simulation.qpos().to_vec(),
            qvel: simulation.qvel().to_vec(),
            torso: frame("torso")?,
            foot: frame("foot").ok(),
            mass_centre: [weighted(0) / total, weighted(1) / total],
            forces: simulation.data().cfrc_ext().as_flattened().to_vec(),
            inertias: simulation.data().cinert().as_flattened().to_vec(),
            body_velocities: simulation.data().cvel().as_flattened().to_vec(),
            motor_torques: simulation.data().qfrc_actuator().to_vec(),
        })
    }
}

/// A step, as the environment and as the simulation beside it saw it.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) before: State,
    pub(crate) after: State,
    /// ‖u‖² of the controls.
    pub(crate) effort: f64,
    pub(crate) step: Step,
    pub(crate) observation: Vec<f32>,
}

impl Followed {
    /// Way of a coordinate in the step.
    pub(crate) fn way(&self, coordinate: usize) -> f64 {
        self.after.qpos[coordinate] - self.before.qpos[coordinate]
    }
}

/// Plays an episode of `task` in a new environment, see [`follow_in`].
pub(crate) fn follow(
    family: &dyn TaskFamily,
    task: &Task,
    seed: u64,
    plan: &'static Plan,
    change: impl FnOnce(&mut Simulation) -> Result<()>,
) -> Result<Vec<Followed>> {
    follow_in(family.make()?.as_mut(), family.spec(), task, seed, plan, change)
}

/// Plays an episode of `task` with random actions, beside a simulation of `plan` that `change`
/// has changed before. Both must be at the same x, bit for bit, after each step.
pub(crate) fn follow_in(
    env: &mut dyn Env,
    spec: EnvSpec,
    task: &Task,
    seed: u64,
    plan: &'static Plan,
    change: impl FnOnce(&mut Simulation) -> Result<()>,
) -> Result<Vec<Followed>> {
    let mut beside = Body::new(plan)?;
    let world = || stream(seed, Role::Environment, 0, 0);
    let mut dice = stream(seed, Role::Action, 0, 0);
    let mut observation = vec![f32::NAN; spec.observation_dim];
    env.reset(task, &mut world(), &mut observation)?;
    change(beside.simulation_mut())?;
    beside.reset(&mut world());
    let mut episode = vec![];
    for _ in 0..spec.horizon {
        let mut action = vec![0.0; spec.action_dim];
        action.fill_with(|| dice.random_range(-1.2..1.2));
        let before = State::of(beside.simulation_mut())?;
        let step = env.step(&action, &mut world(), &mut observation)?;
        beside.step(&action)?;
        let after = State::of(beside.simulation_mut())?;
        ensure!(env.position() == Some(after.qpos[0]), "{:?}", env.position());
        let effort = beside.controls().iter().map(|control| control.powi(2)).sum();
        let observation = observation.clone();
        episode.push(Followed { before, after, effort, step, observation });
        if step.terminated {
            break;
        }
    }
    Ok(episode)
}

/// Checks rewards and ends of an episode against `expected`, and its observations against `seen`.
pub(crate) fn check(
    episode: &[Followed],
    expected: impl Fn(&Followed) -> (f64, bool),
    seen: impl Fn(&State) -> Vec<f64>,
) -> Result<()> {
    for (index, followed) in episode.iter().enumerate() {
        let step = followed.step;
        let (reward, ended) = expected(followed);
        let near = (step.reward - reward).abs() <= 1e-9 * reward.abs().max(1.0);
        ensure!(near && step.shaped_reward == step.reward, "step {index}: {step:?}, not {reward}");
        ensure!(step.terminated == ended, "step {index}: {step:?}, ended is {ended}");
        let seen: Vec<f32> = seen(&followed.after).into_iter().map(narrow).collect();
        ensure!(followed.observation == seen, "step {index}: {:?} {seen:?}", followed.observation);
    }
    Ok(())
}

#[allow(clippy::cast_possible_truncation, reason = "what observations do")]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// The suite called `name`.
pub(crate) fn suite(name: &str) -> Result<&'static Suite> {
    envs::suites().iter().find(|suite| suite.name == name).context("a suite")
}

/// The first `count` tasks of each split.
pub(crate) fn tasks(family: &dyn TaskFamily, count: usize) -> Vec<Task> {
    let of = |split| family.tasks(split).into_iter().take(count);
    of(Split::Train).chain(of(Split::Test)).collect()
}

/// The parameter of `task` called `name`.
pub(crate) fn of(task: &Task, name: &str) -> Result<f64> {
    task.parameter(name).with_context(|| format!("parameter {name} of {task:?}"))
}

/// The values between `-most` and `most`.
pub(crate) fn clipped(values: &[f64], most: f64) -> Vec<f64> {
    values.iter().map(|value| value.clamp(-most, most)).collect()
}
