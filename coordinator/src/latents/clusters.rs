//! What the beliefs of an evaluation are divided into.

use super::{Error, Moment};
use mixture::{Moves, Settings};
use proto::v1::{Component, Evaluation};
use serde::{Deserialize, Serialize};
use types::experiment::Posterior;
use types::{Role, stream};

/// Moments that a mixture is fitted to at most, evenly taken from all.
const FITTED: usize = 4096;

/// Where clusters come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The posterior is a mixture of two components or more, and says which component is the likeliest.
    Posterior,
    /// The prior is a mixture: the component that is most responsible for the mean.
    Prior,
    /// Neither is: a Dirichlet-process mixture, fitted to the means.
    Fitted,
}

/// A component of a mixture of Gaussians with diagonal covariance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gaussian {
    /// Its part of the mixture, 0 to 1.
    pub weight: f64,
    /// `[latent]`
    pub mean: Vec<f64>,
    /// Diagonal of the covariance, `[latent]`.
    pub variance: Vec<f64>,
}

/// What moments are divided into. Cluster `k` is component `k` where there are components.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// Where they come from.
    pub origin: Origin,
    /// The Gaussians of prior or fit; none where neither has any.
    pub components: Vec<Gaussian>,
}

impl Clusters {
    /// Finds clusters, and writes the number of its own into each moment.
    pub(super) fn find(
        evaluation: &Evaluation,
        posterior: &Posterior,
        moments: &mut [Moment],
    ) -> Result<Self, Error> {
        let components: Vec<Gaussian> = evaluation.components.iter().map(Gaussian::of).collect();
        if matches!(posterior, Posterior::Mixture { components: 2.., .. }) {
            moments.iter_mut().for_each(|moment| moment.cluster = moment.component);
            return Ok(Self { origin: Origin::Posterior, components });
        }
        if !components.is_empty() {
            for moment in moments {
                moment.cluster = most_responsible(&components, &moment.mean);
            }
            return Ok(Self { origin: Origin::Prior, components });
        }
        fit(evaluation.number, moments)
    }
}

impl Gaussian {
    fn of(component: &Component) -> Self {
        let wide = |numbers: &[f32]| numbers.iter().map(|&number| f64::from(number)).collect();
        Self {
            weight: component.weight,
            mean: wide(&component.mean),
            variance: wide(&component.variance),
        }
    }

    pub(super) fn has_dimension(&self, latent: usize) -> bool {
        self.mean.len() == latent && self.variance.len() == latent
    }

    /// ln w + ln N(x; mean, variance), but for a constant that all components share.
    fn log_joint(&self, x: &[f32]) -> f64 {
        let terms = self.mean.iter().zip(&self.variance).zip(x);
        let log_density = |((mean, variance), x): ((&f64, &f64), &f32)| {
            let distance = f64::from(*x) - mean;
            -0.5 * (variance.ln() + distance * distance / variance)
        };
        self.weight.ln() + terms.map(log_density).sum::<f64>()
    }
}

/// The first of several.
fn most_responsible(components: &[Gaussian], x: &[f32]) -> u32 {
    let mut best = (0, f64::NEG_INFINITY);
    for (k, component) in (0u32..).zip(components) {
        let value = component.log_joint(x);
        if value > best.1 {
            best = (k, value);
        }
    }
    best.0
}

/// Fits a mixture to the means of the scored moments, in units of their overall standard deviation, so
/// that what it finds does not depend on how large the latents of a method are.
fn fit(number: u64, moments: &mut [Moment]) -> Result<Clusters, Error> {
    let latent = moments.first().map_or(0, |moment| moment.mean.len());
    let scored: Vec<&Moment> = moments.iter().filter(|moment| moment.scored).collect();
    let unit = spread(&scored);
    let in_units = |mean: &[f32]| mean.iter().map(|&x| narrow(f64::from(x) / unit)).collect();
    let rows: Vec<Vec<f32>> = scored
        .iter()
        .step_by(scored.len().div_ceil(FITTED).max(1))
        .map(|moment| in_units(&moment.mean))
        .collect();
    let settings = Settings {
        batches: rows.len().clamp(1, 5),
        laps: 50,
        most_components: 50,
        moves: Moves::ALL,
        ..Settings::melts()
    };
    let mut random = stream(0, Role::Cluster, number, 0);
    let (found, _) = mixture::fit(&rows.concat(), latent, &settings, None, &mut random)?;
    for moment in moments {
        let x: Vec<f32> = in_units(&moment.mean);
        moment.cluster = u32::try_from(found.assign(&x)?).unwrap_or(u32::MAX);
    }
    Ok(Clusters { origin: Origin::Fitted, components: components(&found, unit) })
}

/// Standard deviation over all dimensions; 1 where all means are the same.
fn spread(moments: &[&Moment]) -> f64 {
    let rows: Vec<&[f32]> = moments.iter().map(|moment| moment.mean.as_slice()).collect();
    let dimensions = rows.first().map_or(0, |row| row.len());
    let count = rows.len() as f64;
    let variance = |dimension: usize| {
        let column = || rows.iter().map(|row| f64::from(row[dimension]));
        let mean = column().sum::<f64>() / count;
        column().map(|x| (x - mean).powi(2)).sum::<f64>() / count
    };
    let total: f64 = (0..dimensions).map(variance).sum();
    let unit = (total / dimensions.max(1) as f64).sqrt();
    if unit > 0.0 { unit } else { 1.0 }
}

fn components(found: &mixture::Mixture, unit: f64) -> Vec<Gaussian> {
    let latent = found.dimension();
    let (means, variances) = (found.means(), found.variances());
    let rows = means.chunks_exact(latent).zip(variances.chunks_exact(latent));
    let gaussian = |(weight, (mean, variance)): (f64, (&[f64], &[f64]))| Gaussian {
        weight,
        mean: mean.iter().map(|x| x * unit).collect(),
        variance: variance.iter().map(|x| x * unit * unit).collect(),
    };
    found.weights().into_iter().zip(rows).map(gaussian).collect()
}

#[allow(clippy::cast_possible_truncation, reason = "latents are f32")]
fn narrow(x: f64) -> f32 {
    x as f32
}
