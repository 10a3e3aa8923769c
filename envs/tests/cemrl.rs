//! CEMRL's families: task lists, rewards from states, and physics that follow the task.

use anyhow::{Context, Result, ensure};
use envs::bodies;
use envs::body::Body;
use envs::height_field::HeightField;
use envs::mujoco::Simulation;
use envs::wrappers::NonStationary;
use envs::{Env, TaskFamily, find, suites};
use mujoco_rs::prelude::{MjModel, MjtObjBase};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use types::{Change, Next, Role, Split, Task, When, stream};

const SPLITS: [Split; 2] = [Split::Train, Split::Test];

fn world(seed: u64) -> ChaCha8Rng {
    stream(seed, Role::Environment, 0, 0)
}

fn of(task: &Task, name: &str) -> Result<f64> {
    task.parameter(name).with_context(|| format!("no {name} in {task:?}"))
}

/// A step with what is needed to work out its reward.
struct Seen {
    task: u32,
    x: [f64; 2],
    action: Vec<f64>,
    observations: [Vec<f64>; 2],
    reward: f64,
    terminated: bool,
}

impl Seen {
    fn velocity(&self, seconds: f64) -> f64 {
        (self.x[1] - self.x[0]) / seconds
    }

    fn effort(&self) -> f64 {
        self.action.iter().map(|a| a * a).sum()
    }
}

fn play(family: &dyn TaskFamily, start: &Task, steps: usize, seed: u64) -> Result<Vec<Seen>> {
    let spec = family.spec();
    let mut env = family.make()?;
    let (mut rng, mut dice) = (world(seed), stream(seed, Role::Action, 0, 0));
    let mut observation = vec![0.0; spec.observation_dim];
    env.reset(start, &mut rng, &mut observation)?;
    let mut seen = vec![];
    for _ in 0..steps {
        let action: Vec<f32> =
            (0..spec.action_dim).map(|_| dice.random_range(-1.0..=1.0)).collect();
        let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect();
        let (x, before) = (env.position().context("a place")?, wide(&observation));
        let step = env.step(&action, &mut rng, &mut observation)?;
        seen.push(Seen {
            task: env.in_force().unwrap_or(start.id.index),
            x: [x, env.position().context("a place")?],
            action: wide(&action),
            observations: [before, wide(&observation)],
            reward: step.reward,
            terminated: step.terminated,
        });
        if step.terminated {
            break;
        }
    }
    Ok(seen)
}

/// What an ant pays for contact, in an episode that is followed in a simulation of its own.
fn ant_impacts(seen: &[Seen], seed: u64) -> Result<Vec<f64>> {
    let mut ant = Body::new(&bodies::ANT)?;
    ant.reset(&mut world(seed));
    let step = |seen: &Seen| -> Result<f64> {
        #[allow(clippy::cast_possible_truncation, reason = "it was an f32")]
        let action: Vec<f32> = seen.action.iter().map(|&a| a as f32).collect();
        ant.step(&action)?;
        ant.simulation_mut().contact_forces();
        Ok(impact(ant.simulation().data().cfrc_ext().as_flattened()))
    };
    seen.iter().map(step).collect()
}

fn impact(forces: &[f64]) -> f64 {
    forces.iter().map(|force| force.clamp(-1.0, 1.0).powi(2)).sum()
}

