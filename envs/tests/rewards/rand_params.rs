//! PEARL's bodies that vary: rewards as published, and always from the same base.

use crate::follow::{Followed, State, check, clipped, follow, follow_in, tasks};
use anyhow::{Context, Result, bail, ensure};
use envs::body::{Body, Plan};
use envs::mujoco::Simulation;
use envs::{TaskFamily, bodies, find};
use rand::RngExt as _;
use types::{Parameter, Role, Task, stream};

static HOPPER: Plan = Plan { frame_skip: 8, ..bodies::HOPPER };
static WALKER: Plan = Plan { frame_skip: 8, ..bodies::WALKER };

/// Plays and checks an episode.
pub(crate) fn check_hopper(
    family: &dyn TaskFamily,
    task: &Task,
    seed: u64,
) -> Result<Vec<Followed>> {
    let episode = follow(family, task, seed, &HOPPER, |simulation| build(simulation, task))?;
    check(&episode, |f| (reward(f), hopper_fell(&f.after)), sees)?;
    Ok(episode)
}

/// Plays and checks an episode.
pub(crate) fn check_walker(
    family: &dyn TaskFamily,
    task: &Task,
    seed: u64,
) -> Result<Vec<Followed>> {
    let episode = follow(family, task, seed, &WALKER, |simulation| build(simulation, task))?;
    check(&episode, |f| (reward(f), walker_fell(&f.after)), sees)?;
    Ok(episode)
}

fn reward(f: &Followed) -> f64 {
    f.way(0) / 0.016 + 1.0 - 1e-3 * f.effort
}

fn sees(state: &State) -> Vec<f64> {
    [&state.qpos[1..], &clipped(&state.qvel, 10.0)].concat()
}

/// Gymnasium's rule.
pub(crate) fn hopper_fell(state: &State) -> bool {
    let bounded = state.qpos[2..].iter().chain(&state.qvel).all(|value| value.abs() < 100.0);
    !bounded || state.qpos[1] <= 0.7 || state.qpos[2].abs() >= 0.2
}

/// Gymnasium's rule.
pub(crate) fn walker_fell(state: &State) -> bool {
    state.qpos[1] <= 0.8 || state.qpos[1] >= 2.0 || state.qpos[2].abs() >= 1.0
}

