//! Contexts of the MuJoCo bodies: the known environment by default, what they say otherwise.

use anyhow::{Context, Result, ensure};
use envs::bodies::{
    Ant, HalfCheetah, Hopper, Humanoid, HumanoidStandup, InvertedDoublePendulum, InvertedPendulum,
    Pusher, Reacher, STRIKER, Standard, Striker, Walker,
};
use envs::carl::context::Feature;
use envs::carl::mujoco::{self, Contextual};
use envs::mujoco::Simulation;
use envs::{Env, Error, Step, TaskFamily, find};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use types::{Parameter, Role, Split, Task, TaskRef, stream};

const STEPS: usize = 40;
/// Step before which a task changes.
const CHANGE: usize = STEPS / 2;

/// Features of the reacher in its first, its 100th and its last task, by `np.random.seed(1337)` and
/// default * `np.random.uniform(0.5, 1.5)`.
const FIRST: [f64; 4] =
    [0.7620246750155817, 0.6586839721544656, 0.027704974315011253, 0.0381745832142802];
const LAST_TRAIN: [f64; 4] =
    [0.5627561936458024, 0.9028483966456702, 0.02694416107278989, 0.04552752961901199];
const LAST: [f64; 4] =
    [0.5995494336367813, 1.005041381969813, 0.020937236893691317, 0.047145110277246854];

fn world() -> ChaCha8Rng {
    stream(3, Role::Environment, 0, 0)
}

fn actions(motors: usize) -> Vec<Vec<f32>> {
    let mut dice = stream(3, Role::Action, 0, 0);
    (0..STEPS).map(|_| (0..motors).map(|_| dice.random_range(-1.0..=1.0)).collect()).collect()
}

fn context(features: &[Feature], value: impl Fn(&Feature) -> f64) -> Task {
    let parameter = |f: &Feature| Parameter { name: f.name.to_owned(), value: value(f) };
    let id = TaskRef { split: Split::Train, index: 0 };
    Task { id, parameters: features.iter().map(parameter).collect() }
}

type Episode = Vec<(Step, Vec<f32>)>;

fn play(env: &mut dyn Env, family: &dyn TaskFamily, task: &Task) -> Result<Episode> {
    let nothing = |_: &mut dyn Env, _| Ok(());
    play_with(env, family, task, nothing)
}

/// An episode of `task` that changes to `other` half-way.
fn play_with_a_change_to(
    other: &Task,
    env: &mut dyn Env,
    family: &dyn TaskFamily,
    task: &Task,
) -> Result<Episode> {
    play_with(env, family, task, |env, step| match step {
        CHANGE => Ok(env.switch(other)?),
        _ => Ok(()),
    })
}

/// An episode of `task`; `before` each step, something may happen.
fn play_with(
    env: &mut dyn Env,
    family: &dyn TaskFamily,
    task: &Task,
    before: impl Fn(&mut dyn Env, usize) -> Result<()>,
) -> Result<Episode> {
    let (spec, mut rng) = (family.spec(), world());
    let mut observation = vec![f32::NAN; spec.observation_dim];
    env.reset(task, &mut rng, &mut observation)?;
    let mut episode = vec![];
    for (step, action) in actions(spec.action_dim).iter().enumerate() {
        before(env, step)?;
        let step = env.step(action, &mut rng, &mut observation)?;
        episode.push((step, observation.clone()));
    }
    Ok(episode)
}

/// The body as Gymnasium has it.
fn known<S: Standard>() -> Result<Episode> {
    let mut body = S::build()?;
    S::reset(&mut body, &mut world());
    let mut episode = vec![];
    for action in actions(S::PLAN.motors) {
        let outcome = S::step(&mut body, &action)?;
        let (reward, terminated) = (outcome.reward, outcome.terminated);
        let step = Step { reward, shaped_reward: reward, terminated };
        episode.push((step, S::observation(&body).map(narrow).collect()));
    }
    Ok(episode)
}

#[allow(clippy::cast_possible_truncation, reason = "what observations do")]
fn narrow(value: f64) -> f32 {
    value as f32
}

fn check<S: Standard>(family: &'static Contextual<S>) -> Result<()> {
    masses_are_those_of_the_model::<S>(family.features())?;
    each_feature_matters(family).context(family.name())
}

/// Parts that are welded to another one count as part of it.
fn masses_are_those_of_the_model<S: Standard>(features: &[Feature]) -> Result<()> {
    let simulation = Simulation::load(S::PLAN.model, 1)?;
    let (masses, welded) = (simulation.model().body_mass(), simulation.model().body_weldid());
    for feature in features {
        let Some(part) = feature.name.strip_prefix("mass_") else { continue };
        let part = simulation.body(part)?;
        let parts = masses.iter().zip(welded).filter(|(_, to)| usize::try_from(**to) == Ok(part));
        let mass: f64 = parts.map(|(mass, _)| mass).sum();
        ensure!((feature.default / mass - 1.0).abs() < 1e-12, "{}: {mass}", feature.name);
    }
    Ok(())
}