/// The reward of each step by the formula of the family, from states.
fn by_formula(family: &str, tasks: &[Task], seen: &[Seen], seed: u64) -> Result<Vec<f64>> {
    let seconds = if family.starts_with('h') || family.starts_with('w') { 0.008 } else { 0.05 };
    let simple_ant =
        family.starts_with("ant") && (family.ends_with("vel") || family.ends_with("dir"));
    let impacts = if simple_ant { ant_impacts(seen, seed)? } else { vec![] };
    let reward = |(index, step): (usize, &Seen)| -> Result<f64> {
        let (task, v) = (&tasks[step.task as usize], step.velocity(seconds));
        let tracked = match family.rsplit('-').next() {
            Some("vel") => -(v - of(task, "velocity")?).abs(),
            Some("dir") => of(task, "direction")? * v,
            Some("task") => kinds(task, step)?,
            _ => v,
        };
        Ok(match family.split('-').next() {
            Some("hopper") => tracked + 3.0 - 0.001 * step.effort(),
            Some("walker2d") => tracked + 1.0 - 0.001 * step.effort(),
            Some("cheetah") if family.contains("rand") => tracked - 0.1 * step.effort(),
            Some("cheetah") => tracked - 0.05 * step.effort(),
            Some("ant") if simple_ant => {
                let weight = if family.ends_with("dir") { 10.0 } else { 1.0 };
                weight * tracked + 1.0 - 0.5 * step.effort() - 0.0005 * impacts[index]
            }
            Some("ant") => {
                let paid = step.effort() - idle(task, step);
                tracked + 1.0 - 0.5 * paid - 0.0005 * impact(&step.observations[1][27..])
            }
            _ => anyhow::bail!("{family}: add its formula to this test"),
        })
    };
    seen.iter().enumerate().map(reward).collect()
}

fn kinds(task: &Task, step: &Seen) -> Result<f64> {
    let target = of(task, "specification")?;
    let [before, after] = &step.observations;
    match of(task, "base_task")? {
        1.0 => Ok(-(step.velocity(0.05) - target).abs()),
        2.0 => Ok(target * step.velocity(0.05)),
        3.0 => Ok(-(step.x[1] - target).abs()),
        4.0 => Ok(target * (after[1] - before[1]) / 0.05),
        5.0 => Ok(after[0]),
        other => anyhow::bail!("base task {other}"),
    }
}

/// ‖a‖² of the legs that a task disables.
fn idle(task: &Task, step: &Seen) -> f64 {
    let legs = [("sound_1", 2..4), ("sound_2", 4..6), ("sound_3", 6..8), ("sound_4", 0..2)];
    let disabled = legs.into_iter().filter(|(name, _)| task.parameter(name) == Some(0.0));
    disabled.flat_map(|(_, motors)| &step.action[motors]).map(|a| a * a).sum()
}

fn check_rewards(family: &dyn TaskFamily, formula: &str, task: &Task, seed: u64) -> Result<usize> {
    let tasks = family.tasks(task.id.split);
    let seen = play(family, task, 400.min(family.spec().horizon), seed)?;
    for (step, expected) in seen.iter().zip(by_formula(formula, &tasks, &seen, seed)?) {
        // Observations, from which flips and forces are taken, are f32.
        let near = (step.reward - expected).abs() < 1e-4;
        ensure!(near, "{}: {} of {}, expected {expected}", formula, step.reward, step.task);
    }
    Ok(seen.windows(2).filter(|pair| pair[0].task != pair[1].task).count())
}

#[test]
fn rewards_follow_the_formulas() -> Result<()> {
    let suite = suites().iter().find(|suite| suite.name == "cemrl").context("a suite")?;
    for family in suite.families {
        for split in SPLITS {
            let tasks = family.tasks(split);
            for (seed, task) in (10..).zip(tasks.iter().step_by(tasks.len().div_ceil(3))) {
                check_rewards(*family, family.name(), task, seed)?;
            }
        }
    }
    Ok(())
}

#[test]
fn rewards_follow_the_task_in_force() -> Result<()> {
    let rules = [
        (When::Place { every: 0.02, jitter: 0.02 }, Next::InOrder),
        (When::Time { every: 7 }, Next::Random),
        (When::Chance { after: 3, probability: 0.2 }, Next::Random),
    ];
    let names = ["cheetah-stationary-vel", "cheetah-stationary-multi-task", "ant-stationary-dir"];
    for (name, (when, next)) in names.into_iter().flat_map(|n| rules.map(|rule| (n, rule))) {
        let change = Change { when, next };
        let family = NonStationary { name, summary: "", family: find(name)?, change };
        let start = family.tasks(Split::Test).swap_remove(1);
        let changes = check_rewards(&family, name, &start, 3)?;
        ensure!(changes > 5, "{name}: {changes} changes by {when:?}");
    }
    Ok(())
}

