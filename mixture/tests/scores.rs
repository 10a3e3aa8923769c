//! Scores against what can be counted by hand, and against trying everything.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use mixture::scores::{ScoreError, adjusted_rand_index, clustering_accuracy, purity};
use proptest::prelude::*;

#[test]
fn the_adjusted_rand_index_of_a_worked_table() {
    // Table [[1, 1, 0], [1, 2, 1], [0, 0, 4]]: pairs together in both 7, by label 1 + 6 + 6 = 13, by
    // class 1 + 3 + 10 = 14, of 45 in all. (7 − 13·14/45) / (13.5 − 13·14/45) = 0.31257…
    let labels = [1, 1, 2, 2, 2, 2, 3, 3, 3, 3];
    let classes = [7, 8, 7, 8, 8, 9, 9, 9, 9, 9];
    let expected = (7.0 - 182.0 / 45.0) / (13.5 - 182.0 / 45.0);
    assert!((adjusted_rand_index(&labels, &classes).unwrap() - expected).abs() < 1e-12);
    assert!((purity(&labels, &classes).unwrap() - 0.7).abs() < 1e-12);
    assert!((clustering_accuracy(&labels, &classes).unwrap() - 0.7).abs() < 1e-12);
}

#[test]
fn labels_that_do_not_fit_the_classes_are_refused() {
    let length = ScoreError::Length { labels: 2, classes: 3 };
    assert_eq!(purity(&[0, 1], &[0, 1, 2]), Err(length));
    assert_eq!(adjusted_rand_index(&[], &[]), Err(ScoreError::NoRows));
}

/// The most rows that can be right, by trying each class for each label.
fn by_trying(counts: &[Vec<usize>], label: usize, taken: &mut Vec<bool>) -> usize {
    let Some(row) = counts.get(label) else { return 0 };
    let mut most = by_trying(counts, label + 1, taken);
    for class in 0..row.len() {
        if !taken[class] {
            taken[class] = true;
            most = most.max(row[class] + by_trying(counts, label + 1, taken));
            taken[class] = false;
        }
    }
    most
}

proptest! {
    #[test]
    fn accuracy_is_that_of_the_best_choice(rows in prop::collection::vec((0..5_usize, 0..6_usize), 1..60)) {
        let (labels, classes): (Vec<_>, Vec<_>) = rows.iter().copied().unzip();
        let mut counts = vec![vec![0; 6]; 5];
        for &(label, class) in &rows {
            counts[label][class] += 1;
        }
        let right = by_trying(&counts, 0, &mut vec![false; 6]);
        let accuracy = clustering_accuracy(&labels, &classes).unwrap();
        prop_assert!((accuracy - right as f64 / rows.len() as f64).abs() < 1e-12);
        prop_assert!(accuracy <= purity(&labels, &classes).unwrap() + 1e-12);
    }

    #[test]
    fn names_do_not_matter(rows in prop::collection::vec((0..5_usize, 0..4_usize), 2..60)) {
        let (labels, classes): (Vec<_>, Vec<_>) = rows.iter().copied().unzip();
        let renamed: Vec<usize> = labels.iter().map(|label| 97 - 3 * label).collect();
        prop_assert!((adjusted_rand_index(&labels, &renamed).unwrap() - 1.0).abs() < 1e-12);
        prop_assert_eq!(
            adjusted_rand_index(&labels, &classes).unwrap(),
            adjusted_rand_index(&renamed, &classes).unwrap()
        );
    }
}
