//! PEARL's points: the distance to the goal is that of the observations.

use crate::follow::{of, tasks};
use anyhow::{Result, ensure};
use envs::{Oracle, Step, TaskFamily, find};
use rand::RngExt as _;
use types::{Role, Task, stream};

/// Plays an episode by `oracle` or else at random; gives the distances after the steps with them.
fn distances(
    family: &dyn TaskFamily,
    task: &Task,
    oracle: Option<&dyn Oracle>,
) -> Result<Vec<(f64, Step)>> {
    let (x, y) = (of(task, "goal_x")?, of(task, "goal_y")?);
    let mut rng = stream(u64::from(task.id.index), Role::Environment, 0, 0);
    let (mut observation, mut action) = ([f32::NAN; 2], [0.0; 2]);
    let mut env = family.make()?;
    env.reset(task, &mut rng, &mut observation)?;
    let mut episode = vec![];
    for _ in 0..family.spec().horizon {
        match oracle {
            Some(oracle) => oracle.act(&observation, &mut action),
            None => action.fill_with(|| rng.random_range(-1.0..=1.0)),
        }
        let step = env.step(&action, &mut rng, &mut observation)?;
        let [dx, dy] = [f64::from(observation[0]) - x, f64::from(observation[1]) - y];
        episode.push(((dx * dx + dy * dy).sqrt(), step));
    }
    Ok(episode)
}

/// Checks the task's own reward of all steps against `reward`, given the distance and, on the very
/// edge of what f32 observations can tell, the step.
fn check(name: &str, reward: impl Fn(f64, &Step) -> f64) -> Result<()> {
    let family = find(name)?;
    for task in tasks(family, 20) {
        let oracle = family.oracle(&task);
        for oracle in [None, oracle.as_deref()] {
            for (distance, step) in distances(family, &task, oracle)? {
                let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
                ensure!(near(step.reward, reward(distance, &step)), "{step:?} at {distance}");
                ensure!(near(step.shaped_reward, -distance), "{step:?} at {distance}");
                ensure!(!step.terminated, "{step:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn the_dense_reward_is_minus_the_distance() -> Result<()> {
    check("point-robot", |distance, _| -distance)
}

#[test]
fn the_sparse_reward_begins_near_the_goal() -> Result<()> {
    check("sparse-point-robot", |distance, step| {
        let edge = (distance - 0.2).abs() < 1e-6;
        let outside = if edge { step.reward == 0.0 } else { distance > 0.2 };
        if outside { 0.0 } else { 1.0 - distance }
    })
}