#[test]
fn bodies_that_may_fall_end_their_episode_when_they_have() -> Result<()> {
    type Stands = fn(&[f64]) -> bool;
    let cases: [(&str, Stands); 4] = [
        ("hopper-non-stationary-vel", |o| o[0] > 0.7 && o[1].abs() < 0.2),
        ("walker2d-non-stationary-vel", |o| o[0] > 0.8 && o[0] < 2.0 && o[1].abs() < 1.0),
        ("walker2d-rand-params", |o| o[0] > 0.8 && o[0] < 2.0 && o[1].abs() < 1.0),
        ("ant-rand-params", |o| o[0] >= 0.2 && o[0] <= 1.0),
    ];
    for (name, stands) in cases {
        let family = find(name)?;
        let mut ends = 0;
        for seed in 0..8 {
            let task = &family.tasks(Split::Train)[usize::try_from(seed)?];
            for step in play(family, task, family.spec().horizon, seed)? {
                ensure!(step.terminated != stands(&step.observations[1]), "{name}");
                ends += usize::from(step.terminated);
            }
        }
        ensure!(ends > 0, "{name}: no episode ended");
    }
    Ok(())
}

#[test]
fn task_lists_equal_those_recorded_from_numpy() -> Result<()> {
    let text = include_str!("../fixtures/cemrl_tasks.json");
    let recorded: BTreeMap<String, Vec<Vec<f64>>> = serde_json::from_str(text)?;
    for (name, rows) in recorded {
        let family = find(&name)?;
        let (mut tasks, test) = (family.tasks(Split::Train), family.tasks(Split::Test));
        if name.ends_with("rand-params") {
            tasks.drain(1..tasks.len() - 1);
            tasks.extend(test.into_iter().last());
        } else {
            tasks.extend(test);
        }
        ensure!(tasks.len() == rows.len(), "{name}: {} tasks, not {}", tasks.len(), rows.len());
        for (task, row) in tasks.iter().zip(&rows) {
            let values: Vec<f64> = task.parameters.iter().map(|p| p.value).collect();
            // Powers may differ in the last bits between implementations.
            let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 4.0 * f64::EPSILON * b.abs();
            ensure!(values.len() == row.len(), "{name} {}", task.id);
            ensure!(values.iter().zip(row).all(near), "{name} {}: {values:?} {row:?}", task.id);
        }
    }
    Ok(())
}

/// Where MuJoCo keeps what is called `name`, or `name_joint` or `name_geom`.
fn id(model: &MjModel, kind: MjtObjBase, name: &str) -> Result<usize> {
    let names = [name.to_owned(), format!("{name}_joint"), format!("{name}_geom")];
    let id = names.iter().find_map(|name| model.name_to_id(kind, name));
    id.with_context(|| format!("no {name}"))
}

/// Multiplies by one parameter of a task, found by its name.
fn multiply(model: &mut MjModel, name: &str, factor: f64) -> Result<()> {
    let axis = |name: &str, axes: [&str; 3]| axes.iter().position(|axis| *axis == name);
    let (what, rest) = name.split_once('_').context("a name")?;
    let (of, last) = rest.rsplit_once('_').unwrap_or((rest, ""));
    match what {
        "mass" => {
            let body = id(model, MjtObjBase::mjOBJ_BODY, rest)?;
            model.body_mass_mut()[body] *= factor;
        }
        "inertia" => {
            let body = id(model, MjtObjBase::mjOBJ_BODY, of)?;
            model.body_inertia_mut()[body][axis(last, ["x", "y", "z"]).context("axis")?] *= factor;
        }
        "damping" => {
            let joint = id(model, MjtObjBase::mjOBJ_JOINT, rest)?;
            let dof = usize::try_from(model.jnt_dofadr()[joint])?;
            model.dof_damping_mut()[dof] *= factor;
        }
        "friction" => {
            let geometry = id(model, MjtObjBase::mjOBJ_GEOM, of)?;
            let way = axis(last, ["slide", "spin", "roll"]).context("a way")?;
            model.geom_friction_mut()[geometry][way] *= factor;
        }
        other => anyhow::bail!("{other}"),
    }
    Ok(())
}

