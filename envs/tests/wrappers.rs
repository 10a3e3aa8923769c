//! Changing and visible tasks: rules fire when they should, and what is recorded, rewarded and shown
//! is one and the same task.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod walkway;

use anyhow::{Context, Result, ensure};
use envs::wrappers::{NonStationary, Visible};
use envs::{Error, TaskFamily, build, families};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use types::{Change, Environment, Next, Role, Split, When, stream};
use walkway::{Seen, TASKS, Walkway, play, prize, task};

fn dice(seed: u64) -> ChaCha8Rng {
    stream(seed, Role::Environment, 0, 0)
}

fn around<F: TaskFamily>(family: F, when: When, next: Next) -> NonStationary<F> {
    let change = Change { when, next };
    NonStationary { name: "changing", summary: "Tasks take turns.", family, change }
}

fn split() -> impl Strategy<Value = Split> {
    prop_oneof![Just(Split::Train), Just(Split::Test)]
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        (0.1..6.0, 0.0..3.0).prop_map(|(every, jitter)| When::Place { every, jitter }),
        (1_u32..9).prop_map(|every| When::Time { every }),
        (0_u32..9, 0.0..=1.0).prop_map(|(after, probability)| When::Chance { after, probability }),
    ]
}

fn next() -> impl Strategy<Value = Next> {
    prop_oneof![Just(Next::Random), Just(Next::InOrder)]
}

fn actions() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(-1.0_f32..1.0, 1..120)
}

/// The steps before which the task changed, if it changes in order.
fn changes(start: u32, seen: &[Seen]) -> Vec<usize> {
    let before = std::iter::once(start).chain(seen.iter().map(|seen| seen.index));
    let pairs = before.zip(seen.iter().map(|seen| seen.index));
    pairs.enumerate().filter(|(_, (old, new))| old != new).map(|(step, _)| step).collect()
}

proptest! {
    #[test]
    fn reward_record_and_what_is_shown_are_of_one_task_of_the_split_of_the_episode(
        (split, start, when, next) in (split(), 0..TASKS, when(), next()),
        (actions, seed) in (actions(), any::<u64>()),
    ) {
        let inner = around(Walkway, when, next);
        let family = Visible::new(inner, &["prize".to_owned()]).unwrap();
        for seen in play(&family, &task(split, start), &actions, &mut dice(seed)).unwrap() {
            let expected = prize(types::TaskRef { split, index: seen.index });
            prop_assert!(seen.index < TASKS);
            prop_assert_eq!(seen.reward, expected);
            prop_assert_eq!(f64::from(seen.observation[1]), expected);
        }
    }

    #[test]
    fn rules_within_rules_record_the_task_that_is_rewarded(
        (start, inner, outer) in (0..TASKS, (when(), next()), (when(), next())),
        (actions, seed) in (actions(), any::<u64>()),
    ) {
        let family = around(around(Walkway, inner.0, inner.1), outer.0, outer.1);
        let start = task(Split::Train, start);
        for seen in play(&family, &start, &actions, &mut dice(seed)).unwrap() {
            prop_assert_eq!(seen.reward, f64::from(seen.index));
        }
    }

    #[test]
    fn by_time_in_order_the_task_is_a_function_of_the_step(
        (split, start, every, actions) in (split(), 0..TASKS, 1_u32..9, actions()),
    ) {
        let family = around(Walkway, When::Time { every }, Next::InOrder);
        let seen = play(&family, &task(split, start), &actions, &mut dice(1)).unwrap();
        for (step, seen) in (0..).zip(seen) {
            prop_assert_eq!(seen.index, (start + step / every) % TASKS);
        }
    }

    #[test]
    fn by_place_a_change_comes_in_the_first_step_that_begins_far_enough_from_the_last(
        (start, every, jitter) in (0..TASKS, 0.1..6.0, 0.0..3.0),
        (actions, seed) in (actions(), any::<u64>()),
    ) {
        let family = around(Walkway, When::Place { every, jitter }, Next::InOrder);
        let start = task(Split::Train, start);
        let seen = play(&family, &start, &actions, &mut dice(seed)).unwrap();
        let changes = changes(start.id.index, &seen);
        let mut last = 0.0;
        for (step, seen) in seen.iter().enumerate() {
            let distance = (seen.from - last).abs();
            if changes.contains(&step) {
                prop_assert!(distance >= every, "{distance} at {step}");
                last = seen.from;
            } else {
                prop_assert!(distance < every + jitter, "{distance} at {step}");
            }
        }
    }

    #[test]
    fn by_chance_there_is_peace_first_and_certainty_is_certain(
        (after, probability, seed) in (0_u32..9, 0.0..=1.0, any::<u64>()),
    ) {
        let steps = [0.5; 100];
        let start = task(Split::Test, 2);
        let at = |probability, seed| {
            let when = When::Chance { after, probability };
            let family = around(Walkway, when, Next::InOrder);
            changes(2, &play(&family, &start, &steps, &mut dice(seed)).unwrap())
        };
        let peace = (after as usize).max(1);
        let certain: Vec<usize> = (0..100).skip(after as usize).step_by(peace).collect();
        prop_assert_eq!(at(1.0, seed), certain);
        prop_assert_eq!(at(0.0, seed), Vec::<usize>::new());
        let some = at(probability, seed);
        prop_assert!(some.first().is_none_or(|first| *first >= after as usize));
        prop_assert!(some.windows(2).all(|pair| pair[1] - pair[0] >= peace), "{:?}", some);
    }

    #[test]
    fn a_refused_step_leaves_even_the_rule_of_change_as_it_was(
        (when, next, actions, seed) in (when(), next(), actions(), any::<u64>()),
        bad in 0_usize..3,
    ) {
        let family = around(Walkway, when, next);
        let start = task(Split::Train, 0);
        let expected = play(&family, &start, &actions, &mut dice(seed)).unwrap();
        let mut env = family.make().unwrap();
        let mut rng = dice(seed);
        let mut observation = [0.0];
        env.reset(&start, &mut rng, &mut observation).unwrap();
        for (action, expected) in actions.into_iter().zip(expected) {
            let refused = match bad {
                0 => env.step(&[f32::NAN], &mut rng, &mut observation),
                1 => env.step(&[0.1, 0.1], &mut rng, &mut observation),
                _ => env.step(&[0.1], &mut rng, &mut [0.0; 2]),
            };
            prop_assert!(refused.is_err());
            let step = env.step(&[action], &mut rng, &mut observation).unwrap();
            prop_assert_eq!(step.reward, expected.reward);
            prop_assert_eq!(env.in_force(), Some(expected.index));
        }
    }
}

