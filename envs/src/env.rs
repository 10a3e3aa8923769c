//! The contract between those who write environments and those who run them.

use crate::Error;
use crate::carl::context::Feature;
use crate::picture::Scene;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use types::{EnvSpec, Split, Task};

/// What a step gives besides the observation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The task's own reward: what an agent may see and is evaluated on.
    pub reward: f64,
    /// What learning uses; equal to `reward` unless [`EnvSpec::shaped_reward`].
    pub shaped_reward: f64,
    /// Whether the task itself ended: no value follows. The horizon is the caller's to watch.
    pub terminated: bool,
}

/// An environment that plays episodes of the tasks of one family, one after another.
pub trait Env: Send {
    /// Starts an episode of `task` and writes the first `observation`, `[observation_dim]`.
    ///
    /// What happened in earlier episodes leaves no trace: the same task and generator give the
    /// same episode in a new environment and in a used one.
    ///
    /// # Errors
    /// [`Error::Parameter`] when the task is not one of this family, [`Error::Length`] when
    /// `observation` has another width.
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), Error>;

    /// Takes `action`, `[action_dim]`, and writes the `observation` that follows,
    /// `[observation_dim]`. Actions are clipped to [-1, 1], then rescaled to physical units.
    ///
    /// # Errors
    /// [`Error::Action`] and [`Error::Length`] leave the environment as it was,
    /// [`Error::NotReset`] asks for a reset; after [`Error::Diverged`] the environment is worthless.
    fn step(
        &mut self,
        action: &[f32],
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, Error>;

    /// Puts another `task` in force from the next step on, in the middle of the episode: the state
    /// of the world stays as it is.
    ///
    /// # Errors
    /// [`Error::Parameter`] when the task is not one of this family; the one before stays in force.
    fn switch(&mut self, task: &Task) -> Result<(), Error>;

    /// Whether [`Env::switch`] does so; `false` where a task can only come with a reset.
    fn can_switch(&self) -> bool {
        true
    }

    /// How far the agent has come along the axis on which its family lets tasks change with the
    /// place, m. `None` where there is no such axis.
    fn position(&self) -> Option<f64> {
        None
    }

    /// Whether the last step cut the episode off before its horizon, for a reason outside the task:
    /// what would have followed has a value.
    fn truncated(&self) -> bool {
        false
    }

    /// The task that was in force in the last step, by its position in the list of the episode's
    /// split; `None` where it is the task of the episode throughout
    /// (unless [`EnvSpec::task_changes`]).
    fn in_force(&self) -> Option<u32> {
        None
    }

    /// What it looks like now, for people; asking changes nothing.
    fn scene(&mut self) -> Scene<'_> {
        Scene::None
    }
}

/// What a family is, for people: the rows of `docs/tasks.md`. Plain text, with `|` written `\\|`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Card {
    /// What the agent sees, in the order of the numbers.
    pub observation: &'static str,
    /// What an action does, in physical units.
    pub action: &'static str,
    /// The parameters of a task, how they are distributed, and how many tasks there are.
    pub tasks: &'static str,
    /// Start states.
    pub start: &'static str,
    /// The reward of a step as a formula.
    pub reward: &'static str,
    /// When an episode terminates; `never` where only the horizon ends it.
    pub end: &'static str,
    /// Publication or program that it follows.
    pub source: &'static str,
    /// Where it differs from the source on purpose, and why; empty where it does not.
    pub differences: &'static str,
}

/// A closed-form policy that knows the task.
pub trait Oracle: Send {
    /// Writes the `action`, `[action_dim]`, for an `observation`, `[observation_dim]`.
    fn act(&self, observation: &[f32], action: &mut [f32]);
}

/// A distribution over tasks with everything else equal.
pub trait TaskFamily: Send + Sync {
    /// Registered name, for example `cheetah-vel`.
    fn name(&self) -> &'static str;

    /// One sentence for people.
    fn summary(&self) -> &'static str;

    /// What it is, for people.
    fn card(&self) -> Card;

    /// Shapes and horizon, the same for all tasks.
    fn spec(&self) -> EnvSpec;

    /// The tasks of a split, the same on every call; task `i` is at position `i`.
    fn tasks(&self, split: Split) -> Vec<Task>;

    /// What an experiment may vary of the physics with contexts of its own, in the order of the
    /// parameters of the tasks; nothing where tasks are of another kind.
    fn features(&self) -> &'static [Feature] {
        &[]
    }

    /// A new environment, which wants a [reset](Env::reset) first.
    ///
    /// # Errors
    /// [`Error::NoModels`] or [`Error::Model`] when the physics model cannot be loaded.
    fn make(&self) -> Result<Box<dyn Env>, Error>;

    /// The best policy for `task`, for families where one can be written down.
    fn oracle(&self, task: &Task) -> Option<Box<dyn Oracle>> {
        let _ = task;
        None
    }
}

