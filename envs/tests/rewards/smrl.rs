//! SMRL's families on MuJoCo bodies.

use crate::follow::{Followed, State, check, clipped, follow, of, suite, tasks};
use crate::rand_params::{hopper_fell, walker_fell};
use anyhow::{Context, Result, bail, ensure};
use envs::body::Plan;
use envs::{TaskFamily, bodies};
use types::Task;

fn cheetah_sees(state: &State) -> Vec<f64> {
    [&state.torso, &state.qpos[1..], &state.qvel[..]].concat()
}

fn distance([x, y]: [f64; 2], goal: [f64; 2]) -> f64 {
    ((x - goal[0]).powi(2) + (y - goal[1]).powi(2)).sqrt()
}

/// Plays and checks an episode; says whether it ended before the horizon.
fn check_task(family: &dyn TaskFamily, task: &Task, seed: u64) -> Result<bool> {
    let of = |name| of(task, name);
    let run = |plan: &'static Plan| follow(family, task, seed, plan, |_| Ok(()));
    let episode = match family.name() {
        "smrl-cheetah-goal" | "smrl-cheetah-goal-one-sided" => {
            let goal = of("goal")?;
            let episode = run(&bodies::HALF_CHEETAH)?;
            let reward = |f: &Followed| -(f.after.torso[0] - goal).abs() - 0.1 * f.effort;
            check(&episode, |f| (reward(f), false), cheetah_sees)?;
            episode
        }
        "smrl-cheetah-velocity" => {
            let target = of("velocity")?;
            let episode = run(&bodies::HALF_CHEETAH)?;
            let velocity = |f: &Followed| (f.after.torso[0] - f.before.torso[0]) / 0.05;
            let reward = |f: &Followed| -(velocity(f) - target).abs() - 0.1 * f.effort;
            check(&episode, |f| (reward(f), false), cheetah_sees)?;
            episode
        }
        "smrl-cheetah-direction" => {
            let direction = of("direction")?;
            let episode = run(&bodies::HALF_CHEETAH)?;
            let reward = |f: &Followed| direction * f.way(0) / 0.05 - 0.1 * f.effort;
            check(&episode, |f| (reward(f), false), cheetah_sees)?;
            episode
        }
        "smrl-ant-goal" | "smrl-ant-goal-one-sided" => {
            let goal = [of("goal_x")?, of("goal_y")?];
            let episode = run(&bodies::ANT)?;
            let reward = |f: &Followed| -distance([f.after.torso[0], f.after.torso[1]], goal);
            check(&episode, |f| (reward(f), false), |s| [&s.qpos[..], &s.qvel].concat())?;
            episode
        }
        "smrl-ant-velocity" => {
            let target = [of("velocity_x")?, of("velocity_y")?];
            let episode = run(&bodies::ANT)?;
            let along = |f: &Followed, i: usize| (f.after.torso[i] - f.before.torso[i]) / 0.05;
            let reward = |f: &Followed| -distance([along(f, 0), along(f, 1)], target);
            check(&episode, |f| (reward(f), false), |s| [&s.qpos[2..], &s.qvel].concat())?;
            episode
        }
        "smrl-hopper-goal" => {
            let goal = of("goal")?;
            let episode = run(&bodies::HOPPER)?;
            let away = |state: &State| state.foot.map_or(f64::NAN, |foot| (foot[0] - goal).abs());
            let gain = |f: &Followed| (away(&f.before) - away(&f.after)) / 0.008;
            let reward = |f: &Followed| gain(f) + 1.0 - 1e-3 * f.effort;
            let sees = |s: &State| {
                let foot = s.foot.map_or(f64::NAN, |foot| foot[0]);
                [&[foot], &s.qpos[1..], &clipped(&s.qvel, 10.0)[..]].concat()
            };
            check(&episode, |f| (reward(f), hopper_fell(&f.after)), sees)?;
            episode
        }
        "smrl-walker-goal" => {
            let goal = of("goal")?;
            let episode = run(&bodies::WALKER)?;
            let away = |state: &State| (state.torso[0] - goal).abs();
            let gain = |f: &Followed| (away(&f.before) - away(&f.after)) / 0.008;
            let fall = |f: &Followed| if walker_fell(&f.after) { -10.0 } else { 0.0 };
            let reward = |f: &Followed| gain(f) + 1.0 + fall(f) - 1e-3 * f.effort;
            let sees = |s: &State| [&s.qpos[..], &clipped(&s.qvel, 10.0)].concat();
            check(&episode, |f| (reward(f), walker_fell(&f.after)), sees)?;
            episode
        }
        "smrl-swimmer-goal" => {
            let goal = of("goal")?;
            let episode = run(&bodies::SWIMMER)?;
            let away = |f: &Followed| (f.after.qpos[0] - goal).abs();
            let expected = |f: &Followed| (-away(f) - 1e-4 * f.effort, away(f) < 0.1);
            check(&episode, expected, |s| [&s.qpos[..], &s.qvel].concat())?;
            episode
        }
        other => bail!("{other}: add its published formula to this test"),
    };
    Ok(episode.last().context("a step")?.step.terminated)
}

#[test]
fn rewards_and_ends_follow_the_published_formulas() -> Result<()> {
    for family in suite("smrl")?.families {
        // Enough goals for some to be right where the swimmer starts.
        let can_end = ["hopper", "walker", "swimmer"].iter().any(|b| family.name().contains(b));
        let mut ends = 0;
        for (seed, mut task) in (30..).zip(tasks(family, if can_end { 60 } else { 2 })) {
            if ["hopper", "walker"].iter().any(|body| family.name().contains(body)) {
                // Goals in the middle of where random actions lead.
                task.parameters[0].value = (task.parameters[0].value - 2.5) / 20.0;
            }
            let ended = check_task(family, &task, seed).with_context(|| family.name())?;
            ends += usize::from(ended);
        }
        ensure!((ends > 0) == can_end, "{}: {ends} ended", family.name());
    }
    Ok(())
}