/// Within six standard deviations of what is expected of `trials` with `probability`.
fn likely(count: usize, trials: usize, probability: f64) -> bool {
    let (count, trials) = (count as f64, trials as f64);
    (count - trials * probability).abs() < 6.0 * (trials * probability).sqrt()
}

#[test]
fn chance_and_random_tasks_come_as_often_as_they_should() -> Result<()> {
    let steps = vec![0.5; 200_000];
    let when = When::Chance { after: 0, probability: 0.01 };
    let start = task(Split::Train, 0);
    let seen = play(&around(Walkway, when, Next::InOrder), &start, &steps, &mut dice(1))?;
    let changes = changes(0, &seen).len();
    ensure!(likely(changes, steps.len(), 0.01), "{changes} changes");

    let every = around(Walkway, When::Time { every: 1 }, Next::Random);
    let seen = play(&every, &start, &steps, &mut dice(2))?;
    for index in 0..TASKS {
        let count = seen.iter().filter(|seen| seen.index == index).count();
        ensure!(likely(count, steps.len(), 1.0 / f64::from(TASKS)), "task {index}: {count}");
    }
    Ok(())
}

#[test]
fn a_task_put_in_force_from_outside_is_recorded_shown_and_followed_in_order() -> Result<()> {
    let changing = around(Walkway, When::Time { every: 2 }, Next::InOrder);
    let family = Visible::new(changing, &["prize".to_owned(), "colour".to_owned()])?;
    let mut env = family.make()?;
    let mut rng = dice(3);
    let mut observation = [0.0; 3];
    env.reset(&task(Split::Train, 0), &mut rng, &mut observation)?;
    ensure!(observation == [0.0, 0.0, 0.5], "{observation:?}");
    env.switch(&task(Split::Test, 3))?;
    for expected in [3, 3, 4, 4, 0] {
        let step = env.step(&[0.0], &mut rng, &mut observation)?;
        let prize = 100.0 + f64::from(expected);
        ensure!(env.in_force() == Some(expected) && step.reward == prize, "{step:?}");
        ensure!(f64::from(observation[1]) == prize && observation[2] == 0.5, "{observation:?}");
    }
    Ok(())
}

fn config(family: &str, change: Option<Change>, visible: &[&str]) -> Environment {
    let visible = visible.iter().map(|name| (*name).to_owned()).collect();
    Environment { change, visible, ..Environment::of(family) }
}