fn each_feature_matters<S: Standard>(family: &'static Contextual<S>) -> Result<()> {
    let (features, mut env) = (family.features(), family.make()?);
    let default = context(features, |feature| feature.default);
    let expected = known::<S>()?;
    ensure!(play(env.as_mut(), family, &default)? == expected, "the default is not the known one");
    for changed in features {
        let other = |f: &Feature| if f == changed { other_value(f) } else { f.default };
        let episode = play(env.as_mut(), family, &context(features, other))?;
        // The object is too far from the arm to matter in a few steps.
        let matters = changed.name != "mass_object";
        ensure!(!matters || episode != expected, "{} does nothing", changed.name);
        let same = play(env.as_mut(), family, &default)? == expected;
        ensure!(same, "{} leaves a trace", changed.name);

        let same = play_with_a_change_to(&default, env.as_mut(), family, &default)? == expected;
        ensure!(same, "a change to the same physics is felt");

        let outside = |f: &Feature| if f == changed { f.low - 1.0 } else { f.default };
        let refused = env.switch(&context(features, outside));
        ensure!(matches!(refused, Err(Error::Parameter { .. })), "{}: {refused:?}", changed.name);
    }
    Ok(())
}

fn other_value(feature: &Feature) -> f64 {
    if feature.default == 0.0 { -9.81 } else { 1.4 * feature.default }
}

#[test]
fn contexts_of_runners_are_known_by_default_and_each_feature_matters() -> Result<()> {
    check::<Ant>(&mujoco::ANT)?;
    check::<HalfCheetah>(&mujoco::HALF_CHEETAH)?;
    check::<Hopper>(&mujoco::HOPPER)?;
    check::<Walker>(&mujoco::WALKER2D)?;
    check::<Humanoid>(&mujoco::HUMANOID)?;
    check::<HumanoidStandup>(&mujoco::HUMANOID_STANDUP)
}

#[test]
fn contexts_of_pendulums_and_arms_are_known_by_default_and_each_feature_matters() -> Result<()> {
    check::<InvertedPendulum>(&mujoco::INVERTED_PENDULUM)?;
    check::<InvertedDoublePendulum>(&mujoco::INVERTED_DOUBLE_PENDULUM)?;
    check::<Pusher>(&mujoco::PUSHER)?;
    check::<Reacher>(&mujoco::REACHER)
}

#[test]
fn contexts_are_drawn_as_numpy_does() {
    let values = |split, index: usize| -> Vec<f64> {
        let task = &mujoco::REACHER.tasks(split)[index];
        task.parameters.iter().map(|parameter| parameter.value).collect()
    };
    assert_eq!(values(Split::Train, 0), FIRST);
    assert_eq!(values(Split::Train, 99), LAST_TRAIN);
    assert_eq!(values(Split::Test, 19), LAST);
}

#[test]
fn every_context_can_be_played() -> Result<()> {
    let suite = envs::suites().iter().find(|suite| suite.name == "carl-mujoco").context("suite")?;
    for family in suite.families {
        let mut env = family.make()?;
        for task in family.tasks(Split::Train).iter().chain(&family.tasks(Split::Test)) {
            play(env.as_mut(), *family, task)
                .with_context(|| format!("{} {}", family.name(), task.id))?;
        }
    }
    Ok(())
}

#[test]
fn the_striker_varies_what_epi_varies() -> Result<()> {
    let family = find("striker")?;
    let (train, test) = (family.tasks(Split::Train), family.tasks(Split::Test));
    assert_eq!((train.len(), test.len()), (25, 30));
    // s = (0.1, 0.2) is the ball of the model, s = (0.4, 0) the heaviest with the least damping.
    let [known, heavy] = [7, 20].map(|task: usize| &train[task]);
    let mut env = family.make()?;
    let near = |task: &Task, name, value: f64| {
        let got = task.parameter(name).unwrap_or(f64::NAN);
        assert!((got - value).abs() < 1e-12, "{name} is {got}, not {value}");
    };
    near(known, "mass", 1.0);
    near(known, "damping", 0.5);
    near(heavy, "mass", 3.4);
    near(heavy, "damping", 0.1);
    // The corners of the test are s = (0.05, -0.05), where nothing slows the ball, and (0.45, 0.45).
    let [light, last] = [0, 29].map(|task: usize| &test[task]);
    near(light, "mass", 0.6);
    near(light, "damping", 0.0);
    near(last, "mass", 3.8);
    near(last, "damping", 1.0);
    for (task, feature) in test.iter().flat_map(|t| family.features().iter().map(move |f| (t, f))) {
        let value = task.parameter(feature.name).context("parameter")?;
        assert!((feature.low..=feature.high).contains(&value), "{} {feature:?} {value}", task.id);
    }

    let mut striker = Striker::new()?;
    striker.reset(&mut world());
    let seen = play(env.as_mut(), family, known)?;
    for (action, (step, observation)) in actions(STRIKER.motors).iter().zip(&seen) {
        assert!((striker.step(action)? - step.reward).abs() < 1e-9);
        let expected: Vec<f32> = striker.observation().map(narrow).collect();
        assert_eq!(observation, &expected);
    }
    Ok(())
}
