//! Environments that a user has written in Python: the modules beside this file, in `gymnasium/`.
//!
//! `cargo xtask test` runs it with a Python that has Gymnasium.

#![cfg(feature = "gymnasium")]

use anyhow::{Context, Result, ensure};
use envs::{Env, Error, Step, TaskFamily, build};
use rand_chacha::ChaCha8Rng;
use types::{Change, EnvSpec, Environment, Gymnasium, Next, Role, Split, Task, When, stream};

fn load(hook: &str, horizon: Option<u32>) -> Result<Box<dyn TaskFamily>, Error> {
    let gymnasium = Some(Gymnasium { hook: hook.to_owned(), horizon });
    build(&Environment { gymnasium, ..Environment::of("gymnasium") })
}

fn world(seed: u64) -> ChaCha8Rng {
    stream(seed, Role::Environment, 0, 0)
}

fn task(family: &dyn TaskFamily, split: Split, index: usize) -> Result<Task> {
    family.tasks(split).into_iter().nth(index).context("a task")
}

/// An episode with the same action throughout: what was seen, and the steps.
fn play(
    env: &mut dyn Env,
    spec: EnvSpec,
    task: &Task,
    action: &[f32],
    seed: u64,
) -> Result<(Vec<Vec<f32>>, Vec<Step>), Error> {
    let mut rng = world(seed);
    let mut observation = vec![f32::NAN; spec.observation_dim];
    env.reset(task, &mut rng, &mut observation)?;
    let (mut seen, mut steps) = (vec![observation.clone()], vec![]);
    while steps.len() < spec.horizon {
        let step = env.step(action, &mut rng, &mut observation)?;
        seen.push(observation.clone());
        steps.push(step);
        if step.terminated || env.truncated() {
            break;
        }
    }
    Ok((seen, steps))
}

#[test]
fn tasks_actions_observations_and_rewards_pass_through() -> Result<()> {
    let family = load("track", None)?;
    let spec = family.spec();
    ensure!(spec == EnvSpec::new(2, 1, 7), "{spec:?}");
    let parameters = task(&family, Split::Train, 2)?.parameters;
    ensure!(parameters.iter().map(|p| p.name.as_str()).eq(["target", "fault"]), "{parameters:?}");
    let mut env = family.make()?;
    for (action, force) in [(0.25, 0.5), (-9.0, -2.0)] {
        let (seen, steps) = play(&mut *env, spec, &task(&family, Split::Train, 2)?, &[action], 1)?;
        ensure!(steps.len() == 7, "{steps:?}");
        let mut at = f64::from(seen[0][1]);
        for (observation, step) in seen[1..].iter().zip(&steps) {
            at += force;
            ensure!((f64::from(observation[0]) - at).abs() < 1e-5, "{observation:?} at {at}");
            ensure!((step.reward + (at - 3.0).abs()).abs() < 1e-5, "{step:?} at {at}");
        }
    }
    Ok(())
}

#[test]
fn a_seed_fixes_the_episode_also_beside_other_environments() -> Result<()> {
    let family = load("track", None)?;
    let (spec, task) = (family.spec(), task(&family, Split::Train, 0)?);
    let episode = |seed| play(&mut *family.make()?, spec, &task, &[0.5], seed);
    let expected: Vec<_> = (0..4).map(episode).collect::<Result<_, _>>()?;
    ensure!(expected[0] != expected[1], "the seed has no effect");
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|seed| scope.spawn(move || episode(seed))).collect();
        for (thread, expected) in threads.into_iter().zip(expected) {
            let seen = thread.join().ok().context("a panic")??;
            ensure!(seen == expected, "{seen:?}, expected {expected:?}");
        }
        Ok(())
    })
}

#[test]
fn choices_and_changed_physics_reach_gymnasiums_own_environments() -> Result<()> {
    let family = load("pole", None)?;
    let spec = family.spec();
    ensure!(spec == EnvSpec { choice: true, ..EnvSpec::new(4, 2, 500) }, "{spec:?}");
    let mut env = family.make()?;
    let mut fall = |index, action| -> Result<_> {
        play(&mut *env, spec, &task(&family, Split::Train, index)?, action, 3)
            .map(|(seen, steps)| (seen[1][1], steps.len()))
            .map_err(Into::into)
    };
    let (left, right) = (fall(0, &[0.3, -0.3])?, fall(0, &[-0.3, 0.3])?);
    ensure!(left.0 < -0.1 && right.0 > 0.1, "{left:?}, {right:?}");
    ensure!(fall(1, &[-0.3, 0.3])? != right, "gravity has no effect");
    Ok(())
}

