//! One suite over every registered family: what is registered is tested.

use anyhow::{Context, Result, ensure};
use envs::{Env, Error, Step, TaskFamily, describe, families};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use types::{EnvSpec, Role, Split, Task, stream};

const SPLITS: [Split; 2] = [Split::Train, Split::Test];

/// Families that reward coming nearer to a goal, however far it is: their tasks are alike until a
/// goal is reached, which random actions do not. `rewards/smrl.rs` goes past goals.
const ALIKE_AT_FIRST: [&str; 2] = ["smrl-hopper-goal", "smrl-walker-goal"];

/// The generator of the environment in these tests, and the one of its actions.
fn world(seed: u64) -> ChaCha8Rng {
    stream(seed, Role::Environment, 0, 0)
}

fn actions(spec: EnvSpec, seed: u64) -> Vec<Vec<f32>> {
    let mut dice = stream(seed, Role::Action, 0, 0);
    let mut action = || (0..spec.action_dim).map(|_| dice.random_range(-1.0..=1.0)).collect();
    (0..spec.horizon).map(|_| action()).collect()
}

/// An episode: observations including the first, and steps.
#[derive(Debug, Clone, PartialEq)]
struct Episode {
    observations: Vec<Vec<f32>>,
    steps: Vec<Step>,
}

/// Plays an episode with the actions of `seed`.
fn play(env: &mut dyn Env, spec: EnvSpec, task: &Task, seed: u64) -> Result<Episode> {
    let mut rng = world(seed);
    let mut observation = vec![f32::NAN; spec.observation_dim];
    env.reset(task, &mut rng, &mut observation)?;
    let mut episode = Episode { observations: vec![observation.clone()], steps: vec![] };
    for action in actions(spec, seed) {
        observation.fill(f32::NAN);
        let step = env.step(&action, &mut rng, &mut observation)?;
        episode.observations.push(observation.clone());
        episode.steps.push(step);
        if step.terminated {
            break;
        }
    }
    Ok(episode)
}

/// Runs a check for every family and says which one failed.
fn for_each(check: impl Fn(&dyn TaskFamily) -> Result<()>) -> Result<()> {
    families().try_for_each(|family| check(family).context(family.name()))
}

fn first_task(family: &dyn TaskFamily, split: Split) -> Result<Task> {
    family.tasks(split).into_iter().next().context("a task")
}

#[test]
fn tasks_are_numbered_named_alike_finite_and_the_same_on_every_call() -> Result<()> {
    for_each(|family| {
        let names =
            |task: &Task| task.parameters.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
        let expected = names(&first_task(family, Split::Train)?);
        for split in SPLITS {
            let tasks = family.tasks(split);
            ensure!(tasks == family.tasks(split), "another list on the second call");
            for (index, task) in (0..).zip(&tasks) {
                ensure!(task.id == types::TaskRef { split, index }, "{task:?} at {index}");
                ensure!(names(task) == expected, "{task:?}, expected {expected:?}");
                ensure!(task.parameters.iter().all(|p| p.value.is_finite()), "{task:?}");
            }
        }
        Ok(())
    })
}

#[test]
fn values_fit_the_spec_and_are_finite() -> Result<()> {
    for_each(|family| {
        let spec = family.spec();
        let mut env = family.make()?;
        for split in SPLITS {
            let episode = play(env.as_mut(), spec, &first_task(family, split)?, 1)?;
            ensure!(episode.observations.iter().flatten().all(|v| v.is_finite()), "observations");
            for step in &episode.steps {
                ensure!(step.reward.is_finite() && step.shaped_reward.is_finite(), "{step:?}");
                let differs = step.reward != step.shaped_reward;
                ensure!(spec.shaped_reward || !differs, "{step:?}");
            }
            let differs = episode.steps.iter().any(|s| s.reward != s.shaped_reward);
            ensure!(differs == spec.shaped_reward, "shaped_reward is {}", spec.shaped_reward);
        }
        Ok(())
    })
}

#[test]
fn a_seed_fixes_the_trajectory_in_new_and_used_environments() -> Result<()> {
    for_each(|family| {
        let spec = family.spec();
        let (first, other) = (first_task(family, Split::Train)?, first_task(family, Split::Test)?);
        let (mut new, mut used) = (family.make()?, family.make()?);
        play(used.as_mut(), spec, &other, 5)?;
        let expected = play(new.as_mut(), spec, &first, 2)?;
        ensure!(play(used.as_mut(), spec, &first, 2)? == expected, "differs");
        ensure!(play(used.as_mut(), spec, &first, 3)? != expected, "the seed has no effect");
        Ok(())
    })
}

