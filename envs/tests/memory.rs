//! Memory stays flat over steps, resets and changes of tasks, and a thousand environments fit into
//! one process.

use anyhow::{Context, Result, ensure};
use envs::wrappers::NonStationary;
use envs::{Env, TaskFamily, families, find};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use std::sync::{Mutex, PoisonError};
use types::{Change, Next, Role, Split, Task, When, stream};

const MIB: i64 = 1 << 20;

/// One test at a time: the memory of the process is that of all of them.
static ALONE: Mutex<()> = Mutex::new(());

/// Memory of this process that is in use, bytes.
fn resident() -> Result<i64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    let kib: i64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// An environment of a family whose task changes every five steps, with buffers to play in it.
struct Player {
    env: Box<dyn Env>,
    tasks: Vec<Task>,
    next: usize,
    rng: ChaCha8Rng,
    observation: Vec<f32>,
    action: Vec<f32>,
    horizon: usize,
}

impl Player {
    fn new(family: &dyn TaskFamily) -> Result<Self> {
        let change = Change { when: When::Time { every: 5 }, next: Next::Random };
        let family = NonStationary { name: family.name(), summary: "", family, change };
        let spec = family.spec();
        Ok(Self {
            env: family.make()?,
            tasks: family.tasks(Split::Train),
            next: 0,
            rng: stream(1, Role::Environment, 0, 0),
            observation: vec![0.0; spec.observation_dim],
            action: vec![0.0; spec.action_dim],
            horizon: spec.horizon,
        })
    }

    /// Plays an episode of the next task, of `most` steps at most; returns how many it had.
    fn play(&mut self, most: usize) -> Result<usize> {
        let task = &self.tasks[self.next % self.tasks.len()];
        self.next += 1;
        self.env.reset(task, &mut self.rng, &mut self.observation)?;
        for step in 1..=most.min(self.horizon) {
            self.action.fill_with(|| self.rng.random_range(-1.0..=1.0));
            if self.env.step(&self.action, &mut self.rng, &mut self.observation)?.terminated {
                return Ok(step);
            }
        }
        Ok(most.min(self.horizon))
    }
}

#[test]
fn memory_is_flat_over_resets_and_changes_of_every_family() -> Result<()> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut players: Vec<Player> = families().map(Player::new).collect::<Result<_>>()?;
    let mut round =
        || -> Result<()> { players.iter_mut().try_for_each(|player| player.play(40).map(drop)) };
    (0..10).try_for_each(|_| round())?;
    let before = resident()?;
    (0..40).try_for_each(|_| round())?;
    let growth = resident()? - before;
    // Forty lost kilobytes per family would be ten bytes per change of the task.
    ensure!(growth < 2 * MIB, "{growth} bytes in 40 episodes of each family");
    Ok(())
}

#[test]
fn a_thousand_environments_run_in_one_process() -> Result<()> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let all: Vec<_> = families().collect();
    let mut players: Vec<Player> =
        all.iter().cycle().take(1000).map(|family| Player::new(*family)).collect::<Result<_>>()?;
    for player in &mut players {
        ensure!(player.play(2)? >= 1);
    }
    Ok(())
}

/// As long as it takes to be sure: ten million steps of each of some families, with a change of the
/// task every five steps. Minutes for families without physics, most of an hour for a body:
///
/// ```sh
/// FAMILIES=point-robot,cheetah-rand-params STEPS=10000000 \
///     cargo test --release -p envs --test memory -- --ignored --nocapture
/// ```
#[test]
#[ignore = "takes from minutes to an hour"]
fn memory_is_flat_over_ten_million_steps() -> Result<()> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let names = std::env::var("FAMILIES").unwrap_or_else(|_| "point-robot".to_owned());
    let steps: usize = std::env::var("STEPS").map_or(Ok(10_000_000), |steps| steps.parse())?;
    for name in names.split(',') {
        let mut player = Player::new(find(name)?)?;
        let (mut done, mut episodes) = (0, 0);
        while done < steps / 10 {
            done += player.play(usize::MAX)?;
            episodes += 1;
        }
        let before = resident()?;
        while done < steps {
            done += player.play(usize::MAX)?;
            episodes += 1;
        }
        let growth = resident()? - before;
        eprintln!("{name}: {done} steps, {episodes} episodes, {before} bytes, grew by {growth}");
        ensure!(growth < MIB, "{name}: {growth} bytes in {steps} steps");
    }
    Ok(())
}
