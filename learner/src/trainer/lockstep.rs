//! Collection and learning in turns. An iteration publishes weights, has its trials collected with
//! exactly these, inserts them in the order of their ids, and pays for them with updates. Nothing
//! depends on who collected a trial, or when it came in: a seed gives the same bits for any number
//! of actors, and across restarts.

use super::{Request, Trainer};
use crate::collect::Intake as _;
use crate::error::Result;
use types::{Trial, TrialOutcome};

impl Trainer {
    pub(super) fn train_in_lockstep(&mut self) -> Result<()> {
        self.take_up_round()?;
        loop {
            self.await_round()?;
            self.insert_round()?;
            while self.may_update() && !self.stop.is_cancelled() {
                self.update()?;
                self.keep_posted()?;
            }
            if self.stop.is_cancelled() || self.is_done() {
                return Ok(());
            }
            self.begin_round()?;
        }
    }

    fn begin_round(&mut self) -> Result<()> {
        self.publish()?;
        let trials = if self.store.has_issued_none() {
            self.collector.initial(&*self.store)
        } else {
            self.collector.round(&*self.store)
        };
        if self.limiter.is_some() && self.evaluator.is_due(self.store.inserted()) {
            self.evaluate(false)?;
        }
        self.issue(trials)
    }

    /// The weights of an iteration that was under way, and its trials.
    fn take_up_round(&mut self) -> Result<()> {
        if self.outstanding.is_empty() {
            return Ok(());
        }
        self.publisher.step_back();
        self.publish()?;
        let trials = self.outstanding.values().cloned().collect();
        self.ask_for(trials)
    }

    /// Until every trial of the iteration has an outcome, those of an evaluation too: the next
    /// weights must not reach them.
    fn await_round(&mut self) -> Result<()> {
        while !self.outstanding.is_empty() && !self.stop.is_cancelled() {
            let mark = self.store.mark();
            self.take_outcomes()?;
            if !self.outstanding.is_empty() {
                self.wait(mark)?;
            }
            self.report_if_due(self.phase())?;
        }
        Ok(())
    }

    pub(super) fn close_trial_of_round(
        &mut self,
        trial: Trial,
        outcome: &TrialOutcome,
    ) -> Result<()> {
        if outcome.failure.is_some() {
            self.round.remove(&outcome.trial);
            self.store.close(outcome.trial);
            return self.close_in_collector(outcome);
        }
        if self.store.is_complete(outcome.trial) {
            return self.close_in_collector(outcome);
        }
        tracing::warn!(trial = %trial.id, "the log has lost what a trial brought; collecting it again");
        self.outstanding.insert(trial.id, trial.clone());
        self.submit(Request { trials: vec![trial], recollect: true })
    }

    fn insert_round(&mut self) -> Result<()> {
        if self.stop.is_cancelled() || self.round.is_empty() {
            return Ok(());
        }
        for trial in std::mem::take(&mut self.round) {
            self.store.insert_trial(trial);
            self.store.close(trial);
        }
        if self.limiter.is_none() {
            self.begin_learning()?;
        }
        Ok(())
    }
}
