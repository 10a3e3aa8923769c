//! Writing down: events as they happen, checkpoints now and then.

use super::{PATIENCE, Trainer};
use crate::checkpoint::{FORMAT, Parts, State};
use crate::collect::Intake as _;
use crate::error::Result;
use crate::experience::Event;
use crate::method::prefixed;
use std::collections::BTreeMap;
use std::time::Instant;
use types::experiment::Mode;

impl Trainer {
    /// Writes an event to the log. While its disk is full, training pauses.
    pub(super) fn note(&mut self, event: &Event) -> Result<()> {
        loop {
            match self.store.note(event) {
                Err(error) if error.is_full() && !self.stop.is_cancelled() => {
                    self.store.note_full(&error);
                    let mark = self.store.mark();
                    self.store.wait(mark, PATIENCE);
                    self.report_if_due(self.phase())?;
                }
                other => return Ok(other?),
            }
        }
    }

    /// Reports, and begins a checkpoint if it is time for one. Training pauses while none can be
    /// written for want of space.
    pub(super) fn keep_posted(&mut self) -> Result<()> {
        self.report_if_due(self.phase())?;
        self.writer.check()?;
        while self.writer.full().is_some() && !self.stop.is_cancelled() {
            let mark = self.store.mark();
            self.store.wait(mark, PATIENCE);
            self.report_if_due(self.phase())?;
        }
        let every = self.experiment.learner.checkpoint_seconds;
        let due = self.updates > 0 && self.saved.elapsed().as_secs_f64() >= every;
        if due && !self.writer.is_busy() {
            self.save()?;
        }
        Ok(())
    }

    /// Gathers the parts of a checkpoint and hands them to the writer.
    fn save(&mut self) -> Result<()> {
        self.saved = Instant::now();
        let parts = self.parts(None)?;
        self.meter.stalled(self.saved.elapsed());
        self.writer.write(parts);
        Ok(())
    }

    /// Writes a checkpoint before it returns.
    pub(super) fn save_and_wait(&mut self) -> Result<()> {
        self.saved = Instant::now();
        let digest = (self.mode() == Mode::Lockstep).then(|| self.store.digest());
        let parts = self.parts(digest)?;
        self.writer.write(parts);
        self.writer.finish()
    }

    fn parts(&self, replay_digest: Option<String>) -> Result<Parts> {
        // The replay first: what is inserted after it lies behind it in the log.
        let replay = self.store.snapshot();
        let state = State {
            format: FORMAT,
            updates: self.updates,
            env_steps: self.store.inserted(),
            sampled: self.sampled,
            next_version: self.publisher.next().0,
            unpublished: self.unpublished,
            initial: self.initial,
            wall_s: self.wall(),
            collector: self.collector.progress().clone(),
            evaluator: self.evaluator.progress().clone(),
            outstanding: self.outstanding.values().cloned().collect(),
            round: self.round.iter().copied().collect(),
            outcomes: self.outcomes,
            replay_digest,
            turns: self.turns.clone(),
            prior: self.method.fitted().cloned(),
        };
        let mut learner = self.method.everything()?.tensors().to_vec();
        if let Some(kept) = self.kept() {
            learner.extend(prefixed(super::BEST, kept)?);
        }
        Ok(Parts {
            weights: nets::write_agent(self.method.agent(), &self.method.acting()?)?,
            learner: nets::Params::new(learner)?.to_bytes(&BTreeMap::new()),
            replay,
            state,
        })
    }
}
