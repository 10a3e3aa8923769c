//! Tasks: points of a distribution over dynamics or rewards.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Which list of a family a task belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Seen in meta-training.
    Train,
    /// Held out.
    Test,
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Test => "test",
        })
    }
}

/// Names a task of the family of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskRef {
    /// Which list.
    pub split: Split,
    /// Position in the list.
    pub index: u32,
}

impl fmt::Display for TaskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.split, self.index)
    }
}

/// One named number of a task, such as the target velocity in m/s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// What the number is; same names in the same order for all tasks of a family.
    pub name: String,
    /// Its value; finite.
    pub value: f64,
}

/// A task with its parameters. Agents never see the parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Name of the task in its family.
    pub id: TaskRef,
    /// What makes it differ from the other tasks of the family.
    pub parameters: Vec<Parameter>,
}

impl Task {
    /// The value of the parameter called `name`, if the family has one.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<f64> {
        self.parameters.iter().find(|p| p.name == name).map(|p| p.value)
    }
}
