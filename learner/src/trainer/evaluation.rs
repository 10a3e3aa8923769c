//! Evaluation during training and at its end, and the weights that did best.

use super::{PATIENCE, Trainer};
use crate::collect::Intake as _;
use crate::error::Result;
use crate::evaluate::{Component, Moment, Remarks};
use crate::experience::Event;
use crate::method::narrow;
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
        let weights = nets::write_agent(self.method.agent(), &self.method.acting()?)?;
        if let Err(error) = self.checkpoints.write_candidate(&weights) {
            tracing::warn!(%error, "could not keep the weights under evaluation");
        }
        let trials = self.evaluator.begin(moment, &*self.store);
        let remarks = self.remarks()?;
        self.evaluator.remark(remarks);
        self.note(&Event::Evaluating { moment, trials: trials.clone() })?;
        self.ask_for(trials)
    }

    fn remarks(&mut self) -> Result<Remarks> {
        let mut remarks = Remarks::default();
        let tasks: Vec<u32> = self.evaluator.train_tasks().collect();
        for task in tasks {
            if let Some(errors) = self.reconstruction_of(task)? {
                remarks.errors.insert(task, [errors.reward, errors.next_observation]);
            }
        }
        let mixture = self.method.fitted().and_then(|fitted| fitted.mixture());
        if let Some(mixture) = mixture {
            let narrowed = |numbers: &[f64]| numbers.iter().map(|&n| narrow(n)).collect();
            let (means, variances) = (mixture.means(), mixture.variances());
            let dim = mixture.dimension();
            let rows = means.chunks(dim).zip(variances.chunks(dim)).zip(mixture.weights());
            remarks.components.extend(rows.map(|((mean, variance), weight)| Component {
                weight,
                mean: narrowed(mean),
                variance: narrowed(variance),
            }));
        }
        Ok(remarks)
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