#[test]
fn a_task_may_come_with_the_options_of_a_reset() -> Result<()> {
    let family = load("asked", Some(3))?;
    let spec = family.spec();
    ensure!(spec == EnvSpec { choice: true, ..EnvSpec::new(1, 3, 3) }, "{spec:?}");
    let (mut env, task) = (family.make()?, task(&family, Split::Test, 1)?);
    let (seen, steps) = play(&mut *env, spec, &task, &[-0.2, -0.5, 0.0], 1)?;
    ensure!(seen.iter().all(|o| o == &[2.0]) && steps[2].reward == 1.0, "{seen:?}, {steps:?}");
    let refused = env.switch(&task);
    ensure!(
        matches!(&refused, Err(Error::Python { traceback, .. })
        if traceback.contains("'set_task'")),
        "{refused:?}"
    );
    Ok(())
}

#[test]
fn a_change_is_refused_early_where_a_task_comes_with_a_reset() -> Result<()> {
    let make = |hook: &str| {
        let gymnasium = Some(Gymnasium { hook: hook.to_owned(), horizon: Some(3) });
        let change = Some(Change { when: When::Time { every: 2 }, next: Next::Random });
        let environment = Environment { gymnasium, change, ..Environment::of("gymnasium") };
        build(&environment)?.make().map(drop)
    };
    ensure!(make("asked") == Err(Error::NoSwitch { family: "gymnasium" }));
    Ok(make("track")?)
}

#[test]
fn an_exception_comes_with_its_traceback_and_a_new_environment_goes_on() -> Result<()> {
    let family = load("track", None)?;
    let (spec, fails) = (family.spec(), task(&family, Split::Test, 1)?);
    let mut env = family.make()?;
    let Err(error) = play(&mut *env, spec, &fails, &[0.0], 1) else {
        anyhow::bail!("expected the third step to fail");
    };
    let text = error.to_string();
    for part in [
        "expected no exception, got RuntimeError: derailed at step 3\nTraceback",
        "track.py",
        "in _derail",
        "RuntimeError: derailed at step 3",
    ] {
        ensure!(text.contains(part), "no {part} in {text}");
    }
    let after = env.step(&[0.0], &mut world(1), &mut [0.0; 2]);
    ensure!(after == Err(Error::NotReset), "{after:?}");
    let (_, steps) = play(&mut *family.make()?, spec, &task(&family, Split::Test, 0)?, &[0.0], 1)?;
    ensure!(steps.len() == 7);
    Ok(())
}

#[test]
fn an_episode_that_is_cut_off_is_truncated_and_not_terminated() -> Result<()> {
    let family = load("track", None)?;
    let mut env = family.make()?;
    let (_, steps) = play(&mut *env, family.spec(), &task(&family, Split::Test, 2)?, &[0.0], 1)?;
    ensure!(steps.len() == 2 && env.truncated() && !steps[1].terminated, "{steps:?}");
    play(&mut *env, family.spec(), &task(&family, Split::Test, 0)?, &[1.0], 1)?;
    let first = env.reset(&task(&family, Split::Test, 0)?, &mut world(1), &mut [0.0; 2]);
    ensure!(first.is_ok() && !env.truncated(), "{first:?}");
    Ok(())
}

#[test]
fn a_module_that_cannot_work_is_refused_with_the_reason() {
    let refused = |hook| load(hook, None).err().map(|e| e.to_string()).unwrap_or_default();
    for (hook, parts) in [
        ("no_such_module", &["import of a", "ModuleNotFoundError", "no_such_module"][..]),
        ("json", &["json: expected a function 'make'"]),
        ("boundless", &["make of a", "action_space: expected finite bounds"]),
        ("asked", &["environment.gymnasium.horizon"]),
    ] {
        let text = refused(hook);
        assert!(parts.iter().all(|part| text.contains(part)), "{hook}: {text}");
    }
}
