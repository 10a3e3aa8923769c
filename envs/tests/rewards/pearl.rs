//! PEARL's families on MuJoCo bodies.

use crate::follow::{Followed, State, check, clipped, follow, of, suite, tasks};
use crate::rand_params;
use anyhow::{Context, Result, bail, ensure};
use envs::body::Plan;
use envs::{TaskFamily, bodies};
use types::Task;

/// Plays and checks an episode; says whether it ended before the horizon.
fn check_task(family: &dyn TaskFamily, task: &Task, seed: u64) -> Result<bool> {
    let of = |name| of(task, name);
    let run = |plan: &'static Plan| follow(family, task, seed, plan, |_| Ok(()));
    let episode = match family.name() {
        "cheetah-vel" => {
            let target = of("velocity")?;
            let episode = run(&bodies::HALF_CHEETAH)?;
            let reward = |f: &Followed| -(f.way(0) / 0.05 - target).abs() - 0.05 * f.effort;
            check(&episode, |f| (reward(f), false), cheetah_sees)?;
            episode
        }
        "cheetah-dir" => {
            let direction = of("direction")?;
            let episode = run(&bodies::HALF_CHEETAH)?;
            let reward = |f: &Followed| direction * f.way(0) / 0.05 - 0.05 * f.effort;
            check(&episode, |f| (reward(f), false), cheetah_sees)?;
            episode
        }
        "ant-dir" | "ant-dir-forward-backward" => {
            let (sin, cos) = of("direction")?.sin_cos();
            let episode = run(&bodies::ANT)?;
            let along = |f: &Followed, i: usize| (f.after.torso[i] - f.before.torso[i]) / 0.05;
            let forward = |f: &Followed| along(f, 0) * cos + along(f, 1) * sin;
            let reward = |f: &Followed| forward(f) + 1.0 - 0.5 * f.effort - contact(&f.after);
            let fell = |s: &State| s.qpos[2] < 0.2 || s.qpos[2] > 1.0;
            let sees = |s: &State| [&s.qpos[2..], &s.qvel].concat();
            check(&episode, |f| (reward(f), fell(&f.after)), sees)?;
            episode
        }
        "ant-goal" => {
            let (x, y) = (of("goal_x")?, of("goal_y")?);
            ensure!(x.hypot(y) <= 3.0, "{task:?}");
            let episode = run(&bodies::ANT)?;
            let away = |s: &State| (s.torso[0] - x).abs() + (s.torso[1] - y).abs();
            let reward = |f: &Followed| -away(&f.after) - 0.1 * f.effort - contact(&f.after);
            let sees = |s: &State| [&s.qpos, &s.qvel, &clipped(&s.forces, 1.0)[..]].concat();
            check(&episode, |f| (reward(f), false), sees)?;
            // Otherwise the test would not notice if forces were left out everywhere.
            ensure!(episode.iter().any(|f| contact(&f.after) > 0.0), "no contact");
            episode
        }
        "humanoid-dir" => {
            let (sin, cos) = of("direction")?.sin_cos();
            let episode = run(&bodies::HUMANOID)?;
            let way = |f: &Followed, i: usize| f.after.mass_centre[i] - f.before.mass_centre[i];
            // Five steps of 0.003 s: 0.25 / 0.003 times the way is 1.25 times the velocity.
            let forward = |f: &Followed| 1.25 * (way(f, 0) * cos + way(f, 1) * sin) / 0.015;
            let force = |s: &State| s.forces.iter().map(|f| f * f).sum::<f64>();
            let impact = |s: &State| (5e-7 * force(s)).min(10.0);
            let reward = |f: &Followed| forward(f) + 5.0 - 0.1 * f.effort - impact(&f.after);
            let fell = |s: &State| s.qpos[2] < 1.0 || s.qpos[2] > 2.0;
            let sees = |s: &State| {
                let bodies = [&s.inertias[..], &s.body_velocities, &s.motor_torques, &s.forces];
                [&s.qpos[2..], &s.qvel, &bodies.concat()].concat()
            };
            check(&episode, |f| (reward(f), fell(&f.after)), sees)?;
            episode
        }
        "hopper-rand-params" => rand_params::check_hopper(family, task, seed)?,
        "walker-rand-params" => rand_params::check_walker(family, task, seed)?,
        other => bail!("{other}: add its published formula to this test"),
    };
    Ok(episode.last().context("a step")?.step.terminated)
}

fn cheetah_sees(state: &State) -> Vec<f64> {
    [&state.qpos[1..], &state.qvel, &state.torso].concat()
}

fn contact(state: &State) -> f64 {
    5e-4 * clipped(&state.forces, 1.0).iter().map(|force| force * force).sum::<f64>()
}

#[test]
fn rewards_and_ends_follow_the_published_formulas() -> Result<()> {
    for family in suite("pearl")?.families {
        if family.name().contains("point") {
            continue; // See `points`.
        }
        let mut ends = 0;
        for (seed, task) in (40..).zip(tasks(family, 4)) {
            let ended = check_task(family, &task, seed).with_context(|| family.name())?;
            ends += usize::from(ended);
        }
        let can_end = !family.name().contains("cheetah") && family.name() != "ant-goal";
        ensure!((ends > 0) == can_end, "{}: {ends} ended", family.name());
    }
    Ok(())
}
