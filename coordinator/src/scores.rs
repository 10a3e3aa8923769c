//! What an evaluation says, in a few numbers.

use crate::latents::ClusterScores;
use proto::v1::{Evaluation, TaskScore};
use serde::Serialize;
use types::ReferenceReturns;

/// Averages over the tasks of an evaluation. `None` where no such task was evaluated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Scores {
    /// Return of the last adaptation episode on training tasks.
    pub train_return: Option<f64>,
    /// Return of the last adaptation episode on test tasks.
    pub test_return: Option<f64>,
    /// `test_return` on the scale on which a random policy has 0 and an oracle 1.
    pub test_normalised: Option<f64>,
    /// Return of the first episode, before any adaptation, on training tasks.
    pub train_first: Option<f64>,
    /// Return of the first episode, before any adaptation, on test tasks.
    pub test_first: Option<f64>,
    /// Purity of the clusters among the beliefs, where beliefs were recorded and tasks are of two
    /// kinds or more; see [`ClusterScores`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purity: Option<f64>,
    /// Adjusted Rand index of these clusters, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjusted_rand: Option<f64>,
}

impl Scores {
    /// Averages the returns of `evaluation`.
    #[must_use]
    pub fn of(evaluation: &Evaluation, reference: Option<&ReferenceReturns>) -> Self {
        let last = |score: &TaskScore| score.returns.last().copied();
        let first = |score: &TaskScore| score.returns.first().copied();
        let test_return = average(evaluation, 2, last);
        Self {
            train_return: average(evaluation, 1, last),
            test_return,
            test_normalised: reference.and_then(|r| Some(r.normalise(test_return?))),
            train_first: average(evaluation, 1, first),
            test_first: average(evaluation, 2, first),
            ..Self::default()
        }
    }

    /// With what `clusters` say.
    #[must_use]
    pub fn with_clusters(self, clusters: Option<&ClusterScores>) -> Self {
        Self {
            purity: clusters.map(|clusters| clusters.purity),
            adjusted_rand: clusters.map(|clusters| clusters.adjusted_rand),
            ..self
        }
    }
}

fn average(
    evaluation: &Evaluation,
    split: u32,
    value: impl Fn(&TaskScore) -> Option<f64>,
) -> Option<f64> {
    let of_split = |score: &&TaskScore| score.task.is_some_and(|task| task.split == split);
    let (sum, count) = evaluation
        .tasks
        .iter()
        .filter(of_split)
        .filter_map(value)
        .fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::v1::TaskRef;

    #[test]
    fn the_last_episode_counts_and_splits_are_kept_apart() {
        let score = |split, index, returns: &[f64]| TaskScore {
            task: Some(TaskRef { split, index }),
            returns: returns.to_vec(),
            ..TaskScore::default()
        };
        let evaluation = Evaluation {
            tasks: vec![
                score(1, 0, &[-9.0, -1.0]),
                score(2, 0, &[-20.0, -4.0]),
                score(2, 1, &[-10.0, -2.0]),
            ],
            ..Evaluation::default()
        };
        let reference = ReferenceReturns { random: -13.0, oracle: 7.0 };
        let scores = Scores::of(&evaluation, Some(&reference));
        let expected = Scores {
            train_return: Some(-1.0),
            test_return: Some(-3.0),
            test_normalised: Some(0.5),
            train_first: Some(-9.0),
            test_first: Some(-15.0),
            ..Scores::default()
        };
        assert_eq!(scores, expected);
        assert_eq!(Scores::of(&Evaluation::default(), Some(&reference)), Scores::default());
    }
}
