//! Taking up training where another process left it: the newest checkpoint that is whole, and then
//! what the experience log holds behind it.

use super::Trainer;
use crate::checkpoint::{Checkpoints, Loaded, State};
use crate::collect::Collector;
use crate::error::{Error, Result};
use crate::evaluate::Evaluator;
use crate::experience::Event;
use crate::replay::{Store, StoreSettings};
use nets::Params;
use types::experiment::Mode;
use types::{FamilySpec, Purpose, TrialOutcome, Version};

/// Where training stood.
#[derive(Debug)]
pub struct Resumed {
    /// What the checkpoint holds; nothing if the process ended before the first one.
    pub(super) state: Option<State>,
    pub(super) params: Option<Params>,
    /// What happened after it, in order.
    pub(super) events: Vec<Event>,
}

impl Resumed {
    /// Reads checkpoint and log.
    ///
    /// # Errors
    /// If there are checkpoints and none can be used, or the log cannot be opened.
    pub fn load(checkpoints: &Checkpoints, settings: &StoreSettings) -> Result<(Store, Self)> {
        let accept = |loaded: &Loaded| {
            let (params, _) = Params::from_bytes(&loaded.learner)?;
            let restored = Store::restore(settings.clone(), Some(&loaded.replay))?;
            Ok(restored.map(|(store, events)| (store, events, params)))
        };
        match checkpoints.newest(accept)? {
            Some((loaded, (store, events, params))) => {
                let path = loaded.path.display();
                tracing::info!(%path, events = events.len(), "resuming");
                let (state, params) = (Some(loaded.state), Some(params));
                Ok((store, Self { state, params, events }))
            }
            None => {
                tracing::info!("resuming without a checkpoint, from the log alone");
                let restored = Store::restore(settings.clone(), None)?;
                let (store, events) = match restored {
                    Some(restored) => restored,
                    None => (Store::create(settings.clone())?, Vec::new()),
                };
                if store.log().oldest() > 0 {
                    let why = format!(
                        "expected a checkpoint, for the beginning of the experience log is gone; got \
                         none in {}",
                        checkpoints.folder().display()
                    );
                    return Err(Error::Message { what: "resume", why });
                }
                Ok((store, Self { state: None, params: None, events }))
            }
        }
    }

    /// How far the coordinator's list of outcomes has been read.
    #[must_use]
    pub fn outcomes(&self) -> u64 {
        let before = self.state.as_ref().map_or(0, |state| state.outcomes);
        let closed = self.events.iter().filter_map(|event| match event {
            Event::Closed { position, .. } => Some(position + 1),
            _ => None,
        });
        closed.max().unwrap_or(0).max(before)
    }
}

impl Trainer {
    pub(super) fn resume(&mut self, resumed: Resumed, family: &FamilySpec) -> Result<()> {
        self.outcomes = resumed.outcomes();
        let Resumed { state, events, .. } = resumed;
        if let Some(state) = state {
            self.adopt(state, family);
        }
        match self.mode() {
            Mode::Async => self.catch_up(events)?,
            Mode::Lockstep => self.remember(events),
        }
        if !self.is_done() {
            self.evaluator.forget_last();
        }
        Ok(())
    }

    fn adopt(&mut self, state: State, family: &FamilySpec) {
        let (experiment, plan) = (&self.experiment, self.collector.plan().clone());
        self.evaluator = Evaluator::resume(experiment, family, state.evaluator);
        self.collector = Collector::resume(plan, state.collector);
        self.updates = state.updates;
        self.sampled = state.sampled;
        self.initial = state.initial;
        self.limiter = state.initial.map(|initial| self.new_limiter(initial));
        self.turns = state.turns;
        *self.method.fitted_mut() = state.prior;
        self.unpublished = state.unpublished;
        self.wall_before = state.wall_s;
        self.outstanding = state.outstanding.into_iter().map(|trial| (trial.id, trial)).collect();
        self.round = state.round.into_iter().collect();
        self.publisher.go_on_at(Version(state.next_version));
        for evaluation in self.evaluator.complete() {
            self.links.reporter.evaluation(evaluation);
        }
    }

    /// What happened after the checkpoint counts. Updates after it are lost and will be made up for:
    /// the samples-per-insert ratio sees to that.
    fn catch_up(&mut self, events: Vec<Event>) -> Result<()> {
        self.store.go_on_behind_known_trials();
        for event in events {
            match event {
                Event::Issued { trial, reason } => {
                    self.collector.recall(&trial, reason);
                    self.outstanding.insert(trial.id, trial);
                }
                Event::Evaluating { moment, trials } => {
                    self.evaluator.recall(moment, &trials);
                    self.outstanding.extend(trials.into_iter().map(|trial| (trial.id, trial)));
                }
                Event::Closed { outcome, .. } => self.close_again(&outcome)?,
                Event::Published { .. } => {}
            }
        }
        // No version is given out twice: an actor may have the newest one still.
        let newest = self.store.newest();
        if newest > Version(0) {
            self.publisher.go_on_at(self.publisher.next().max(newest.next()));
        }
        Ok(())
    }

    fn close_again(&mut self, outcome: &TrialOutcome) -> Result<()> {
        if self.outstanding.remove(&outcome.trial).is_none() {
            return Ok(());
        }
        match outcome.purpose {
            Purpose::Evaluate => self.close_evaluation(outcome),
            // A substitute for it is in the log as well, or is found to be missing later.
            Purpose::Train => {
                self.collector.forget(outcome);
                Ok(())
            }
        }
    }

    /// Training goes the same way again, and finds that others have done their part already.
    fn remember(&mut self, events: Vec<Event>) {
        for event in events {
            if let Event::Closed { outcome, .. } = event {
                self.known.insert(outcome.trial, outcome);
            }
        }
    }
}