/// A body whose model was changed by name moves as the environment of that task does.
#[test]
fn multipliers_reach_what_they_are_named_after() -> Result<()> {
    let plans =
        [("cheetah-rand-params", &bodies::HALF_CHEETAH), ("walker2d-rand-params", &bodies::WALKER)];
    for (name, plan) in plans {
        let family = find(name)?;
        let task = family.tasks(Split::Test).swap_remove(0);
        let seen = play(family, &task, 200, 5)?;
        let mut body = Body::new(plan)?;
        let mut refused = Ok(());
        body.simulation_mut().tune(|_, model| {
            refused = task.parameters.iter().try_for_each(|p| multiply(model, &p.name, p.value));
            Ok(())
        })?;
        refused?;
        body.reset(&mut world(5));
        for step in &seen {
            #[allow(clippy::cast_possible_truncation, reason = "it was an f32")]
            let action: Vec<f32> = step.action.iter().map(|&a| a as f32).collect();
            body.step(&action)?;
            ensure!(body.simulation().qpos()[0] == step.x[1], "{name}");
        }
        ensure!(seen.len() > 10, "{name}: {} steps", seen.len());
    }
    Ok(())
}

#[test]
fn builds_do_not_drift() -> Result<()> {
    for name in ["cheetah-rand-params", "ant-rand-params", "ant-cripple", "cheetah-rand-mass"] {
        let family = find(name)?;
        let tasks = family.tasks(Split::Train);
        let spec = family.spec();
        let mut env = family.make()?;
        let mut observation = vec![0.0; spec.observation_dim];
        let action = vec![0.5; spec.action_dim];
        let mut last = |env: &mut dyn Env| -> Result<Vec<f32>> {
            let mut rng = world(1);
            env.reset(&tasks[1], &mut rng, &mut observation)?;
            for _ in 0..20 {
                env.step(&action, &mut rng, &mut observation)?;
            }
            Ok(observation.clone())
        };
        let expected = last(env.as_mut())?;
        for task in tasks.iter().cycle().take(500) {
            env.switch(task)?;
        }
        ensure!(last(env.as_mut())? == expected, "{name}");
    }
    Ok(())
}

#[test]
fn a_task_that_changes_leaves_positions_and_velocities_as_they_are() -> Result<()> {
    for name in ["cheetah-rand-params", "ant-rand-params", "ant-cripple", "cheetah-rand-mass"] {
        let family = find(name)?;
        let tasks = family.tasks(Split::Train);
        let spec = family.spec();
        let mut observation = vec![0.0; spec.observation_dim];
        let mut results = vec![];
        // To the same task again, which must not be felt, and to another one, which must.
        for to in [None, Some(0), Some(1)] {
            let mut env = family.make()?;
            let mut rng = world(2);
            env.reset(&tasks[0], &mut rng, &mut observation)?;
            for step in 0..40 {
                if let (20, Some(to)) = (step, to) {
                    env.switch(&tasks[to])?;
                }
                env.step(&vec![0.4; spec.action_dim], &mut rng, &mut observation)?;
            }
            results.push(observation.clone());
        }
        ensure!(results[0] == results[1], "{name}: the change to the same task was felt");
        ensure!(results[0] != results[2], "{name}: the change to another task was not felt");
    }
    Ok(())
}

