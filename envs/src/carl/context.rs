//! Contexts: what of the physics varies, and within which bounds.

use types::{Parameter, Split, Task, TaskRef};

/// A number of the physics that a task may change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Feature {
    /// Its name in CARL, which is the name of the task's parameter.
    pub name: &'static str,
    /// Its value in the environment as it is known.
    pub default: f64,
    /// The least value it may have.
    pub low: f64,
    /// The greatest value it may have.
    pub high: f64,
}

/// The task list of contexts, each with a value for each of the `features`.
pub(crate) fn tasks(features: &[Feature], split: Split, contexts: Vec<Vec<f64>>) -> Vec<Task> {
    let parameters = |context: Vec<f64>| {
        let parameter =
            |(feature, value): (&Feature, f64)| Parameter { name: feature.name.to_owned(), value };
        features.iter().zip(context).map(parameter).collect()
    };
    (0..)
        .zip(contexts)
        .map(|(index, context)| Task {
            id: TaskRef { split, index },
            parameters: parameters(context),
        })
        .collect()
}
