//! What came of a run under faults.

use super::faults::Outcome;
use super::plan::Who;
use super::recount::Recount;
use super::watch::Broken;
use crate::process::Memory;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// A fault and what came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Happened {
    /// Seconds since the start of the run.
    pub at_s: f64,
    /// What went wrong.
    pub fault: String,
    /// Whether the run went on.
    pub outcome: Outcome,
}

/// Counts of the learner when the run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Updates.
    pub updates: u64,
    /// Transitions stored.
    pub stored: u64,
    /// Transitions acknowledged.
    pub acknowledged: u64,
    /// Transitions that came again and were dropped.
    pub duplicated: u64,
    /// Of those stored: in the replay.
    pub inserted: u64,
    /// Of those stored: never to be in it.
    pub discarded: u64,
    /// Chunks refused.
    pub refused: u64,
}

/// All there is to say.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// What decided the schedule.
    pub seed: u64,
    /// How long the run lasted.
    pub seconds: f64,
    /// What happened, in order.
    pub happened: Vec<Happened>,
    /// What broke; empty if all is well.
    pub broken: Vec<Broken>,
    /// The learner's counts.
    pub counts: Counts,
    /// Those of the log, read again from the start.
    pub recount: Option<Recount>,
    /// Lives of actors there have been.
    pub lives: usize,
    /// The most memory each process held, MiB of heap and stacks.
    pub peaks_mib: BTreeMap<String, u64>,
    /// Where the run directory is; it is kept if something broke.
    pub folder: Option<PathBuf>,
}

impl Verdict {
    /// Whether every invariant held.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.broken.is_empty()
    }

    /// Peaks by name.
    #[must_use]
    pub fn peaks(peaks: &BTreeMap<Who, Memory>) -> BTreeMap<String, u64> {
        peaks.iter().map(|(who, held)| (who.to_string(), held.anonymous >> 20)).collect()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recovered { after_s } => write!(f, "goes on after {after_s:.1} s"),
            Self::Stuck { who, limit_s } => {
                write!(f, "STUCK: the {who} has got nothing done for {limit_s:.0} s")
            }
            Self::Skipped { why } => write!(f, "SKIPPED: {why}"),
        }
    }
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>7.1} s  {}: {}", self.at_s, self.fault, self.outcome)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { updates, stored, acknowledged, duplicated, inserted, discarded, refused } =
            self.counts;
        let skipped = |it: &&Happened| matches!(it.outcome, Outcome::Skipped { .. });
        let skipped = self.happened.iter().filter(skipped).count();
        writeln!(
            f,
            "seed {}: {} faults in {:.0} s ({skipped} skipped), {} broken invariants",
            self.seed,
            self.happened.len(),
            self.seconds,
            self.broken.len()
        )?;
        writeln!(
            f,
            "  transitions  {stored} stored, {acknowledged} acknowledged; {inserted} inserted, \
             {discarded} discarded; {duplicated} came again and were dropped"
        )?;
        match &self.recount {
            Some(recount) => writeln!(f, "  log          {recount}")?,
            None => writeln!(f, "  log          not read")?,
        }
        writeln!(
            f,
            "  learner      {updates} updates, {refused} chunks refused; {} lives of actors",
            self.lives
        )?;
        let peaks = self.peaks_mib.iter().map(|(who, mib)| format!("{who} {mib}"));
        writeln!(f, "  memory       at most {} MiB", peaks.collect::<Vec<_>>().join(", "))?;
        for Broken { at_s, what } in &self.broken {
            writeln!(f, "  BROKEN       {at_s:.1} s: {what}")?;
        }
        if let Some(folder) = &self.folder {
            writeln!(f, "  kept         {}", folder.display())?;
        }
        let word = if self.is_good() { "held" } else { "BROKEN" };
        write!(f, "verdict: {word} (again: cargo xtask chaos --seed {})", self.seed)
    }
}
