//! Trials whose experience is coming in: a trial enters the replay whole or not at all, and once.
//!
//! Every attempt at a trial, that is, what one life of an actor sends of it, is kept apart. The
//! first attempt that is complete counts. An actor that was cut off while its lease went to another
//! can therefore come back and send the rest: it changes nothing.

use crate::experience::{ChunkMeta, Position};
use crate::replay::refusal::Refusal;
use crate::replay::ring::Extent;
use proto::chunk::CheckedChunk;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use types::{Incarnation, Purpose, Split, TaskRef, Trial, TrialId};

/// Trials that were issued and are not closed.
#[derive(Debug, Default)]
pub struct Staging {
    /// The next trial to be issued; its id.
    next: u64,
    /// The one behind the last that the log knows.
    known: u64,
    open: BTreeMap<TrialId, Open>,
    /// Transitions of complete and incomplete attempts that wait for something.
    staged: u64,
    discarded: u64,
}

/// A trial.
#[derive(Debug)]
struct Open {
    task: TaskRef,
    purpose: Purpose,
    episodes: u32,
    attempts: BTreeMap<Incarnation, Attempt>,
    stage: Stage,
}

/// How far a trial is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    /// No attempt is complete.
    Collecting,
    /// This one is, and waits for its turn.
    Complete(Incarnation),
    /// It is in the replay.
    Inserted,
}

/// What one life has sent of a trial.
#[derive(Debug, Default)]
struct Attempt {
    extents: Vec<Extent>,
    transitions: u64,
    /// Where the next chunk must begin.
    episode: u32,
    offset: u32,
}

/// What a checkpoint holds of one open trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenPlaces {
    trial: TrialId,
    task: TaskRef,
    purpose: Purpose,
    episodes: u32,
    stage: Stage,
    attempts: Vec<Vec<Position>>,
}

/// What a checkpoint holds of the open trials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagingPlaces {
    /// The next trial to be issued; its id.
    pub next: u64,
    /// Transitions that will never be in the replay.
    pub discarded: u64,
    /// Trials that are not closed.
    pub open: Vec<OpenPlaces>,
}

impl StagingPlaces {
    /// Every place.
    pub fn positions(&self) -> impl Iterator<Item = &Position> {
        self.open.iter().flat_map(|open| open.attempts.iter().flatten())
    }
}

impl Staging {
    /// Issues the next trial.
    pub fn issue(&mut self, task: TaskRef, purpose: Purpose, episodes: u32) -> TrialId {
        let id = TrialId(self.next);
        self.next += 1;
        // In lockstep, a learner that was started again issues what it knows from its log.
        self.open.entry(id).or_insert_with(|| Open::new(task, purpose, episodes));
        id
    }

    /// Knows a trial that was issued before this process began.
    pub fn know(&mut self, trial: &Trial) {
        let open = || Open::new(trial.task, trial.purpose, trial.episodes());
        self.open.entry(trial.id).or_insert_with(open);
        self.known = self.known.max(trial.id.0 + 1);
    }

    /// No trial that is known, open or closed, will be issued again.
    pub fn skip_known(&mut self) {
        self.next = self.next.max(self.known);
    }

