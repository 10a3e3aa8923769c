//! What a fit tells of itself.

use serde::Serialize;

/// How the bound rose, and by what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Each visit of a batch and each accepted move, in order; begins with the first look.
    pub trace: Vec<Entry>,
    /// Laps that were made.
    pub laps: usize,
    /// The last laps accepted nothing and hardly raised the bound; false if `laps` ran out first.
    pub converged: bool,
    /// Births.
    pub births: Tally,
    /// Merges.
    pub merges: Tally,
    /// Deletes.
    pub deletes: Tally,
    /// Reorderings.
    pub shuffles: Tally,
}

/// The state of a fit after one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Entry {
    /// The lap, counted from 1; 0 for the first look.
    pub lap: usize,
    /// What was done.
    pub step: Step,
    /// The evidence lower bound of all rows after it, nats.
    pub bound: f64,
    /// The number of components after it.
    pub components: usize,
}

/// What can change the state of a fit. Components are counted from zero, as they were before the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// All rows were looked at with the posterior of the start, or as one component.
    Start,
    /// A batch was visited: its responsibilities and then the posterior are new.
    Visit {
        /// Which.
        batch: usize,
    },
    /// A component was split; the first fresh one took its place, the others the last places.
    Birth {
        /// Which.
        target: usize,
        /// Into how many.
        fresh: usize,
    },
    /// Two components became one.
    Merge {
        /// The one that stays.
        into: usize,
        /// The one that is gone; those behind it move up.
        gone: usize,
    },
    /// The rows of a component went to the others.
    Delete {
        /// The one that is gone; those behind it move up.
        gone: usize,
    },
    /// Components were put in order of size.
    Shuffle,
}

/// Moves of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Proposals that were judged by their bound, or given up on the way to that.
    pub tried: usize,
    /// Proposals that raised it.
    pub accepted: usize,
}

impl Tally {
    pub(super) fn count(&mut self, accepted: bool) {
        self.tried += 1;
        self.accepted += usize::from(accepted);
    }
}
