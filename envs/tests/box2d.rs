//! Lander and walker do what Gymnasium's do (`fixtures/record_box2d.py`), bit for bit.

use anyhow::{Context as _, Result, ensure};
use envs::carl::box2d::lander::{self, Flight, Thrust};
use envs::carl::box2d::walker::{self, Walk};
use envs::carl::box2d::{Draw, Outcome};
use envs::{Step, TaskFamily};
use rand::RngExt as _;
use safetensors::SafeTensors;
use types::{Role, Split, Task, stream};

/// `np.random.seed(1337); np.random.uniform(-1, -20)`.
const FIRST_GRAVITY: f64 = -5.978_468_825_296_052;

/// Recorded random numbers, in order.
struct Tape(std::vec::IntoIter<f64>);

impl Draw for Tape {
    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        let value = self.0.next().unwrap_or(f64::NAN);
        assert!((low..high).contains(&value), "{value} is not in [{low}, {high})");
        value
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "small")]
    fn whole(&mut self, low: i64, high: i64) -> i64 {
        self.uniform(low as f64, high as f64) as i64
    }
}

/// An episode as it was recorded.
struct Recorded {
    context: Vec<f64>,
    draws: Tape,
    actions: Vec<Vec<f32>>,
    observations: Vec<Vec<f32>>,
    outcomes: Vec<Outcome>,
}

