//! How well labels agree with known classes. Labels and classes are any numbers: only which rows share
//! one matters.

mod assignment;

use std::collections::BTreeMap;

use assignment::best_assignment;

/// Why labels cannot be compared with classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// Not one of each for each row.
    #[error("expected a label for each of {classes} rows with a class, got {labels}")]
    Length {
        /// How many labels were passed.
        labels: usize,
        /// How many classes were passed.
        classes: usize,
    },
    /// Nothing to compare.
    #[error("expected at least 1 row, got 0")]
    NoRows,
}

/// The adjusted Rand index: of all pairs of rows, how many are together or apart in both, less what
/// chance would give, as a part of what is possible. 1 for the same partition, around 0 for an unrelated
/// one. (Hubert and Arabie, "Comparing partitions" (1985).)
///
/// # Errors
/// Another number of labels than of classes; no rows.
pub fn adjusted_rand_index(labels: &[usize], classes: &[usize]) -> Result<f64, ScoreError> {
    let table = Table::new(labels, classes)?;
    let together: f64 = table.counts.iter().flatten().copied().map(pairs).sum();
    let by_label: f64 = table.label_sizes().map(pairs).sum();
    let by_class: f64 = table.class_sizes().map(pairs).sum();
    let chance = by_label * by_class / pairs(table.rows).max(1.0);
    let most = 0.5 * (by_label + by_class);
    // Both put all rows together, or both put each apart: the same partition.
    if most <= chance {
        return Ok(1.0);
    }
    Ok((together - chance) / (most - chance))
}

/// The part of rows whose class is the most frequent one among the rows of their label. Many labels
/// make it high: it is 1 when each row has its own.
///
/// # Errors
/// Another number of labels than of classes; no rows.
pub fn purity(labels: &[usize], classes: &[usize]) -> Result<f64, ScoreError> {
    let table = Table::new(labels, classes)?;
    let most_frequent = table.counts.iter().map(|row| row.iter().max().copied().unwrap_or(0));
    Ok(most_frequent.sum::<usize>() as f64 / table.rows as f64)
}

/// The part of rows that are right when each label stands for a class of its own, chosen so that most
/// are. (Unsupervised clustering accuracy; Xie, Girshick and Farhadi, "Unsupervised deep embedding for
/// clustering analysis" (2016), equation 10; the choice by Kuhn, "The Hungarian method" (1955).)
///
/// # Errors
/// Another number of labels than of classes; no rows.
pub fn clustering_accuracy(labels: &[usize], classes: &[usize]) -> Result<f64, ScoreError> {
    let table = Table::new(labels, classes)?;
    Ok(best_assignment(&table.counts) as f64 / table.rows as f64)
}

/// How many rows have each label and each class.
#[derive(Debug)]
struct Table {
    /// `[labels][classes]`
    counts: Vec<Vec<usize>>,
    rows: usize,
}

impl Table {
    fn new(labels: &[usize], classes: &[usize]) -> Result<Self, ScoreError> {
        if labels.len() != classes.len() {
            return Err(ScoreError::Length { labels: labels.len(), classes: classes.len() });
        }
        if labels.is_empty() {
            return Err(ScoreError::NoRows);
        }
        let (label_places, class_places) = (places(labels), places(classes));
        let mut counts = vec![vec![0; class_places.len()]; label_places.len()];
        for (label, class) in labels.iter().zip(classes) {
            counts[label_places[label]][class_places[class]] += 1;
        }
        Ok(Self { counts, rows: labels.len() })
    }

    fn label_sizes(&self) -> impl Iterator<Item = usize> {
        self.counts.iter().map(|row| row.iter().sum())
    }

    fn class_sizes(&self) -> impl Iterator<Item = usize> {
        (0..self.counts[0].len()).map(|class| self.counts.iter().map(|row| row[class]).sum())
    }
}

/// Numbers 0, 1, … for the names that occur.
fn places(names: &[usize]) -> BTreeMap<usize, usize> {
    let mut places: BTreeMap<usize, usize> = names.iter().map(|&name| (name, 0)).collect();
    for (place, of) in places.values_mut().enumerate() {
        *of = place;
    }
    places
}

/// n (n − 1) / 2
fn pairs(n: usize) -> f64 {
    let n = n as f64;
    n * (n - 1.0) / 2.0
}
