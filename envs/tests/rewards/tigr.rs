//! TIGR's families.

use crate::follow::{Followed, State, check, follow, of, suite, tasks};
use anyhow::{Context, Result, bail, ensure};
use envs::{TaskFamily, bodies};
use std::collections::BTreeSet;
use types::Task;

/// What is rewarded besides saving effort, of the table in TIGR's environment.
fn cheetah_term(number: i32, w: f64, f: &Followed) -> f64 {
    let (qpos, qvel) = (&f.after.qpos, &f.after.qvel);
    let about = match number {
        0 | 1 => qvel[0],
        2 | 3 => qpos[2],
        4 | 5 => qpos[0],
        6 => qvel[2],
        _ => qvel[1].abs(),
    };
    -(about / w - 1.0).abs()
}

fn ant_term(number: i32, w: f64, f: &Followed) -> f64 {
    let vector = if number < 4 { &f.after.qvel } else { &f.after.qpos };
    let along = if matches!(number, 0 | 1 | 4 | 5) { 0 } else { 1 };
    let across = 1 - along;
    match number {
        8 => -(f.after.qvel[2].abs() / w - 1.0).abs(),
        _ => -(vector[along] / w - 1.0).powi(2) - (vector[across] / w).powi(2),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a small whole number")]
fn number(task: &Task) -> Result<i32> {
    Ok(of(task, "base_task")? as i32)
}

fn cheetah_sees(state: &State) -> Vec<f64> {
    [&state.qpos[1..], &state.qvel, &state.torso].concat()
}

fn ant_sees(state: &State) -> Vec<f64> {
    [&state.qpos[..], &state.qvel].concat()
}

fn check_task(family: &dyn TaskFamily, task: &Task, seed: u64) -> Result<()> {
    let (b, w) = (number(task)?, of(task, "specification")?);
    let is_ant = family.name() == "ant-multi-task";
    let plan = if is_ant { &bodies::ANT } else { &bodies::HALF_CHEETAH };
    let episode = follow(family, task, seed, plan, |_| Ok(()))?;
    let rewarded = |term: &dyn Fn(&Followed) -> f64, seen: fn(&State) -> Vec<f64>| {
        check(&episode, |f| (term(f) - 0.05 * f.effort, false), seen)
    };
    match family.name() {
        "cheetah-multi-task" => rewarded(&|f| cheetah_term(b, w, f), cheetah_sees),
        "cheetah-multi-task-vel" => rewarded(&|f| -(f.way(0) / 0.05 - w).abs(), cheetah_sees),
        "cheetah-multi-task-dir" => rewarded(&|f| w * f.way(0) / 0.05, cheetah_sees),
        "ant-multi-task" => rewarded(&|f| ant_term(b, w, f), ant_sees),
        other => bail!("{other}: add its published formula to this test"),
    }
}

#[test]
fn rewards_follow_the_published_formulas() -> Result<()> {
    for family in suite("tigr")?.families {
        let mut numbers = BTreeSet::new();
        for (seed, task) in (20..).zip(tasks(family, usize::MAX)) {
            if numbers.insert(number(&task)?) {
                check_task(family, &task, seed).with_context(|| family.name())?;
            }
        }
        let expected = match family.name() {
            "cheetah-multi-task" => 8,
            "ant-multi-task" => 9,
            "cheetah-multi-task-dir" => 2,
            _ => 1,
        };
        ensure!(numbers.len() == expected, "{}: {numbers:?}", family.name());
    }
    Ok(())
}

#[test]
fn a_number_that_no_base_task_has_is_refused() -> Result<()> {
    for family in suite("tigr")?.families {
        let mut task = tasks(family, 1).remove(0);
        task.parameters[0].value = 9.0;
        let mut observation = vec![0.0; family.spec().observation_dim];
        let mut rng = types::stream(1, types::Role::Environment, 0, 0);
        let refused = family.make()?.reset(&task, &mut rng, &mut observation);
        let Err(error) = refused else { bail!("{}: accepted", family.name()) };
        ensure!(error.to_string().contains("base_task"), "{error}");
    }
    Ok(())
}
