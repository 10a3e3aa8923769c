//! What can be said of task families without running anything.

use serde::Serialize;
use types::Split;

/// A registered family in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FamilySummary {
    /// Registered name.
    pub name: &'static str,
    /// One sentence for people.
    pub summary: &'static str,
    /// Numbers in one observation.
    pub observation_dim: usize,
    /// Numbers in one action.
    pub action_dim: usize,
    /// Steps after which an episode is truncated.
    pub horizon: usize,
    /// Number of training tasks.
    pub train_tasks: usize,
    /// Number of test tasks.
    pub test_tasks: usize,
}

/// All registered families.
#[must_use]
pub fn families() -> Vec<FamilySummary> {
    let summary = |family: &'static dyn envs::TaskFamily| {
        let spec = family.spec();
        FamilySummary {
            name: family.name(),
            summary: family.summary(),
            observation_dim: spec.observation_dim,
            action_dim: spec.action_dim,
            horizon: spec.horizon,
            train_tasks: family.tasks(Split::Train).len(),
            test_tasks: family.tasks(Split::Test).len(),
        }
    };
    envs::families().map(summary).collect()
}
