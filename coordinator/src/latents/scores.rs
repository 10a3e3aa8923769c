//! How well clusters agree with the kinds of tasks there are.

use super::classes::Classes;
use super::{Error, Latents, Origin};
use serde::Serialize;
use std::collections::BTreeSet;

/// Clusters against classes, over the moments that are scored. Classes are base tasks where the family
/// has them, else the tasks where there are fewer than 20.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClusterScores {
    /// The part of moments whose class is the most frequent one of their cluster; 1 is best.
    pub purity: f64,
    /// Pairs of moments that clusters and classes agree on, less what chance would give (Hubert and
    /// Arabie 1985); 1 is best, 0 is chance.
    pub adjusted_rand: f64,
    /// Clusters that have moments.
    pub clusters: usize,
    /// Classes that have moments.
    pub classes: usize,
    /// Moments that were compared.
    pub moments: usize,
    /// Where the clusters come from.
    pub origin: Origin,
}

impl ClusterScores {
    /// `None` where tasks are not of two kinds or more.
    ///
    /// # Errors
    /// No moment is scored.
    pub fn of(latents: &Latents) -> Result<Option<Self>, Error> {
        let Classes::Named { of, .. } = Classes::of(latents) else {
            return Ok(None);
        };
        let scored = latents.moments.iter().zip(of).filter(|(moment, _)| moment.scored);
        let (clusters, classes): (Vec<usize>, Vec<usize>) =
            scored.map(|(moment, class)| (moment.cluster as usize, class)).unzip();
        let different = |labels: &[usize]| labels.iter().collect::<BTreeSet<_>>().len();
        if different(&classes) < 2 {
            return Ok(None);
        }
        Ok(Some(Self {
            purity: mixture::scores::purity(&clusters, &classes)?,
            adjusted_rand: mixture::scores::adjusted_rand_index(&clusters, &classes)?,
            clusters: different(&clusters),
            classes: different(&classes),
            moments: classes.len(),
            origin: latents.clusters.origin,
        }))
    }
}
