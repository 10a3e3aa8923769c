//! Evaluation during training and at its end, and the weights that did best.

use super::{PATIENCE, Trainer};
use crate::collect::Intake as _;
use crate::error::Result;
use crate::evaluate::Moment;
use crate::experience::Event;
use crate::progress::Phase;
use std::time::Instant;
use types::TrialOutcome;

impl Trainer {
    pub(super) fn evaluate(&mut self, last: bool) -> Result<()> {
        if self.unpublished {
            self.publish()?;
        }
        let moment = Moment {
            number: self.evaluator.next_number(),
            env_steps: self.store.inserted(),
            updates: self.updates,
            version: self.publisher.newest(),
            wall_s: self.wall(),
            last,
        };
        let weights = nets::write_agent(self.pearl.agent(), &self.pearl.acting()?)?;
        if let Err(error) = self.checkpoints.write_candidate(&weights) {
            tracing::warn!(%error, "could not keep the weights under evaluation");
        }
        let trials = self.evaluator.begin(moment, &*self.store);
        self.note(&Event::Evaluating { moment, trials: trials.clone() })?;
        self.ask_for(trials)
    }

    /// Waits for a running evaluation, then evaluates the final weights.
    pub(super) fn last_evaluation(&mut self) -> Result<()> {
        self.await_evaluation()?;
        if !self.stop.is_cancelled() && !self.evaluator.has_begun_last() {
            self.evaluate(true)?;
            self.await_evaluation()?;
        }
        Ok(())
    }

    pub(super) fn await_evaluation(&mut self) -> Result<()> {
        while self.evaluator.is_pending() && !self.stop.is_cancelled() {
            let mark = self.store.mark();
            self.take_outcomes()?;
            if self.evaluator.is_pending() {
                let began = Instant::now();
                self.store.wait(mark, PATIENCE);
                self.meter.waited(began.elapsed());
            }
            self.report_if_due(Phase::Evaluating)?;
        }
        Ok(())
    }

    pub(super) fn close_evaluation(&mut self, outcome: &TrialOutcome) -> Result<()> {
        self.store.close(outcome.trial);
        let Some(scored) = self.evaluator.take(outcome) else {
            return Ok(());
        };
        if scored.best {
            let score = serde_json::json!({
                "number": scored.evaluation.number,
                "updates": scored.evaluation.updates,
                "env_steps": scored.evaluation.env_steps,
                "version": scored.evaluation.version,
            });
            if let Err(error) = self.checkpoints.promote_candidate(&score) {
                tracing::warn!(%error, "could not keep the best weights");
            }
        }
        self.links.reporter.evaluation(scored.evaluation);
        Ok(())
    }
}