#[test]
fn an_experiment_gets_the_family_with_what_it_wants_around_it() -> Result<()> {
    let plain = build(&config("cheetah-vel", None, &[]))?;
    ensure!(!plain.spec().task_changes && plain.spec().observation_dim == 20);

    let change = Change { when: When::Place { every: 10.0, jitter: 1.0 }, next: Next::Random };
    let family = build(&config("cheetah-vel", Some(change), &["velocity"]))?;
    let spec = family.spec();
    ensure!(spec.task_changes && spec.observation_dim == 21, "{spec:?}");
    ensure!(family.name() == "cheetah-vel" && family.tasks(Split::Test).len() == 30);
    let task = family.tasks(Split::Test).swap_remove(7);
    let mut observation = [0.0; 21];
    family.make()?.reset(&task, &mut dice(4), &mut observation)?;
    let velocity = task.parameter("velocity").context("a velocity")?;
    ensure!((f64::from(observation[20]) - velocity).abs() < 1e-6, "{observation:?}");
    Ok(())
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let refusal = |config: &Environment| {
        let made = build(config).and_then(|family| family.make());
        made.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(refusal(&config("cheetah-vle", None, &[])).contains("\"cheetah-vel\"?"));
    let text = refusal(&config("point-robot", None, &["goal_x", "goal_z"]));
    assert!(
        text.contains("point-robot") && text.contains("goal_x, goal_y, got \"goal_z\""),
        "{text}"
    );
    let place = Change { when: When::Place { every: 1.0, jitter: 0.0 }, next: Next::Random };
    let text = refusal(&config("point-robot", Some(place), &[]));
    assert!(text.contains("point-robot") && text.contains("by time or by chance"), "{text}");
    let visible = Visible::new(Walkway, &["prize".to_owned()]).unwrap();
    let mut env = visible.make().unwrap();
    let refused = env.reset(&task(Split::Train, 0), &mut dice(5), &mut [0.0]);
    assert_eq!(refused, Err(Error::Length { what: "observation", expected: 2, got: 1 }));
}

#[test]
fn what_an_observation_cannot_hold_is_not_shown() -> Result<()> {
    let visible = Visible::new(Walkway, &["prize".to_owned()])?;
    let mut env = visible.make()?;
    let (mut rng, mut observation) = (dice(5), [0.0; 2]);
    let huge = |mut task: types::Task| {
        task.parameters.iter_mut().for_each(|parameter| parameter.value = 1e39);
        task
    };
    env.reset(&task(Split::Train, 3), &mut rng, &mut observation)?;
    let refused = env.switch(&huge(task(Split::Train, 1))).err().context("an error")?;
    ensure!(refused.to_string().contains("task train-1: expected a \"prize\""), "{refused}");
    let step = env.step(&[0.0], &mut rng, &mut observation)?;
    ensure!(step.reward == 3.0 && observation[1] == 3.0, "{step:?}, {observation:?}");
    let refused = env.reset(&huge(task(Split::Test, 1)), &mut rng, &mut observation);
    ensure!(matches!(refused, Err(Error::Visible { .. })), "{refused:?}");
    Ok(())
}

/// Every family runs with a task that changes every third step, and says which one is in force.
#[test]
fn every_family_can_change_and_be_seen() -> Result<()> {
    let change = Change { when: When::Time { every: 3 }, next: Next::InOrder };
    for plain in families() {
        let tasks = plain.tasks(Split::Train);
        let first = tasks.first().context("a task")?;
        let name = first.parameters.first().context("a parameter")?.name.clone();
        let family = build(&config(plain.name(), Some(change), &[&name]))?;
        let spec = family.spec();
        let mut env = family.make()?;
        let mut rng = dice(6);
        let mut observation = vec![f32::NAN; spec.observation_dim];
        env.reset(first, &mut rng, &mut observation)?;
        for step in 0..9 {
            let mut action = vec![0.0; spec.action_dim];
            action.fill_with(|| rng.random_range(-1.0..=1.0));
            let end = env.step(&action, &mut rng, &mut observation)?.terminated;
            let index = step / 3 % tasks.len();
            // None of the families that change by themselves does so that early.
            let in_force = env.in_force().context(family.name())?;
            ensure!(in_force as usize == index, "{}: {in_force} at {step}", family.name());
            let shown = f64::from(observation[spec.observation_dim - 1]);
            let parameter = tasks[index].parameter(&name).context("a parameter")?;
            let near = (shown - parameter).abs() <= 1e-6 * parameter.abs();
            ensure!(near, "{}: {shown}, not {parameter}", family.name());
            if end {
                break;
            }
        }
    }
    Ok(())
}
