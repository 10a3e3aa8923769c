//! Gaussians in the plane.

use crate::latents::{Gaussian, Pca};
use std::f64::consts::TAU;

const CORNERS: u32 = 72;

/// A Gaussian in the plane of a PCA: points at so many standard deviations from its mean.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ellipse {
    centre: (f64, f64),
    /// The lower triangle of the Cholesky factor of its covariance, row by row.
    factor: [f64; 3],
}

impl Ellipse {
    pub(super) fn of(component: &Gaussian, pca: &Pca) -> Self {
        let (xx, xy, yy) = pca.project_variance(&component.variance);
        let first = xx.max(0.0).sqrt();
        let below = if first > 0.0 { xy / first } else { 0.0 };
        let second = (yy - below * below).max(0.0).sqrt();
        let centre = pca.project(component.mean.iter().copied());
        Self { centre, factor: [first, below, second] }
    }

    /// A closed line at `radius` standard deviations.
    pub(super) fn outline(&self, radius: f64) -> Vec<(f64, f64)> {
        let [first, below, second] = self.factor;
        let corner = |corner: u32| {
            let (sine, cosine) = (TAU * f64::from(corner) / f64::from(CORNERS)).sin_cos();
            let (x, y) = (radius * cosine, radius * sine);
            (self.centre.0 + first * x, self.centre.1 + below * x + second * y)
        };
        (0..=CORNERS).map(corner).collect()
    }
}
