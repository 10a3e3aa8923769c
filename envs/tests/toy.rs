//! The toy suite, recomputed from what is seen.

use anyhow::{Context, Result, ensure};
use envs::{TaskFamily, find};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use types::{Role, Split, Task, stream};

fn streams(seed: u64) -> [ChaCha8Rng; 2] {
    [Role::Environment, Role::Action].map(|role| stream(seed, role, 0, 0))
}

fn of(task: &Task, name: &str) -> Result<f64> {
    task.parameter(name).context("parameter")
}

/// A step as it was seen: observations before and after, the action, the reward.
struct Seen {
    before: Vec<f64>,
    action: Vec<f64>,
    after: Vec<f64>,
    reward: f64,
}

/// Plays tasks of both splits with random actions, long stretches of which push into one corner.
fn play(family: &dyn TaskFamily, mut check: impl FnMut(&Task, &Seen) -> Result<()>) -> Result<()> {
    let spec = family.spec();
    let mut env = family.make()?;
    let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    for split in [Split::Train, Split::Test] {
        for (seed, task) in (0..).zip(family.tasks(split).iter()) {
            let [mut world, mut dice] = streams(seed);
            let mut observation = vec![0.0; spec.observation_dim];
            env.reset(task, &mut world, &mut observation)?;
            for t in 0..spec.horizon {
                let before = wide(&observation);
                let action: Vec<f32> = (0..spec.action_dim)
                    .map(|_| if t % 100 < 50 { dice.random_range(-1.0..=1.0) } else { 1.0 })
                    .collect();
                let step = env.step(&action, &mut world, &mut observation)?;
                let after = wide(&observation);
                let seen = Seen { before, action: wide(&action), after, reward: step.reward };
                check(task, &seen)
                    .with_context(|| format!("{} {} step {t}", family.name(), task.id))?;
            }
        }
    }
    Ok(())
}

/// Observations are `f32`, so what is computed from them is as near as their last digits.
fn near(got: f64, expected: f64) -> Result<()> {
    near_for(1.0, got, expected)
}

/// As [`near`], computed from numbers as large as `size`.
fn near_for(size: f64, got: f64, expected: f64) -> Result<()> {
    let tolerance = 1e-6 * expected.abs().max(size).max(1.0);
    ensure!((got - expected).abs() <= tolerance, "{got}, expected {expected}");
    Ok(())
}

fn goal(task: &Task, axes: usize) -> Result<Vec<f64>> {
    let names: &[&str] = if axes == 1 { &["goal"] } else { &["goal_x", "goal_y"] };
    names.iter().map(|name| of(task, name)).collect()
}

