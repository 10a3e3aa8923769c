//! Beliefs of evaluations, as they come.

use crate::latents::{self, ClusterScores, Latents};
use proto::v1::Evaluation;
use std::io;
use std::path::{Path, PathBuf};
use types::FamilySpec;
use types::experiment::Posterior;

/// Writes the beliefs of each evaluation into the run directory.
#[derive(Debug)]
pub(super) struct LatentRecorder {
    folder: PathBuf,
    posterior: Posterior,
    family: FamilySpec,
    /// Of an evaluation that could not be written yet: clusters are not looked for twice.
    waiting: Option<Found>,
}

/// What is in the beliefs of an evaluation.
#[derive(Debug)]
struct Found {
    number: u64,
    latents: Latents,
    scores: Option<ClusterScores>,
}

impl LatentRecorder {
    pub(super) fn new(folder: &Path, posterior: Posterior, family: FamilySpec) -> Self {
        Self { folder: folder.to_owned(), posterior, family, waiting: None }
    }

    /// Writes the beliefs of `evaluation`, if it has any, and says how well they tell tasks apart.
    pub(super) fn record(&mut self, evaluation: &Evaluation) -> io::Result<Option<ClusterScores>> {
        let waiting = self.waiting.take().filter(|found| found.number == evaluation.number);
        let Some(found) = waiting.or_else(|| self.find(evaluation)) else {
            return Ok(None);
        };
        let written = latents::write(&self.folder, &found.latents);
        let scores = found.scores;
        self.waiting = Some(found).filter(|_| written.is_err());
        written.map(|()| scores)
    }

    /// A run does not end because its beliefs cannot be told apart.
    fn find(&self, evaluation: &Evaluation) -> Option<Found> {
        let number = evaluation.number;
        let look = || {
            let Some(latents) = Latents::of(evaluation, &self.family, &self.posterior)? else {
                return Ok(None);
            };
            let scores = ClusterScores::of(&latents)?;
            Ok(Some(Found { number, latents, scores }))
        };
        look().unwrap_or_else(|error: latents::Error| {
            tracing::warn!(evaluation = number, %error, "beliefs are left out");
            None
        })
    }
}
