//! Tasks: points of a distribution over dynamics or rewards.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

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

impl FromStr for TaskRef {
    type Err = InvalidTaskRef;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, InvalidTaskRef> {
        let invalid = || InvalidTaskRef(text.to_owned());
        let (split, index) = text.split_once('-').ok_or_else(invalid)?;
        let split = match split {
            "train" => Split::Train,
            "test" => Split::Test,
            _ => return Err(invalid()),
        };
        let index = index.parse().ok().ok_or_else(invalid)?;
        Ok(Self { split, index })
    }
}

/// Something that names no task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a task such as train-3 or test-0, got \"{0}\"")]
pub struct InvalidTaskRef(String);

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

    /// The base task that it is a variant of, where a family has several: its parameter
    /// `base_task`.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "families number their base tasks from 0 or 1 on"
    )]
    pub fn base_task(&self) -> Option<u32> {
        self.parameter("base_task").map(|number| number as u32)
    }
}
