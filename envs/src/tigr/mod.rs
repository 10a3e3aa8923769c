//! The multi-task families of TIGR (Bing et al., arXiv 2108.03718) and of MELTS: several kinds of
//! task, the base tasks, each with a value to reach, told apart by their rewards alone.
//!
//! The values of a base task are evenly spaced over its range, shuffled, and split. The sources
//! shuffle with an unseeded generator; here it is NumPy's with seed 1337, for one base task after
//! the other in the order of the tables. Numbers of base tasks are those of the sources'
//! experiment files.

mod ant;
mod cheetah;

use crate::env;
use crate::numpy::{NumpyRandom, linspace};
use crate::runner::Motion;
use crate::{Error, TaskFamily};
use types::{Split, Task};

/// All of them.
pub(crate) static FAMILIES: &[&dyn TaskFamily] =
    &[&cheetah::MULTI_TASK, &cheetah::MULTI_TASK_VEL, &cheetah::MULTI_TASK_DIR, &ant::MULTI_TASK];

/// Weight of ‖a‖² in all rewards.
const EFFORT_WEIGHT: f64 = 0.05;

/// Names of the parameters of a task.
const PARAMETERS: [&str; 2] = ["base_task", "specification"];

/// Where the families differ from what the sources ran.
const DIFFERENCES: &str =
    "Gymnasium's v5 model on MuJoCo 3.17; the sources leave their generator unseeded";

/// A kind of task.
#[derive(Debug)]
struct BaseTask {
    /// Its number as a parameter.
    number: f64,
    /// First and last value.
    range: [f64; 2],
    /// What is rewarded besides saving effort, given the value.
    term: fn(f64, &Motion<'_>) -> f64,
}

/// What a task asks for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    base: &'static BaseTask,
    value: f64,
}

/// The tasks of a split, `train` and `test` of each of `bases`.
fn tasks(bases: &[BaseTask], train: u32, test: u32, split: Split) -> Vec<Task> {
    let mut random = NumpyRandom::new(1337);
    let of_base = |base: &BaseTask| {
        let mut values = linspace(base.range[0], base.range[1], train + test);
        random.shuffle(&mut values);
        let number = base.number;
        let values = env::split_off(values, train as usize, split);
        values.into_iter().map(move |value| [number, value])
    };
    env::enumerate(split, PARAMETERS, bases.iter().flat_map(of_base).collect::<Vec<_>>())
}

/// What `task`, one of `bases`, asks for.
fn read(bases: &'static [BaseTask], task: &Task) -> Result<Asked, Error> {
    let [number, value] = PARAMETERS;
    let (number, value) = (env::parameter(task, number)?, env::parameter(task, value)?);
    let base = bases.iter().find(|base| base.number == number);
    let base = base.ok_or_else(|| Error::Parameter {
        task: task.id,
        name: PARAMETERS[0],
        got: format!("{number}, which is none of its numbers"),
    })?;
    Ok(Asked { base, value })
}

fn reward(asked: &Asked, motion: &Motion<'_>) -> f64 {
    (asked.base.term)(asked.value, motion) - EFFORT_WEIGHT * motion.effort
}

/// Minus the distance of `actual` to `wanted`, in multiples of the latter's size.
fn nearness(actual: f64, wanted: f64) -> f64 {
    -(actual - wanted).abs() / wanted.abs()
}
