//! Which moments belong together: by base task where the family has several, else by task.

use super::{Latents, Moment};
use crate::view::text::short;
use std::collections::BTreeMap;

/// With so many tasks or more, and no base tasks, a task is a point on a scale and no class.
const TASKS: usize = 20;

/// What the moments of an evaluation are told apart by.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Classes {
    /// A few kinds.
    Named {
        /// Their names.
        names: Vec<String>,
        /// The class of each moment, a position in `names`.
        of: Vec<usize>,
        /// Where the task of each moment lies among those of its class, in the order of their
        /// parameters: 0 for the first, 1 for the last.
        rank: Vec<f64>,
    },
    /// One number per moment: the first parameter in which tasks differ.
    Scale {
        /// Its name.
        name: String,
        /// Its value for each moment.
        of: Vec<f64>,
    },
}

/// Parameters in an order that sorts; what has the same ones is the same task, whatever its split.
type Key = Vec<i64>;

impl Classes {
    /// Of the tasks in force.
    pub(super) fn of(latents: &Latents) -> Self {
        let keys: Vec<Key> = latents.moments.iter().map(key).collect();
        let base_tasks: Option<Vec<u32>> = latents.moments.iter().map(|m| m.base_task).collect();
        if let Some(base_tasks) = base_tasks {
            return by_base_task(&base_tasks, &keys);
        }
        let tasks = places(&keys);
        if tasks.len() < TASKS {
            return by_task(latents, &keys, &tasks);
        }
        let parameter = differing(latents).next();
        let value = |moment: &Moment| match parameter {
            Some(at) => moment.parameters[at],
            None => f64::from(moment.in_force.index),
        };
        let name = parameter.map_or("task", |at| &latents.about.parameters[at]);
        Self::Scale { name: name.to_owned(), of: latents.moments.iter().map(value).collect() }
    }

    /// What the task in force at moment `at` is, in words.
    pub(super) fn describe(&self, at: usize) -> String {
        match self {
            Self::Named { names, of, .. } => names[of[at]].clone(),
            Self::Scale { name, of } => format!("{name} {}", short(of[at])),
        }
    }
}

fn by_base_task(base_tasks: &[u32], keys: &[Key]) -> Classes {
    let classes = places(base_tasks);
    let mut tasks: BTreeMap<u32, Vec<Key>> = BTreeMap::new();
    for (base_task, key) in base_tasks.iter().zip(keys) {
        tasks.entry(*base_task).or_default().push(key.clone());
    }
    let ranks: BTreeMap<u32, BTreeMap<Key, usize>> =
        tasks.into_iter().map(|(base_task, keys)| (base_task, places(&keys))).collect();
    let rank = |(base_task, key): (&u32, &Key)| {
        let among = &ranks[base_task];
        match among.len() {
            1 => 0.5,
            tasks => among[key] as f64 / (tasks - 1) as f64,
        }
    };
    Classes::Named {
        names: classes.keys().map(|base_task| format!("base task {base_task}")).collect(),
        of: base_tasks.iter().map(|base_task| classes[base_task]).collect(),
        rank: base_tasks.iter().zip(keys).map(rank).collect(),
    }
}

fn by_task(latents: &Latents, keys: &[Key], tasks: &BTreeMap<Key, usize>) -> Classes {
    let mut names = vec![String::new(); tasks.len()];
    for (moment, key) in latents.moments.iter().zip(keys) {
        names[tasks[key]] = name(latents, moment);
    }
    let of = keys.iter().map(|key| tasks[key]).collect();
    Classes::Named { names, of, rank: vec![0.5; keys.len()] }
}

/// The parameters that differ, if one line can hold them; else the task.
fn name(latents: &Latents, moment: &Moment) -> String {
    let differing: Vec<usize> = differing(latents).collect();
    if differing.is_empty() || differing.len() > 2 {
        return moment.in_force.to_string();
    }
    let named = differing.iter().map(|&at| {
        let name = &latents.about.parameters[at];
        format!("{name} {}", short(moment.parameters[at]))
    });
    named.collect::<Vec<_>>().join(", ")
}

/// Positions of the parameters in which tasks differ.
fn differing(latents: &Latents) -> impl Iterator<Item = usize> {
    let first = &latents.moments[0].parameters;
    let differs = move |at: &usize| {
        latents.moments.iter().any(|moment| ordered(moment.parameters[*at]) != ordered(first[*at]))
    };
    (0..first.len()).filter(differs)
}

fn key(moment: &Moment) -> Key {
    if moment.parameters.is_empty() {
        return vec![moment.in_force.split as i64, i64::from(moment.in_force.index)];
    }
    moment.parameters.iter().map(|&value| ordered(value)).collect()
}

/// Sorts as the number does; 0 and -0 are the same.
fn ordered(value: f64) -> i64 {
    let bits = (value + 0.0).to_bits().cast_signed();
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

/// Numbers 0, 1, … for the values that occur, in their order.
fn places<T: Ord + Clone>(values: &[T]) -> BTreeMap<T, usize> {
    let mut places: BTreeMap<T, usize> = values.iter().map(|value| (value.clone(), 0)).collect();
    places.values_mut().enumerate().for_each(|(place, of)| *of = place);
    places
}
