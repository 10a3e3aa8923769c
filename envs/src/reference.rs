//! A family as other processes see it, with yardsticks for its returns.

use crate::{Env, Error, Oracle, TaskFamily};
use rand::RngExt as _;
use types::{EnvSpec, FamilySpec, ReferenceReturns, Role, Split, Task, stream};

/// Episodes per test task and yardstick policy.
const EPISODES: u32 = 64;

/// Everything about `family` that can be known without its physics.
///
/// The yardsticks are average returns of the task's own reward over all test tasks; they do not
/// depend on the run's seed. Both policies start from the same states.
///
/// # Errors
/// Whatever keeps the yardstick policies from playing; nothing where the family has no oracle.
pub fn describe(family: &dyn TaskFamily) -> Result<FamilySpec, Error> {
    let test = family.tasks(Split::Test);
    Ok(FamilySpec {
        name: family.name().to_owned(),
        summary: family.summary().to_owned(),
        env: family.spec(),
        train: family.tasks(Split::Train),
        reference: reference(family, &test)?,
        test,
    })
}

fn reference(family: &dyn TaskFamily, test: &[Task]) -> Result<Option<ReferenceReturns>, Error> {
    let oracles: Option<Vec<_>> = test.iter().map(|task| family.oracle(task)).collect();
    let Some(oracles) = oracles.filter(|oracles| !oracles.is_empty()) else {
        return Ok(None);
    };
    let mut player = Player::new(family)?;
    let mut sums = ReferenceReturns { random: 0.0, oracle: 0.0 };
    let mut count = 0.0;
    for (task, oracle) in test.iter().zip(&oracles) {
        for episode in 0..EPISODES {
            sums.random += player.play(task, episode, None)?;
            sums.oracle += player.play(task, episode, Some(oracle.as_ref()))?;
            count += 1.0;
        }
    }
    Ok(Some(ReferenceReturns { random: sums.random / count, oracle: sums.oracle / count }))
}

/// An environment with the buffers to play in it.
struct Player {
    env: Box<dyn Env>,
    spec: EnvSpec,
    observation: Vec<f32>,
    action: Vec<f32>,
}

impl Player {
    fn new(family: &dyn TaskFamily) -> Result<Self, Error> {
        let spec = family.spec();
        Ok(Self {
            env: family.make()?,
            spec,
            observation: vec![0.0; spec.observation_dim],
            action: vec![0.0; spec.action_dim],
        })
    }

    /// The return of one episode: of `oracle`, or else of uniformly random actions.
    fn play(
        &mut self,
        task: &Task,
        episode: u32,
        oracle: Option<&dyn Oracle>,
    ) -> Result<f64, Error> {
        let index = u64::from(task.id.index);
        let mut world = stream(0, Role::Reference, index, 2 * u64::from(episode));
        let mut dice = stream(0, Role::Reference, index, 2 * u64::from(episode) + 1);
        self.env.reset(task, &mut world, &mut self.observation)?;
        let mut total = 0.0;
        for _ in 0..self.spec.horizon {
            match oracle {
                Some(oracle) => oracle.act(&self.observation, &mut self.action),
                None => self.action.fill_with(|| dice.random_range(-1.0..=1.0)),
            }
            let step = self.env.step(&self.action, &mut world, &mut self.observation)?;
            total += step.reward;
            if step.terminated || self.env.truncated() {
                break;
            }
        }
        Ok(total)
    }
}
