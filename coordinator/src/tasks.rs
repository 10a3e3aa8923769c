//! How returns of each task have gone. Pure.

use proto::v1::{Evaluation, Quarantined, TaskRef, TaskStatus};
use std::collections::{BTreeMap, VecDeque};

/// Evaluations remembered.
const EVALUATIONS: usize = 32;

/// Returns after adaptation, oldest first, of all tasks that have been evaluated.
#[derive(Debug, Default)]
pub struct Tasks {
    known: BTreeMap<(u32, u32), VecDeque<f64>>,
}

impl Tasks {
    /// An evaluation has completed.
    pub fn evaluated(&mut self, evaluation: &Evaluation) {
        for score in &evaluation.tasks {
            let (Some(task), Some(last)) = (score.task, score.returns.last()) else {
                continue;
            };
            let returns = self.known.entry((task.split, task.index)).or_default();
            returns.push_back(*last);
            if returns.len() > EVALUATIONS {
                returns.pop_front();
            }
        }
    }

    /// For the wire, with the failures of each task; without the history only the newest return.
    #[must_use]
    pub fn status(&self, history: History, failures: &[Quarantined]) -> Vec<TaskStatus> {
        let newest = match history {
            History::Newest => 1,
            History::All => EVALUATIONS,
        };
        let mut told: BTreeMap<(u32, u32), TaskStatus> = BTreeMap::new();
        for ((split, index), returns) in &self.known {
            let skipped = returns.len().saturating_sub(newest);
            let task = told.entry((*split, *index)).or_default();
            task.returns = returns.iter().skip(skipped).copied().collect();
        }
        for failure in failures {
            let TaskRef { split, index } = failure.task.unwrap_or_default();
            told.entry((split, index)).or_default().failed = failure.count;
        }
        let named = told.into_iter().map(|((split, index), task)| TaskStatus {
            task: Some(TaskRef { split, index }),
            ..task
        });
        named.collect()
    }
}

/// How much of the past is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// The newest evaluation.
    Newest,
    /// All that is remembered.
    All,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::v1::TaskScore;

    #[test]
    fn the_last_returns_of_each_task_are_remembered_and_no_more() {
        let task = Some(TaskRef { split: 2, index: 5 });
        let mut tasks = Tasks::default();
        for number in 0..100u32 {
            let score =
                TaskScore { task, returns: vec![-9.0, f64::from(number)], ..TaskScore::default() };
            tasks.evaluated(&Evaluation { tasks: vec![score], ..Evaluation::default() });
        }
        let failure = Quarantined { task, count: 1, ..Quarantined::default() };
        let all = tasks.status(History::All, &[failure]);
        let expected: Vec<f64> = (68..100).map(f64::from).collect();
        assert_eq!((all[0].returns.clone(), all[0].failed, all.len()), (expected, 1, 1));
        assert_eq!(tasks.status(History::Newest, &[])[0].returns, [99.0]);
    }
}
