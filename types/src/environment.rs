//! What an experiment trains on: `[environment]` of its file.

use serde::{Deserialize, Serialize};

/// `[environment]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// A registered task family, which `coordinator tasks list` lists, or `gymnasium`.
    pub family: String,
    /// The Python environment of the family `gymnasium`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gymnasium: Option<Gymnasium>,
    /// Makes the task change within an episode; without it, an episode has one task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Parameters of the task that are added to the observation; without it, none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub visible: Vec<String>,
}

impl Environment {
    /// The family as it is, with nothing around it.
    #[must_use]
    pub fn of(family: &str) -> Self {
        Self { family: family.to_owned(), gymnasium: None, change: None, visible: Vec::new() }
    }
}

/// `[environment.gymnasium]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gymnasium {
    /// The Python module with the functions `make` and `tasks`; `docs/gymnasium.md` says what they
    /// are to do.
    pub hook: String,
    /// Steps after which an episode is truncated; without it, the time limit of the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon: Option<u32>,
}

/// When a task that changes within an episode does so.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by", deny_unknown_fields)]
pub enum When {
    /// When the body has come so far from where the last change was, to either side, and U(0,
    /// jitter) farther, m.
    Place {
        /// At least so far, m.
        every: f64,
        /// And so much farther at most, m.
        jitter: f64,
    },
    /// After so many steps.
    Time {
        /// Steps.
        every: u32,
    },
    /// With a probability in each step once some have passed.
    Chance {
        /// Steps without a change.
        after: u32,
        /// Then, in each step.
        probability: f64,
    },
}

/// Which task follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Next {
    /// Any of the split, with equal probability, also the same again.
    Random,
    /// The next one of the list, and after the last the first.
    InOrder,
}

/// `[environment.change]`
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// When.
    pub when: When,
    /// To what.
    pub next: Next,
}