fn length(vector: &[f64]) -> f64 {
    vector.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[test]
fn walks_go_where_they_are_told_and_pay_for_the_distance() -> Result<()> {
    let cases = [
        ("toy1d", 1.0, 0.1),
        ("toy1d-fixed", 1.0, 0.1),
        ("toy1d-rand", 10.0, 3.0),
        ("toy1d-domain-rand", 10.0, 3.0),
        ("toy1d-unbounded", f64::INFINITY, 2.0),
        ("toy1d-unbounded-small", f64::INFINITY, 1.0),
        ("toy1d-symmetries", 1.0, 0.1),
        ("toy2d-l1", 1.0, 0.1),
        ("toy2d-l2", 1.0, 0.1),
        ("toy2d-rand", 1.0, 0.1),
    ];
    for (name, wall, reach) in cases {
        let family = find(name)?;
        play(family, |task, seen| {
            let m = task.parameter("multiplier").unwrap_or(1.0);
            let push: Vec<f64> = seen.action.iter().map(|a| m * reach * a).collect();
            let shrink = (reach / length(&push)).min(1.0);
            let size = length(&seen.before);
            let mut way = vec![];
            for (axis, goal) in goal(task, push.len())?.into_iter().enumerate() {
                let x = seen.before[axis] / m + push[axis] * shrink;
                let x = x.max(-wall).min(wall);
                near_for(size, seen.after[axis], m * x)?;
                way.push(x - goal);
            }
            let distance = match name {
                "toy2d-l1" => way[0].abs() + way[1].abs(),
                _ => length(&way),
            };
            near_for(size, seen.reward, -m * distance)
        })?;
    }
    Ok(())
}

/// Many small steps of the midpoint method for x'' = u - x'/2.
fn integrated(mut x: f64, mut v: f64, u: f64) -> [f64; 2] {
    let h = 0.1 / 1000.0;
    for _ in 0..1000 {
        let middle = v + h / 2.0 * (u - v / 2.0);
        x += h * middle;
        v += h * (u - middle / 2.0);
    }
    [x, v]
}

#[test]
fn slides_obey_their_law_and_walls() -> Result<()> {
    for name in ["toy1d-dynamic", "toy1d-continuous", "toy1d-continuous-rand", "toy2d-continuous"] {
        let mut hits = 0;
        play(find(name)?, |task, seen| {
            let axes = seen.action.len();
            let shrink = 0.1 * (1.0 / length(&seen.action)).min(1.0);
            let mut free = vec![];
            for axis in 0..axes {
                let (x, v, u) =
                    (seen.before[axis], seen.before[axes + axis], seen.action[axis] * shrink);
                free.push(match name {
                    "toy1d-dynamic" => [x + 0.1 * v, v + 0.1 * u],
                    _ => integrated(x, v, u),
                });
            }
            let speeds: Vec<f64> = free.iter().map(|[_, v]| v.clamp(-1.0, 1.0)).collect();
            let slow = (1.0 / length(&speeds)).min(1.0);
            let mut way = vec![];
            for (axis, goal) in goal(task, axes)?.into_iter().enumerate() {
                let x = free[axis][0].clamp(-1.0, 1.0);
                near(seen.after[axis], x)?;
                let outward = speeds[axis] * x;
                // On the very edge, f32 observations do not tell whether it was a hit.
                let edge = (free[axis][0].abs() - 1.0).abs() < 1e-6;
                if !edge {
                    let hit = free[axis][0].abs() > 1.0 && outward > 0.0;
                    hits += usize::from(hit);
                    near(seen.after[axes + axis], if hit { 0.0 } else { speeds[axis] * slow })?;
                }
                way.push(x - goal);
            }
            near(seen.reward, -length(&way))
        })?;
        assert!(hits > 0, "{name} never hit a wall");
    }
    Ok(())
}

#[test]
fn noise_has_its_size_and_does_not_move_the_point() -> Result<()> {
    let family = find("toy1d-noisy")?;
    let task = &family.tasks(Split::Test)[0];
    let mut env = family.make()?;
    let [mut world, _] = streams(1);
    let (mut positions, mut rewards, mut observation) = (vec![], vec![], [0.0]);
    env.reset(task, &mut world, &mut observation)?;
    for _ in 0..10_000 {
        rewards.push(env.step(&[0.0], &mut world, &mut observation)?.reward);
        positions.push(f64::from(observation[0]));
    }
    let moments = |values: &[f64]| {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        [mean, (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt()]
    };
    // Ten thousand numbers: means to 1 % of a deviation, deviations to 0.7 %; five times that.
    let close = |got: f64, expected: f64, scale: f64| (got - expected).abs() < 0.05 * scale;
    let [place, spread] = moments(&positions);
    assert!(close(spread, 0.005, 0.005), "{spread}");
    let [early, _] = moments(&positions[..5000]);
    assert!(close(early, place, 0.005), "{early} {place}");
    let [reward, spread] = moments(&rewards);
    assert!(close(spread, 0.05, 0.05), "{spread}");
    assert!(close(reward, -(place - of(task, "goal")?).abs(), 0.05), "{reward}");
    Ok(())
}

#[test]
fn the_splits_are_what_they_are_for() -> Result<()> {
    let goals = |name: &str, split| -> Result<Vec<f64>> {
        find(name)?.tasks(split).iter().map(|task| of(task, "goal")).collect()
    };
    let right = goals("toy1d-symmetries", Split::Train)?;
    assert!(right.len() == 100 && right.iter().all(|&goal| goal > 0.0));
    let both = goals("toy1d-symmetries", Split::Test)?;
    assert!(both.len() == 25 && both.iter().filter(|&&goal| goal < 0.0).count() > 5);
    let grid = goals("toy1d-fixed", Split::Train)?;
    let test = goals("toy1d-fixed", Split::Test)?;
    assert!(grid[0] == -1.0 && grid[99] == 1.0 && test.len() == 25);
    assert!(test.iter().all(|goal| grid.iter().all(|other| (goal - other).abs() > 1e-4)));
    Ok(())
}

#[test]
fn the_box_moves_and_is_rewarded_by_its_base_task() -> Result<()> {
    use std::f64::consts::PI;
    let mut counts = [[0; 8]; 2];
    let mut highest = 0.0_f64;
    let family = find("toy1d-multi-task")?;
    play(family, |task, seen| {
        let [x, z, tilt, vx, vz, spin] = seen.before[..] else { anyhow::bail!("six numbers") };
        let [push, torque, jump] = seen.action[..] else { anyhow::bail!("three numbers") };
        // Along x, a step forgets the velocity before it.
        let vx = (vx + 0.1 * (50.0 * push - 10.0 * vx)).clamp(-5.0, 5.0);
        let spin =
            (spin + 0.1 * (50.0 * torque - 50.0 / (4.0 * PI) * spin)).clamp(-4.0 * PI, 4.0 * PI);
        let lift = if z > 0.3 || vz > 0.0 { 0.0 } else { 39.81 * jump.abs() };
        let vz = (vz + 0.1 * (lift - 9.81)).clamp(-3.0, 3.0);
        let (x, tilt, free) = (x + 0.1 * vx, tilt + 0.1 * spin, z + 0.1 * vz);
        let (tilt, z) = (tilt.clamp(-PI / 2.0, PI / 2.0), free.clamp(0.0, 4.0));
        let vz = if free < 0.0 { vz.max(0.0) } else { vz };
        // At the thresholds, f32 observations do not tell the side.
        let [height, rise] = [seen.before[1], seen.before[4]];
        if (height - 0.3).abs() < 1e-6 || (rise != 0.0 && rise.abs() < 1e-6) || free.abs() < 1e-6 {
            return Ok(());
        }
        for (got, expected) in seen.after.iter().zip([x, z, tilt, vx, vz, spin]) {
            near(*got, expected)?;
        }
        highest = highest.max(vz);
        let target = of(task, "target")?;
        let reached = [vx, vx, x, x, spin, tilt, tilt, vz.abs()];
        let base_task = (0..8).find(|&i| of(task, "base_task").is_ok_and(|b| b == i as f64));
        let base_task = base_task.context("a base task")?;
        counts[usize::from(task.id.split == Split::Test)][base_task] += 1;
        near(seen.reward, -(reached[base_task] - target).abs() / target.abs())
    })?;
    // All speeds that tasks ask for can be reached.
    assert!(highest > 2.99, "{highest}");
    assert!(counts[0].iter().all(|&n| n > 9 * 200 - 200 && n <= 10 * 200), "{counts:?}");
    assert!(counts[1].iter().all(|&n| n > 4 * 200 - 200 && n <= 5 * 200), "{counts:?}");
    Ok(())
}