/// A pointer to a family is that family. Every method is here, also those with a default: one that was
/// left out would quietly fall back to it.
macro_rules! points_to_a_family {
    ($pointer:ty) => {
        impl<F: TaskFamily + ?Sized> TaskFamily for $pointer {
            fn name(&self) -> &'static str {
                (**self).name()
            }

            fn summary(&self) -> &'static str {
                (**self).summary()
            }

            fn card(&self) -> Card {
                (**self).card()
            }

            fn spec(&self) -> EnvSpec {
                (**self).spec()
            }

            fn tasks(&self, split: Split) -> Vec<Task> {
                (**self).tasks(split)
            }

            fn features(&self) -> &'static [Feature] {
                (**self).features()
            }

            fn make(&self) -> Result<Box<dyn Env>, Error> {
                (**self).make()
            }

            fn oracle(&self, task: &Task) -> Option<Box<dyn Oracle>> {
                (**self).oracle(task)
            }
        }
    };
}

points_to_a_family!(&F);
points_to_a_family!(Box<F>);

/// The tasks of a split out of all tasks of a family: the first `train` of them are for training,
/// the others for testing.
pub(crate) fn split_off<T>(mut all: Vec<T>, train: usize, split: Split) -> Vec<T> {
    let test = all.split_off(train.min(all.len()));
    match split {
        Split::Train => all,
        Split::Test => test,
    }
}

/// Numbers the tasks of a split; `values` holds the parameters called `names`, task by task.
pub(crate) fn enumerate<const N: usize>(
    split: Split,
    names: [&str; N],
    values: impl IntoIterator<Item = [f64; N]>,
) -> Vec<Task> {
    enumerate_rows(split, &names, values)
}

/// As [`enumerate`], for numbers of parameters that are not known in advance.
pub(crate) fn enumerate_rows<R: IntoIterator<Item = f64>>(
    split: Split,
    names: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> Vec<Task> {
    let parameter =
        |(name, value): (&&str, f64)| types::Parameter { name: (*name).to_owned(), value };
    (0..)
        .zip(rows)
        .map(|(index, row)| Task {
            id: types::TaskRef { split, index },
            parameters: names.iter().zip(row).map(parameter).collect(),
        })
        .collect()
}

/// The value of a parameter that the family needs.
pub(crate) fn parameter(task: &Task, name: &'static str) -> Result<f64, Error> {
    match task.parameter(name) {
        Some(value) if value.is_finite() => Ok(value),
        other => Err(Error::Parameter {
            task: task.id,
            name,
            got: other.map_or_else(|| "none".to_owned(), |value| value.to_string()),
        }),
    }
}

/// Refuses a slice of another length.
pub(crate) fn check_len(what: &'static str, expected: usize, got: usize) -> Result<(), Error> {
    if expected == got {
        return Ok(());
    }
    Err(Error::Length { what, expected, got })
}

/// The action clipped to [-1, 1]; refuses other lengths and non-finite numbers.
pub(crate) fn clipped<const N: usize>(action: &[f32]) -> Result<[f64; N], Error> {
    let mut clipped = [0.0; N];
    clip_into(action, &mut clipped)?;
    Ok(clipped)
}

/// Writes the action clipped to [-1, 1] to `clipped`; refuses other lengths and non-finite numbers,
/// and then writes nothing.
pub(crate) fn clip_into(action: &[f32], clipped: &mut [f64]) -> Result<(), Error> {
    check_len("action", clipped.len(), action.len())?;
    check_action(action)?;
    for (slot, &value) in clipped.iter_mut().zip(action) {
        *slot = f64::from(value.clamp(-1.0, 1.0));
    }
    Ok(())
}

/// The choice that an action of a family with [`EnvSpec::choice`] makes: the position of the
/// largest of its `count` numbers, the first of them where several are equal.
pub(crate) fn choice(action: &[f32], count: usize) -> Result<usize, Error> {
    check_len("action", count, action.len())?;
    check_action(action)?;
    let mut best = 0;
    for (index, value) in action.iter().enumerate() {
        if *value > action[best] {
            best = index;
        }
    }
    Ok(best)
}

/// Refuses non-finite numbers.
pub(crate) fn check_action(action: &[f32]) -> Result<(), Error> {
    match action.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(index) => Err(Error::Action { index, value: action[index] }),
    }
}

/// Writes `values` as the `observation`; refuses other lengths and non-finite numbers.
pub(crate) fn observe(
    observation: &mut [f32],
    values: impl IntoIterator<Item = f64>,
) -> Result<(), Error> {
    let mut got = 0;
    for (index, value) in values.into_iter().enumerate() {
        got = index + 1;
        if let Some(slot) = observation.get_mut(index) {
            *slot = narrow(value);
            if !slot.is_finite() {
                return Err(Error::Diverged { what: format!("{slot} in observation[{index}]") });
            }
        }
    }
    check_len("observation", got, observation.len())
}

/// An `f64` state as an observation holds it.
#[allow(
    clippy::cast_possible_truncation,
    reason = "observations are f32 by design; what overflows becomes infinite and is noticed"
)]
pub(crate) fn narrow(value: f64) -> f32 {
    value as f32
}