    /// Whether a chunk may be stored.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(&self, chunk: &CheckedChunk, tasks: usize) -> Result<(), Refusal> {
        let Some(open) = self.open.get(&chunk.trial) else {
            if chunk.trial.0 < self.next {
                return Ok(()); // Closed: whatever comes is late.
            }
            return Err(Refusal::UnknownTrial { known: self.next, got: chunk.trial });
        };
        open.check(chunk, tasks)?;
        if open.stage != Stage::Collecting {
            return Ok(()); // The rest of an attempt that came second.
        }
        match open.attempts.get(&chunk.origin.incarnation) {
            Some(attempt) => attempt.check(chunk),
            None => Attempt::default().check(chunk),
        }
    }

    /// Takes a stored chunk. Whether its trial is complete with it.
    pub fn take(&mut self, extent: Extent) -> bool {
        let meta = *extent.meta();
        let Some(open) = self.open.get_mut(&meta.trial()) else {
            self.discarded += extent.len();
            return false;
        };
        if open.stage != Stage::Collecting {
            self.discarded += extent.len();
            return false;
        }
        let attempt = open.attempts.entry(meta.origin().incarnation).or_default();
        if (meta.episode(), meta.offset()) == (0, 0) {
            // The same life begins the trial anew.
            self.staged -= attempt.transitions;
            self.discarded += attempt.transitions;
            *attempt = Attempt::default();
        }
        self.staged += extent.len();
        attempt.add(extent);
        if attempt.episode < open.episodes {
            return false;
        }
        let winner = meta.origin().incarnation;
        open.stage = Stage::Complete(winner);
        let others = open.attempts.extract_if(.., |incarnation, _| *incarnation != winner);
        let lost: u64 = others.map(|(_, attempt)| attempt.transitions).sum();
        self.staged -= lost;
        self.discarded += lost;
        true
    }

    /// Takes out the complete attempt at a trial, to be inserted.
    pub fn complete(&mut self, trial: TrialId) -> Vec<Extent> {
        let Some(open) = self.open.get_mut(&trial) else {
            return Vec::new();
        };
        let Stage::Complete(winner) = open.stage else {
            return Vec::new();
        };
        open.stage = Stage::Inserted;
        let attempt = open.attempts.remove(&winner).unwrap_or_default();
        self.staged -= attempt.transitions;
        attempt.extents
    }

    /// Whether no trial was issued yet.
    #[must_use]
    pub fn has_issued_none(&self) -> bool {
        self.next == 0
    }

    /// Whether all of a trial is here.
    #[must_use]
    pub fn is_complete(&self, trial: TrialId) -> bool {
        self.open.get(&trial).is_some_and(|open| open.stage != Stage::Collecting)
    }

    /// Whether a trial is in the replay.
    #[must_use]
    pub fn is_inserted(&self, trial: TrialId) -> bool {
        self.open.get(&trial).is_some_and(|open| open.stage == Stage::Inserted)
    }

    /// The trial is over; what came of it and was not inserted never will be.
    pub fn close(&mut self, trial: TrialId) {
        if let Some(open) = self.open.remove(&trial) {
            let left: u64 = open.attempts.values().map(|attempt| attempt.transitions).sum();
            self.staged -= left;
            self.discarded += left;
        }
    }

    /// Transitions that will never be in the replay.
    #[must_use]
    pub fn discarded(&self) -> u64 {
        self.discarded
    }

    /// Transitions of trials that are not decided.
    #[must_use]
    pub fn staged(&self) -> u64 {
        self.staged
    }

    /// The oldest segment of the log that is needed.
    #[must_use]
    pub fn oldest_segment(&self) -> Option<u32> {
        let attempts = self.open.values().flat_map(|open| open.attempts.values());
        attempts.flat_map(|attempt| &attempt.extents).map(Extent::segment).min()
    }

    /// What a checkpoint needs.
    #[must_use]
    pub fn places(&self) -> StagingPlaces {
        let open = self.open.iter().map(|(trial, open)| open.places(*trial)).collect();
        StagingPlaces { next: self.next, discarded: self.discarded, open }
    }

    /// As it was; `None` if a place does not hold a chunk any more.
    #[must_use]
    pub fn restore(
        places: &StagingPlaces,
        mut extent: impl FnMut(Position) -> Option<Extent>,
    ) -> Option<Self> {
        let StagingPlaces { next, discarded, open } = places;
        let mut staging = Self { next: *next, discarded: *discarded, ..Self::default() };
        for places in open {
            let mut open = Open::new(places.task, places.purpose, places.episodes);
            open.stage = places.stage;
            for attempt in &places.attempts {
                let mut restored = Attempt::default();
                for place in attempt {
                    restored.add(extent(*place)?);
                }
                staging.staged += restored.transitions;
                if let Some(first) = restored.extents.first() {
                    open.attempts.insert(first.meta().origin().incarnation, restored);
                }
            }
            staging.open.insert(places.trial, open);
        }
        Some(staging)
    }
}

impl Open {
    fn new(task: TaskRef, purpose: Purpose, episodes: u32) -> Self {
        let (attempts, stage) = (BTreeMap::new(), Stage::Collecting);
        Self { task, purpose, episodes, attempts, stage }
    }

    fn check(&self, chunk: &CheckedChunk, tasks: usize) -> Result<(), Refusal> {
        let (trial, expected, got) = (chunk.trial, self.task, chunk.task);
        if got != expected {
            return Err(Refusal::WrongTask { trial, expected, got });
        }
        let collected = self.purpose == Purpose::Train && chunk.episode < self.episodes;
        if collected && expected.split == Split::Train && (expected.index as usize) < tasks {
            return Ok(());
        }
        let expected = match self.purpose {
            Purpose::Train => {
                format!("episodes 0 to {} of a training task", self.episodes.saturating_sub(1))
            }
            Purpose::Evaluate => "no episode, as it is an evaluation".to_owned(),
        };
        Err(Refusal::NotCollected { trial, expected, episode: chunk.episode })
    }

    fn places(&self, trial: TrialId) -> OpenPlaces {
        let place = |attempt: &Attempt| attempt.extents.iter().map(Extent::position).collect();
        let Self { task, purpose, episodes, stage, .. } = *self;
        let attempts = self.attempts.values().map(place).collect();
        OpenPlaces { trial, task, purpose, episodes, stage, attempts }
    }
}

impl Attempt {
    /// Chunks of a trial come in order; a life may begin it anew.
    fn check(&self, chunk: &CheckedChunk) -> Result<(), Refusal> {
        let got = (chunk.episode, chunk.offset);
        let expected = (self.episode, self.offset);
        if got == expected || got == (0, 0) {
            return Ok(());
        }
        Err(Refusal::OutOfPlace { trial: chunk.trial, expected, got })
    }

    fn add(&mut self, extent: Extent) {
        let meta: &ChunkMeta = extent.meta();
        if meta.ends_episode() {
            (self.episode, self.offset) = (meta.episode() + 1, 0);
        } else {
            self.offset = meta.offset() + meta.len();
        }
        self.transitions += extent.len();
        self.extents.push(extent);
    }
}