struct File(SafeTensors<'static>);

impl File {
    fn open() -> Result<Self> {
        let bytes = include_bytes!("../fixtures/box2d.safetensors");
        Ok(Self(SafeTensors::deserialize(bytes)?))
    }

    fn doubles(&self, name: &str) -> Result<Vec<f64>> {
        let view = self.0.tensor(name)?;
        Ok(view.data().as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect())
    }

    fn rows(&self, name: &str) -> Result<Vec<Vec<f32>>> {
        let view = self.0.tensor(name)?;
        let values: Vec<f32> =
            view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        Ok(values.chunks(view.shape()[1]).map(<[f32]>::to_vec).collect())
    }

    /// The episodes of a family.
    fn episodes(&self, family: &str) -> Result<Vec<Recorded>> {
        let mut episodes = vec![];
        while self.0.tensor(&format!("{family}/{}/draws", episodes.len())).is_ok() {
            let name = |what: &str| format!("{family}/{}/{what}", episodes.len());
            let outcomes = self.doubles(&name("outcomes"))?;
            let outcome = |pair: &[f64]| Outcome { reward: pair[0], terminated: pair[1] == 1.0 };
            episodes.push(Recorded {
                context: self.doubles(&name("context"))?,
                draws: Tape(self.doubles(&name("draws"))?.into_iter()),
                actions: self.rows(&name("actions"))?,
                observations: self.rows(&name("observations"))?,
                outcomes: outcomes.chunks(2).map(outcome).collect(),
            });
        }
        ensure!(episodes.iter().filter(|episode| episode.actions.len() >= 100).count() >= 5);
        Ok(episodes)
    }
}

#[allow(clippy::cast_possible_truncation, reason = "what observations do")]
fn narrow(state: &[f64]) -> Vec<f32> {
    state.iter().map(|&value| value as f32).collect()
}

/// How the actions of a family become thrust.
type Command = fn(&[f32]) -> Result<Thrust, envs::Error>;

fn fly(episode: &mut Recorded, thrust: Command) -> Result<()> {
    let context = lander::Context::new(episode.context.as_slice().try_into()?);
    let mut flight = Flight::start(context, &mut episode.draws)?;
    ensure!(narrow(flight.state()) == episode.observations[0], "after the reset");
    for (step, action) in episode.actions.iter().enumerate() {
        let outcome = flight.step(thrust(action)?, &mut episode.draws)?;
        let expected = (&episode.observations[step + 1], episode.outcomes[step]);
        let got = (&narrow(flight.state()), outcome);
        ensure!(got == expected, "step {step}: {got:?}, recorded {expected:?}");
    }
    ensure!(episode.draws.0.next().is_none(), "random numbers are left");
    Ok(())
}

#[test]
fn the_lander_flies_as_gymnasium_s_does() -> Result<()> {
    let file = File::open()?;
    let commands: [(&str, Command); 2] = [
        ("carl-lunar-lander", Thrust::chosen),
        ("carl-lunar-lander-continuous", Thrust::throttled),
    ];
    for (family, thrust) in commands {
        for (index, episode) in file.episodes(family)?.iter_mut().enumerate() {
            fly(episode, thrust).with_context(|| format!("{family} {index}"))?;
        }
    }
    Ok(())
}

fn walk(episode: &mut Recorded) -> Result<()> {
    let context = walker::Context::new(episode.context.as_slice().try_into()?);
    let mut walk = Walk::start(context, &mut episode.draws)?;
    ensure!(narrow(walk.state()) == episode.observations[0], "after the reset");
    for (step, action) in episode.actions.iter().enumerate() {
        let action: Vec<f64> = action.iter().copied().map(f64::from).collect();
        let outcome = walk.step(action.as_slice().try_into()?)?;
        let expected = (&episode.observations[step + 1], episode.outcomes[step]);
        let got = (&narrow(walk.state()), outcome);
        ensure!(got == expected, "step {step}: {got:?}, recorded {expected:?}");
    }
    ensure!(episode.draws.0.next().is_none(), "random numbers are left");
    Ok(())
}

#[test]
fn the_walker_walks_as_gymnasium_s_does() -> Result<()> {
    for (index, episode) in File::open()?.episodes("carl-bipedal-walker")?.iter_mut().enumerate() {
        walk(episode).with_context(|| format!("episode {index}"))?;
    }
    Ok(())
}

/// Plays a task with random actions; `check` sees each step: the observations before and after it,
/// the action, what came of it, and where the agent was before and is now.
fn play(
    family: &dyn TaskFamily,
    task: &Task,
    seed: u64,
    mut check: impl FnMut(&[f32], &[f32], &[f32], Step, [f64; 2]) -> Result<()>,
) -> Result<()> {
    let spec = family.spec();
    let mut env = family.make()?;
    let mut world = stream(seed, Role::Environment, 0, 0);
    let mut dice = stream(seed, Role::Action, 0, 0);
    let mut before = vec![0.0; spec.observation_dim];
    env.reset(task, &mut world, &mut before)?;
    for _ in 0..spec.horizon {
        let action: Vec<f32> =
            (0..spec.action_dim).map(|_| dice.random_range(-1.0..=1.0)).collect();
        let mut after = before.clone();
        let place = env.position().unwrap_or_default();
        let step = env.step(&action, &mut world, &mut after)?;
        let places = [place, env.position().unwrap_or_default()];
        check(&before, &action, &after, step, places)?;
        if step.terminated {
            break;
        }
        before = after;
    }
    Ok(())
}

/// Actions and observations are f32, and their errors are multiplied by a hundred.
fn near(step: Step, expected: f64) -> Result<()> {
    ensure!((step.reward - expected).abs() < 1e-3, "{step:?}, expected {expected}");
    Ok(())
}

/// What an action costs.
type Fuel = fn(&[f32]) -> f64;

fn chosen(action: &[f32]) -> f64 {
    let largest = action.iter().copied().fold(f32::MIN, f32::max);
    match action.iter().position(|&value| value == largest) {
        Some(2) => 0.3,
        Some(0) => 0.0,
        _ => 0.03,
    }
}

fn throttled(action: &[f32]) -> f64 {
    let [main, side] = [f64::from(action[0]), f64::from(action[1].abs())];
    let main = if main > 0.0 { 0.3 * (1.0 + main) / 2.0 } else { 0.0 };
    if side > 0.5 { main + 0.03 * side } else { main }
}

#[test]
fn rewards_of_the_lander_follow_from_what_is_observed() -> Result<()> {
    let potential = |o: &[f32]| {
        let o: Vec<f64> = o.iter().copied().map(f64::from).collect();
        100.0 * (-o[0].hypot(o[1]) - o[2].hypot(o[3]) - o[4].abs()) + 10.0 * (o[6] + o[7])
    };
    let fuel: [(&str, Fuel); 2] =
        [("carl-lunar-lander", chosen), ("carl-lunar-lander-continuous", throttled)];
    for (name, fuel) in fuel {
        let family = envs::find(name)?;
        for (seed, task) in (0..).zip(family.tasks(Split::Test)) {
            play(family, &task, seed, |before, action, after, step, _| {
                if step.terminated {
                    return near(step, step.reward.signum() * 100.0);
                }
                ensure!(after[0].abs() < 1.0, "outside of the world");
                near(step, potential(after) - potential(before) - fuel(action))
            })?;
        }
    }
    Ok(())
}

#[test]
fn rewards_of_the_walker_follow_from_its_place_and_what_is_observed() -> Result<()> {
    let family = envs::find("carl-bipedal-walker")?;
    for (seed, task) in (0..).zip(family.tasks(Split::Test)) {
        play(family, &task, seed, |before, action, after, step, places| {
            if step.terminated {
                return near(step, -100.0);
            }
            let effort: f64 = action.iter().map(|&a| f64::from(a.abs())).sum();
            let tilt = f64::from(after[0].abs()) - f64::from(before[0].abs());
            let way = places[1] - places[0];
            near(step, 130.0 * way / 30.0 - 5.0 * tilt - 0.00035 * 80.0 * effort)
        })?;
    }
    Ok(())
}

#[test]
fn tasks_vary_within_the_bounds_and_beyond_those_of_training() -> Result<()> {
    let value = |task: &Task, name: &str| task.parameter(name).context("a feature");
    for (name, features) in [
        ("carl-lunar-lander", &lander::FEATURES[..]),
        ("carl-bipedal-walker", &walker::FEATURES[..]),
    ] {
        let family = envs::find(name)?;
        for split in [Split::Train, Split::Test] {
            for task in family.tasks(split) {
                for feature in features {
                    let value = value(&task, feature.name)?;
                    ensure!((feature.low..=feature.high).contains(&value), "{}", feature.name);
                    let varies = ["GRAVITY_Y", "FRICTION"].contains(&feature.name);
                    ensure!(varies || value == feature.default, "{} {value}", feature.name);
                }
            }
        }
        let first = family.tasks(Split::Train).swap_remove(0);
        ensure!((value(&first, "GRAVITY_Y")? - FIRST_GRAVITY).abs() < 1e-12, "{first:?}");
        let test = family.tasks(Split::Test);
        ensure!(value(&test[0], "GRAVITY_Y")? == -0.5 && value(&test[9], "GRAVITY_Y")? == -20.0);
    }
    Ok(())
}

#[test]
fn a_context_out_of_bounds_is_refused() -> Result<()> {
    let family = envs::find("carl-bipedal-walker")?;
    let mut task = family.tasks(Split::Test).swap_remove(0);
    for parameter in &mut task.parameters {
        if parameter.name == "LEG_W" {
            parameter.value = 0.0;
        }
    }
    let refused =
        family.make()?.reset(&task, &mut stream(1, Role::Environment, 0, 0), &mut [0.0; 24]);
    let message = refused.err().context("an error")?.to_string();
    ensure!(message.contains("LEG_W") && message.contains("[0.25, 0.5]"), "{message}");
    Ok(())
}

#[test]
fn a_task_can_change_in_the_air() -> Result<()> {
    for name in ["carl-lunar-lander-continuous", "carl-bipedal-walker"] {
        let family = envs::find(name)?;
        let spec = family.spec();
        let tasks = family.tasks(Split::Test);
        let mut env = family.make()?;
        let mut fall = |switch: Option<&Task>| -> Result<f32> {
            let mut world = stream(3, Role::Environment, 0, 0);
            let mut observation = vec![0.0; spec.observation_dim];
            env.reset(&tasks[0], &mut world, &mut observation)?;
            if let Some(task) = switch {
                env.switch(task)?;
            }
            for _ in 0..5 {
                env.step(&vec![0.0; spec.action_dim], &mut world, &mut observation)?;
            }
            // The vertical velocity, in whatever units.
            Ok(observation[3])
        };
        let (light, same, heavy) = (fall(None)?, fall(Some(&tasks[0]))?, fall(Some(&tasks[9]))?);
        ensure!(same == light, "{name}: {same}, {light}");
        ensure!(heavy < light - 0.02, "{name}: {light} and {heavy}");
    }
    Ok(())
}
