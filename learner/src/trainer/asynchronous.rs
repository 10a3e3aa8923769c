//! Collection and learning at the same time, held together by the samples-per-insert ratio.

use super::Trainer;
use crate::collect::Intake as _;
use crate::error::Result;
use types::TrialOutcome;

impl Trainer {
    pub(super) fn train_asynchronously(&mut self) -> Result<()> {
        self.publish()?;
        let open: Vec<_> = self.outstanding.values().cloned().collect();
        self.ask_for(open)?;
        if self.limiter.is_none() {
            let store = &*self.store;
            let trials = self.collector.missing_initial(store, |task| !store.has_context(task));
            self.issue(trials)?;
        }
        while !self.is_done() && !self.stop.is_cancelled() {
            let mark = self.store.mark();
            self.take_outcomes()?;
            if self.limiter.is_none() && self.collector.open() == 0 {
                self.begin_learning()?;
            }
            self.ask_for_more()?;
            let due = self.evaluator.is_due(self.store.inserted());
            if due && self.limiter.is_some() && self.parts_match() {
                self.evaluate(false)?;
            }
            if self.may_update() {
                let before = self.updates;
                self.update()?;
                // Not in the encoder's turn: the policy would act on what it was not trained on.
                let every = self.experiment.learner.publish_every;
                if self.updates > before && self.updates.is_multiple_of(every) {
                    self.publish()?;
                }
            } else {
                self.wait(mark)?;
            }
            self.keep_posted()?;
        }
        Ok(())
    }

    pub(super) fn close_trial(&mut self, outcome: &TrialOutcome) -> Result<()> {
        self.close_in_collector(outcome)?;
        self.store.close(outcome.trial);
        Ok(())
    }

    fn ask_for_more(&mut self) -> Result<()> {
        let Some(limiter) = self.limiter else {
            return Ok(());
        };
        let mut trials = Vec::new();
        while let Some(trial) = self.collector.next(&limiter, self.sampled, &*self.store) {
            trials.push(trial);
        }
        self.issue(trials)
    }
}