/// Where the ant is after twenty steps with the `motors` pulled.
fn ant_after(task: &Task, motors: std::ops::Range<usize>) -> Result<Vec<f32>> {
    let family = find("ant-cripple")?;
    let mut env = family.make()?;
    let mut rng = world(3);
    let mut observation = vec![0.0; family.spec().observation_dim];
    let mut action = [0.0; 8];
    action[motors].fill(1.0);
    env.reset(task, &mut rng, &mut observation)?;
    for _ in 0..20 {
        env.step(&action, &mut rng, &mut observation)?;
    }
    Ok(observation)
}

#[test]
fn a_disabled_leg_does_nothing_and_the_others_do() -> Result<()> {
    let family = find("ant-cripple")?;
    let mut tasks = family.tasks(Split::Train);
    tasks.extend(family.tasks(Split::Test).into_iter().skip(1));
    for (leg, motors) in [2..4, 4..6, 6..8, 0..2].into_iter().enumerate() {
        for (index, task) in tasks.iter().enumerate() {
            let idle = ant_after(task, 0..0)? == ant_after(task, motors.clone())?;
            ensure!(idle == (index == leg + 1), "leg {leg} in {task:?}");
        }
    }
    Ok(())
}

/// Height at which a cheetah comes to rest when it is let go 1 m above where it stands on a plane.
fn rest(body: &mut Body, x: f64) -> Result<f64> {
    let simulation = body.simulation_mut();
    simulation.reset();
    simulation.qpos_mut()[..2].copy_from_slice(&[x, 3.0]);
    simulation.forward();
    for _ in 0..200 {
        body.step(&[0.0; 6])?;
    }
    Ok(body.simulation().qpos()[1])
}

#[test]
fn the_body_stands_on_the_ground_of_the_task() -> Result<()> {
    let plan = &bodies::HALF_CHEETAH;
    let ground = HeightField { reach: 50.0, columns: 51, half_width: 3.0, top: 5.0 };
    let mut body = Body::within(plan, Simulation::load_on(&ground, plan.model, plan.frame_skip)?)?;
    let plane = rest(&mut Body::new(plan)?, 0.0)?;
    // Level ground of two heights, 20 m apart, and back again; the last one is a slope.
    for (left, right) in [(0.0, 0.0), (0.0, 2.0), (1.5, 0.5), (0.0, 0.0)] {
        body.simulation_mut().tune(|_, model| {
            ground.shape(model, |x| if x < 0.0 { left } else { right });
            Ok(())
        })?;
        for (x, height) in [(-10.0, left), (10.0, right)] {
            let above = rest(&mut body, x)? - plane;
            ensure!((above - height).abs() < 0.01, "{above} at {x}, expected {height}");
            let model = body.simulation().model();
            ensure!((ground.height(model, x) - height).abs() < 1e-6);
        }
    }
    Ok(())
}

#[test]
fn a_change_of_the_ground_under_the_body_takes_it_along() -> Result<()> {
    let family = find("cheetah-hfield-rand-params")?;
    let tasks = family.tasks(Split::Train);
    let kinds: Vec<f64> = tasks.iter().take(4).filter_map(|t| t.parameter("ground")).collect();
    ensure!(kinds == [0.0, 1.0, 2.0, 3.0], "{kinds:?}");
    let mut env = family.make()?;
    let mut rng = world(4);
    let mut observation = vec![0.0; family.spec().observation_dim];
    env.reset(&tasks[0], &mut rng, &mut observation)?;
    let gentle = observation[0];
    // At the start the basin is half a metre high, the others are level with the plane.
    for (kind, height) in [(2, 0.5), (3, 0.0), (2, 0.5), (1, 0.0)] {
        env.reset(&tasks[kind], &mut world(4), &mut observation)?;
        ensure!((observation[0] - gentle - height).abs() < 1e-5, "{}", observation[0]);
    }
    for _ in 0..40 {
        env.step(&[0.0; 6], &mut rng, &mut observation)?;
    }
    let before = observation[0];
    env.switch(&tasks[2])?;
    env.step(&[0.0; 6], &mut rng, &mut observation)?;
    ensure!((observation[0] - before - 0.5).abs() < 0.05, "{before}, then {}", observation[0]);
    Ok(())
}
