//! The learner's log and newest checkpoint, read again when everybody has left, and counted
//! independently of whoever wrote them.

use super::invariants::LifeSeen;
use anyhow::{Context as _, ensure};
use learner::experience::{ChunkLayout, ChunkMeta, Kind, Log, Position};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;
use types::FamilySpec;

/// What a new segment would be given; none is made here.
const SEGMENT: usize = 1 << 20;

/// What is in the log, and what the checkpoint takes from it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Recount {
    /// Chunks.
    pub chunks: u64,
    /// Transitions in them.
    pub transitions: u64,
    /// Chunks of the same (actor, incarnation, sequence) as one before.
    pub doubled: u64,
    /// Sequence numbers that are missing before one that is there.
    pub missing: u64,
    /// Whether the first segment is still there: what was discarded may go with old ones.
    pub whole: bool,
    /// Transitions in the replay of the newest checkpoint.
    pub inserted: u64,
    /// Trials they belong to.
    pub trials: u64,
    /// Chunks that are in that replay twice, and trials that are in it from two lives.
    pub inserted_twice: u64,
    /// Transitions of each life, by incarnation.
    #[serde(skip)]
    lives: BTreeMap<u64, u64>,
}

/// The part of a checkpoint's `replay.json` that is looked at: for each task the places of its
/// transitions, and those that serve as context.
#[derive(Debug, Deserialize)]
struct Replay {
    tasks: Vec<(Places, Places)>,
}

#[derive(Debug, Deserialize)]
struct Places {
    places: Vec<Position>,
}

/// Reads the run in `run_dir`.
///
/// # Errors
/// If its files cannot be read.
pub fn read(run_dir: &Path) -> anyhow::Result<Recount> {
    let family = fs::read(run_dir.join("family.json")).context("read family.json")?;
    let family: FamilySpec = serde_json::from_slice(&family).context("read family.json")?;
    let layout = ChunkLayout::new(&family.env);
    let folder = run_dir.join("experience");
    let (log, records) = Log::open(&folder, layout.fingerprint(), SEGMENT, None)?;
    let mut recount = Recount { whole: log.oldest() == 0, ..Recount::default() };
    let mut sequences: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.kind == Kind::Chunk) {
        let (meta, _) = layout.read(record.body()).context("expected a chunk in a chunk record")?;
        let (incarnation, sequence) = (meta.origin().incarnation.0, meta.origin().sequence.0);
        recount.chunks += 1;
        recount.transitions += u64::from(meta.len());
        *recount.lives.entry(incarnation).or_default() += u64::from(meta.len());
        if !sequences.entry(incarnation).or_default().insert(sequence) {
            recount.doubled += 1;
        }
    }
    let missing = |seen: &BTreeSet<u64>| seen.last().map_or(0, |last| last + 1 - seen.len() as u64);
    recount.missing = sequences.values().map(missing).sum();
    let meta = |place: &Position| {
        let record = log.record(*place);
        let meta = record.and_then(|record| layout.read(record.body()).map(|(meta, _)| meta));
        meta.with_context(|| format!("expected a chunk at {place:?}, as the checkpoint says"))
    };
    recount.look_at(&newest_replay(run_dir)?, meta)?;
    Ok(recount)
}

fn newest_replay(run_dir: &Path) -> anyhow::Result<Replay> {
    let checkpoints = run_dir.join("checkpoints");
    let latest =
        fs::read_to_string(checkpoints.join("latest")).context("read checkpoints/latest")?;
    let file = checkpoints.join(latest.trim()).join("replay.json");
    let text = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("read {}", file.display()))
}

impl Recount {
    fn look_at(
        &mut self,
        replay: &Replay,
        meta: impl Fn(&Position) -> anyhow::Result<ChunkMeta>,
    ) -> anyhow::Result<()> {
        let mut trials: BTreeMap<u64, u64> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for place in replay.tasks.iter().flat_map(|(transitions, _)| &transitions.places) {
            let meta = meta(place)?;
            let origin = meta.origin();
            self.inserted += u64::from(meta.len());
            let new = seen.insert((origin.incarnation.0, origin.sequence.0));
            let life = *trials.entry(meta.trial().0).or_insert(origin.incarnation.0);
            self.inserted_twice += u64::from(!new || life != origin.incarnation.0);
        }
        self.trials = trials.len() as u64;
        ensure!(self.inserted > 0, "expected transitions in the replay of the last checkpoint");
        Ok(())
    }

    /// Compares with what was seen while the run lasted; what does not agree.
    #[must_use]
    pub fn compare(
        &self,
        stored: u64,
        inserted: u64,
        lives: &BTreeMap<u64, LifeSeen>,
    ) -> Vec<String> {
        let mut broken = Vec::new();
        if self.doubled > 0 {
            broken.push(format!("log: {} chunks stored twice", self.doubled));
        }
        if self.inserted_twice > 0 {
            broken.push(format!("replay: {} chunks inserted twice", self.inserted_twice));
        }
        if self.inserted != inserted {
            let got = self.inserted;
            broken.push(format!("replay: expected {inserted} transitions as counted, got {got}"));
        }
        if !self.whole {
            // Nothing more can be told then: the harness must keep a run's log whole.
            broken.push("log: its first segment is gone, so nothing can be recounted".to_owned());
            return broken;
        }
        if self.missing > 0 {
            broken.push(format!("log: {} chunks are missing", self.missing));
        }
        if self.transitions != stored {
            let got = self.transitions;
            broken.push(format!("log: expected {stored} transitions as counted, got {got}"));
        }
        for (incarnation, life) in lives {
            let got = self.lives.get(incarnation).copied().unwrap_or(0);
            if got < life.acknowledged {
                let (actor, acknowledged) = (life.actor, life.acknowledged);
                broken.push(format!(
                    "log: {got} transitions of actor {actor} incarnation {incarnation}, to which \
                     {acknowledged} were acknowledged"
                ));
            }
        }
        broken
    }
}

impl fmt::Display for Recount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            chunks, transitions, doubled, missing, inserted, trials, inserted_twice, ..
        } = self;
        write!(
            f,
            "{transitions} transitions in {chunks} chunks, {doubled} doubled, {missing} missing; \
             replay {inserted} of {trials} trials, {inserted_twice} twice"
        )
    }
}
