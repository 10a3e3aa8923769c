//! Why a chunk is not stored.

use crate::experience;
use types::{ActorId, Incarnation, TaskRef, TrialId, Version};

/// Why a chunk that is well-formed is still not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody asked for that trial.
    #[error("trial: expected one that was asked for (there are {known}), got trial {got}")]
    UnknownTrial {
        /// Trials asked for so far; their ids are 0 to known − 1.
        known: u64,
        /// The chunk's.
        got: TrialId,
    },
    /// The trial is for another task.
    #[error("task: expected {expected} for trial {trial}, got {got}")]
    WrongTask {
        /// Which trial.
        trial: TrialId,
        /// Its task.
        expected: TaskRef,
        /// The chunk's.
        got: TaskRef,
    },
    /// There is no such task that could have been in force.
    #[error("tasks[{transition}]: expected a training task, 0 to {last}, got {got}")]
    NoSuchTask {
        /// Which transition of the chunk.
        transition: usize,
        /// The last training task.
        last: usize,
        /// The chunk's.
        got: u32,
    },
    /// The trial is an evaluation, or has fewer episodes.
    #[error("trial {trial}: expected transitions of {expected}, got episode {episode}")]
    NotCollected {
        /// Which trial.
        trial: TrialId,
        /// What may be sent of it.
        expected: String,
        /// The chunk's episode, from 0.
        episode: u32,
    },
    /// A part of the trial is missing before this one.
    #[error(
        "trial {trial}: expected transition {} of episode {} next, or the first of all, got \
         transition {} of episode {}", expected.1, expected.0, got.1, got.0
    )]
    OutOfPlace {
        /// Which trial.
        trial: TrialId,
        /// Episode and transition that would come next.
        expected: (u32, u32),
        /// The chunk's.
        got: (u32, u32),
    },
    /// The life belongs to another actor.
    #[error("actor: expected {expected} for incarnation {incarnation}, got {got}")]
    WrongActor {
        /// Whose life it is.
        expected: ActorId,
        /// Which life.
        incarnation: Incarnation,
        /// The chunk's actor.
        got: ActorId,
    },
    /// Weights that have not been published.
    #[error("{field}: expected at most {newest}, got {got}")]
    FutureVersion {
        /// Which field.
        field: &'static str,
        /// Newest published.
        newest: Version,
        /// The chunk's.
        got: Version,
    },
    /// Chunks before this one are missing.
    #[error("sequence: expected {expected}, got {got}; resend from there")]
    Gap {
        /// Next one expected.
        expected: u64,
        /// The chunk's.
        got: u64,
    },
}

/// Why a chunk is not stored.
#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    /// The chunk is wrong.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The log cannot take it.
    #[error(transparent)]
    Log(#[from] experience::Error),
}