#[test]
fn tasks_of_a_split_differ_in_what_comes_of_the_same_actions() -> Result<()> {
    for_each(|family| {
        if ALIKE_AT_FIRST.contains(&family.name()) {
            return Ok(());
        }
        let spec = family.spec();
        let mut env = family.make()?;
        for split in SPLITS {
            let mut seen: Vec<Vec<u64>> = vec![];
            for task in family.tasks(split).iter().take(4) {
                let episode = play(env.as_mut(), spec, task, 4)?;
                let rewards = episode.steps.iter().map(|step| step.shaped_reward.to_bits());
                // Where every step until the end is worth 1, physics show in the observations.
                let shown = episode.observations.iter().flatten().map(|v| u64::from(v.to_bits()));
                seen.push(rewards.chain(shown).collect());
            }
            seen.sort_unstable();
            seen.dedup();
            ensure!(seen.len() == family.tasks(split).len().min(4), "{split}");
        }
        Ok(())
    })
}

#[test]
fn actions_are_clipped() -> Result<()> {
    for_each(|family| {
        let spec = family.spec();
        let task = first_task(family, Split::Train)?;
        let mut results = vec![];
        for size in [1.0, 7.5] {
            let mut env = family.make()?;
            let mut rng = world(6);
            let mut observation = vec![0.0; spec.observation_dim];
            env.reset(&task, &mut rng, &mut observation)?;
            let step = env.step(&vec![size; spec.action_dim], &mut rng, &mut observation)?;
            results.push((step, observation));
        }
        ensure!(results[0] == results[1], "{results:?}");
        Ok(())
    })
}

#[test]
fn what_cannot_be_right_is_refused_without_harm() -> Result<()> {
    for_each(|family| {
        let spec = family.spec();
        let mut task = first_task(family, Split::Train)?;
        let mut env = family.make()?;
        let mut rng = world(7);
        let mut observation = vec![0.0; spec.observation_dim];
        let good = vec![0.5; spec.action_dim];
        let early = env.step(&good, &mut rng, &mut observation);
        ensure!(early == Err(Error::NotReset), "{early:?}");

        env.reset(&task, &mut rng, &mut observation)?;
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut action = good.clone();
            action[spec.action_dim - 1] = bad;
            let refused = env.step(&action, &mut rng, &mut observation);
            ensure!(matches!(refused, Err(Error::Action { .. })), "{refused:?}");
        }
        let refused = env.step(&good[1..], &mut rng, &mut observation);
        ensure!(matches!(refused, Err(Error::Length { .. })), "{refused:?}");
        let refused = env.step(&good, &mut rng, &mut observation[1..]);
        ensure!(matches!(refused, Err(Error::Length { .. })), "{refused:?}");
        let harmed = env.step(&good, &mut rng, &mut observation)?;

        // Steps may draw random numbers; those that were refused have drawn none.
        let mut rng = world(7);
        env.reset(&task, &mut rng, &mut observation)?;
        let unharmed = env.step(&good, &mut rng, &mut observation)?;
        ensure!(harmed == unharmed, "{harmed:?} is not {unharmed:?}");

        task.parameters.pop();
        let refused = env.reset(&task, &mut rng, &mut observation);
        ensure!(matches!(refused, Err(Error::Parameter { .. })), "{refused:?}");
        Ok(())
    })
}

#[test]
fn descriptions_are_complete_and_the_oracle_beats_random_actions() -> Result<()> {
    for_each(|family| {
        let description = describe(family)?;
        ensure!(description.name == family.name() && description.env == family.spec());
        ensure!(description.summary.ends_with('.'), "a sentence");
        ensure!(description.train == family.tasks(Split::Train));
        ensure!(description.test == family.tasks(Split::Test));
        let has_oracle = description.test.iter().all(|task| family.oracle(task).is_some());
        ensure!(description.reference.is_some() == has_oracle, "{has_oracle}");
        if let Some(reference) = description.reference {
            ensure!(reference.oracle > reference.random, "{reference:?}");
            ensure!(describe(family)?.reference == Some(reference), "not repeatable");
        }
        Ok(())
    })
}