/// Multiplies what the parameters of `task` are about, found by their names in the model.
fn build(simulation: &mut Simulation, task: &Task) -> Result<()> {
    let mut changes = vec![];
    for Parameter { name, value } in &task.parameters {
        let (kind, what) = name.split_once('_').context("a kind")?;
        let (part, column) = match what.rsplit_once('_') {
            Some((part, "x" | "slide")) => (part, 0),
            Some((part, "y" | "spin")) => (part, 1),
            Some((part, "z" | "roll")) => (part, 2),
            _ => (what, 0),
        };
        // Joints and geometries of the bodies are in the order of the parts, after the three
        // coordinates of the torso and the floor.
        let id = match (kind, part) {
            ("friction", "floor") => 0,
            ("damping", part) => simulation.body(part)? + 1,
            (_, part) => simulation.body(part)?,
        };
        changes.push((kind, id, column, *value));
    }
    simulation.tune(|original, model| {
        for (kind, id, column, times) in changes {
            match kind {
                "mass" => model.body_mass_mut()[id] = times * original.body_mass()[id],
                "inertia" => {
                    let moment = original.body_inertia()[id][column];
                    model.body_inertia_mut()[id][column] = times * moment;
                }
                "damping" => model.dof_damping_mut()[id] = times * original.dof_damping()[id],
                _ => {
                    let friction = original.geom_friction()[id][column];
                    model.geom_friction_mut()[id][column] = times * friction;
                }
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// `task` with other multipliers.
fn with(task: &Task, mut multiplier: impl FnMut() -> f64) -> Task {
    let mut task = task.clone();
    for parameter in &mut task.parameters {
        parameter.value = multiplier();
    }
    task
}

#[test]
fn a_body_built_a_thousand_times_has_not_drifted() -> Result<()> {
    for (name, plan) in [("hopper-rand-params", &HOPPER), ("walker-rand-params", &WALKER)] {
        let family = find(name)?;
        let task = tasks(family, 1).remove(0);
        let mut env = family.make()?;
        let mut dice = stream(50, Role::Environment, 0, 0);
        let mut observation = vec![0.0; family.spec().observation_dim];
        for _ in 0..1000 {
            let other = with(&task, || 1.5_f64.powf(dice.random_range(-3.0..3.0)));
            env.reset(&other, &mut dice, &mut observation)?;
        }
        // Following compares positions bit for bit, in the end after many contacts.
        for seed in 51..60 {
            let untouched = with(&task, || 1.0);
            follow_in(env.as_mut(), family.spec(), &untouched, seed, plan, |_| Ok(()))?;
            let built = |simulation: &mut Simulation| build(simulation, &task);
            follow_in(env.as_mut(), family.spec(), &task, seed, plan, built)?;
        }
    }
    Ok(())
}

#[test]
fn a_body_that_is_rebuilt_in_mid_air_goes_on_from_where_it_is() -> Result<()> {
    for (name, plan) in [("hopper-rand-params", &HOPPER), ("walker-rand-params", &WALKER)] {
        let family = find(name)?;
        let [first, second, ..] = &tasks(family, 2)[..] else { bail!("two tasks") };
        let (mut env, mut beside) = (family.make()?, Body::new(plan)?);
        let rng = || stream(61, Role::Environment, 0, 0);
        let mut observation = vec![0.0; family.spec().observation_dim];
        let action = vec![0.3; family.spec().action_dim];
        env.reset(first, &mut rng(), &mut observation)?;
        build(beside.simulation_mut(), first)?;
        beside.reset(&mut rng());
        for task in [first, second, first] {
            let before = env.position();
            env.switch(task)?;
            ensure!(env.position() == before, "{name} moved from {before:?}");
            build(beside.simulation_mut(), task)?;
            beside.simulation_mut().forward();
            for _ in 0..4 {
                env.step(&action, &mut rng(), &mut observation)?;
                beside.step(&action)?;
            }
            let there = beside.simulation().qpos()[0];
            ensure!(
                env.position() == Some(there),
                "{name} is at {:?}, not {there}",
                env.position()
            );
        }
    }
    Ok(())
}

#[test]
fn every_multiplier_has_a_part_of_its_own() -> Result<()> {
    for name in ["hopper-rand-params", "walker-rand-params"] {
        let family = find(name)?;
        let task = tasks(family, 1).remove(0);
        let seen = |task: &Task| {
            let mut simulation = Simulation::load(HOPPER.model, 1)?;
            if name.starts_with("walker") {
                simulation = Simulation::load(WALKER.model, 1)?;
            }
            build(&mut simulation, task)?;
            let model = simulation.model();
            let inertias = model.body_inertia().as_flattened();
            let frictions = model.geom_friction().as_flattened();
            Ok([model.body_mass(), inertias, model.dof_damping(), frictions].concat())
        };
        let Ok(base): Result<Vec<f64>> = seen(&with(&task, || 1.0)) else { bail!("no base") };
        let mut changed: Vec<usize> = vec![];
        for index in 0..task.parameters.len() {
            let mut one = with(&task, || 1.0);
            one.parameters[index].value = 2.0;
            let values = seen(&one)?;
            changed
                .extend((0..base.len()).filter(|&i| values[i] == 2.0 * base[i] && base[i] > 0.0));
        }
        let all: Vec<usize> = (0..base.len()).filter(|&i| base[i] > 0.0).collect();
        changed.sort_unstable();
        ensure!(changed == all, "{name}: {changed:?}, expected {all:?}");
    }
    Ok(())
}
