//! Principal component analysis: the plane in which latents differ most.

use super::eigen;

/// The plane of greatest variance.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    /// `[latent]`
    centre: Vec<f64>,
    /// Two orthonormal directions, `[latent]` each; the second is zero for latents of one number. The
    /// largest number of each, by magnitude, is positive.
    axes: [Vec<f64>; 2],
    /// The part of the variance along each, 0 to 1.
    explained: [f64; 2],
}

impl Pca {
    /// Of `rows` of equally many finite numbers; at least one row of at least one number.
    #[must_use]
    pub fn of(rows: &[&[f32]]) -> Self {
        let latent = rows.first().map_or(0, |row| row.len());
        let count = rows.len().max(1) as f64;
        let average = |at: usize| rows.iter().map(|row| f64::from(row[at])).sum::<f64>() / count;
        let centre: Vec<f64> = (0..latent).map(average).collect();
        let eigen = eigen::symmetric(covariance(rows, &centre, count));
        let total: f64 = eigen.values.iter().map(|value| value.max(0.0)).sum();
        let part = |at: usize| match eigen.values.get(at) {
            Some(value) if total > 0.0 => value.max(0.0) / total,
            _ => 0.0,
        };
        let axis = |at: usize| match eigen.vectors.get(at) {
            Some(vector) => with_sign(vector.clone()),
            None => vec![0.0; latent],
        };
        Self { centre, axes: [axis(0), axis(1)], explained: [part(0), part(1)] }
    }

    /// The part of the variance along each axis, 0 to 1.
    #[must_use]
    pub fn explained(&self) -> [f64; 2] {
        self.explained
    }

    /// Directions of the axes, `[latent]` each.
    #[must_use]
    pub fn axes(&self) -> &[Vec<f64>; 2] {
        &self.axes
    }

    /// Where the point `x`, `[latent]`, lies in the plane.
    pub fn project(&self, x: impl IntoIterator<Item = f64>) -> (f64, f64) {
        let mut place = (0.0, 0.0);
        for (at, x) in x.into_iter().enumerate() {
            let away = x - self.centre[at];
            place.0 += self.axes[0][at] * away;
            place.1 += self.axes[1][at] * away;
        }
        place
    }

    /// The covariance in the plane of a Gaussian with this diagonal covariance, `[latent]`:
    /// (variance along the first axis, covariance, variance along the second).
    #[must_use]
    pub fn project_variance(&self, variance: &[f64]) -> (f64, f64, f64) {
        let [first, second] = &self.axes;
        let mut shape = (0.0, 0.0, 0.0);
        for ((a, b), variance) in first.iter().zip(second).zip(variance) {
            shape.0 += a * a * variance;
            shape.1 += a * b * variance;
            shape.2 += b * b * variance;
        }
        shape
    }
}

fn covariance(rows: &[&[f32]], centre: &[f64], count: f64) -> Vec<Vec<f64>> {
    let mut matrix = vec![vec![0.0; centre.len()]; centre.len()];
    for row in rows {
        let away: Vec<f64> = row.iter().zip(centre).map(|(x, c)| f64::from(*x) - c).collect();
        for (entries, a) in matrix.iter_mut().zip(&away) {
            for (entry, b) in entries.iter_mut().zip(&away) {
                *entry += a * b / count;
            }
        }
    }
    matrix
}

/// A direction is as good as its opposite: this one, so that pictures of two evaluations can be
/// compared.
fn with_sign(mut axis: Vec<f64>) -> Vec<f64> {
    let largest = axis.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs()));
    if largest.is_some_and(|largest| largest < 0.0) {
        axis.iter_mut().for_each(|x| *x = -*x);
    }
    axis
}
