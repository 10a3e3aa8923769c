//! Trials on their way out, and what becomes of them.

use super::{Notice, Request, Trainer};
use crate::collect::Intake as _;
use crate::error::{Error, Result};
use crate::experience::Event;
use types::experiment::Mode;
use types::{Purpose, Trial, TrialOutcome};

impl Trainer {
    /// Outcomes that came in, each written down before anything follows from it.
    pub(super) fn take_outcomes(&mut self) -> Result<()> {
        while let Ok(notice) = self.links.outcomes.try_recv() {
            match notice {
                Notice::Outcome(outcome) => {
                    let position = self.outcomes;
                    self.note(&Event::Closed { position, outcome: outcome.clone() })?;
                    self.outcomes += 1;
                    self.close(&outcome)?;
                }
                Notice::Again { recollect } => {
                    let trials = self.outstanding.values().cloned().collect();
                    self.submit(Request { trials, recollect })?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn close(&mut self, outcome: &TrialOutcome) -> Result<()> {
        let Some(trial) = self.outstanding.remove(&outcome.trial) else {
            return Ok(());
        };
        match (outcome.purpose, self.mode()) {
            (Purpose::Evaluate, _) => self.close_evaluation(outcome),
            (Purpose::Train, Mode::Async) => self.close_trial(outcome),
            (Purpose::Train, Mode::Lockstep) => self.close_trial_of_round(trial, outcome),
        }
    }

    /// What the collector makes of an outcome: perhaps another trial in its place.
    pub(super) fn close_in_collector(&mut self, outcome: &TrialOutcome) -> Result<()> {
        if let Some(failure) = &outcome.failure {
            tracing::warn!(trial = %outcome.trial, task = %outcome.task, failure, "a trial failed");
        }
        match self.collector.close(outcome, &*self.store)? {
            Some(again) => self.issue(vec![again]),
            None => Ok(()),
        }
    }

    /// The initial experience is in: from here on, learning is metered against collection.
    pub(super) fn begin_learning(&mut self) -> Result<()> {
        if !self.store.every_task_has_context() {
            let why = "a task without any context after the initial trials".to_owned();
            return Err(Error::Message { what: "initial experience", why });
        }
        let inserted = self.store.inserted();
        self.initial = Some(inserted);
        self.limiter = Some(self.new_limiter(inserted));
        tracing::info!(env_steps = inserted, "initial experience is in; training");
        Ok(())
    }

    /// Writes training trials down and asks for them.
    pub(super) fn issue(&mut self, mut trials: Vec<Trial>) -> Result<()> {
        if self.mode() == Mode::Lockstep {
            // All of an iteration is collected with the weights it began with.
            let version = self.publisher.newest();
            trials.iter_mut().for_each(|trial| trial.min_version = version);
        }
        for trial in &trials {
            let reason = self.collector.reason(trial.id);
            self.note(&Event::Issued { trial: trial.clone(), reason })?;
        }
        if self.mode() == Mode::Lockstep {
            self.round.extend(trials.iter().map(|trial| trial.id));
        }
        self.ask_for(trials)
    }

    /// Asks for trials that are written down, unless their outcome is known.
    pub(super) fn ask_for(&mut self, trials: Vec<Trial>) -> Result<()> {
        let mut unknown = Vec::new();
        let mut outcomes = Vec::new();
        for trial in trials {
            match self.known.remove(&trial.id) {
                Some(outcome) => outcomes.push(outcome),
                None => unknown.push(trial.clone()),
            }
            self.outstanding.insert(trial.id, trial);
        }
        for outcome in outcomes {
            self.close(&outcome)?;
        }
        self.submit(Request { trials: unknown, recollect: false })
    }

    pub(super) fn submit(&mut self, request: Request) -> Result<()> {
        if request.trials.is_empty() {
            return Ok(());
        }
        self.links.trials.blocking_send(request).map_err(|_closed| Error::Disconnected)
    }
}
