//! The task that notices an environment that hangs.
//!
//! A thread that hangs cannot be ended: the process has to. Before that, the trial is reported as
//! failed, so that nobody else runs into it, and what is finished is handed over.

use super::tasks::Tasks;
use super::{Event, Life};
use crate::Error;
use crate::rollout::{OpenStep, StepWatch, Suspicion};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use types::{Trial, TrialOutcome};

/// How long the report of the failure may take.
const REPORT: Duration = Duration::from_secs(3);
/// How long handing over what is finished may take.
const HANDOVER: Duration = Duration::from_secs(2);
/// How long the last heartbeat may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// A step that does not end.
#[derive(Debug)]
pub(crate) struct Hung {
    step: OpenStep,
    /// The trial it belongs to.
    trial: Option<Trial>,
    limit: Duration,
    waited: Duration,
}

impl Hung {
    fn why(&self) -> String {
        let Self { step, trial, limit, waited } = self;
        let of = trial.as_ref().map_or_else(String::new, |trial| {
            format!("task {}, trial seed {}, ", trial.task, trial.seed)
        });
        format!(
            "environment: expected a step to end within {limit:?}, got none for {waited:.1?} \
             ({of}episode {}, step {})",
            step.episode, step.step
        )
    }

    fn outcome(&self) -> Option<TrialOutcome> {
        self.trial.as_ref().map(|trial| TrialOutcome {
            trial: trial.id,
            task: trial.task,
            purpose: trial.purpose,
            episodes: Vec::new(),
            failure: Some(self.why()),
        })
    }
}

impl Tasks {
    /// Looks at the rollout until a step takes longer than the experiment allows.
    pub(crate) async fn watchdog(self: Arc<Self>, rollout: Arc<StepWatch>) -> Result<(), Error> {
        let seconds = self.registration.experiment.actors.step_timeout_s;
        let limit = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        let mut suspicion = Suspicion::new(limit);
        let mut looks = tokio::time::interval(suspicion.pause());
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let began = Instant::now();
        loop {
            looks.tick().await;
            let open = rollout.open();
            if let (Some(waited), Some(step)) = (suspicion.look(open, began.elapsed()), open) {
                let trial = rollout.trial(step.slot);
                self.tell(Event::Hung(Hung { step, trial, limit, waited })).await;
                return Ok(());
            }
        }
    }
}

impl Life {
    /// Reports the trial that hangs, hands over what is finished, gives back the rest. The process
    /// is to end with the error.
    pub(crate) async fn give_up(&mut self, hung: Hung) -> Error {
        let why = hung.why();
        tracing::error!(why, "giving up the trial; this process ends, for its environment hangs");
        self.spool.refuse();
        self.spool.end();
        let tasks = self.tasks.clone();
        if let Some(outcome) = hung.outcome() {
            let report = tokio::time::timeout(REPORT, tasks.report(vec![outcome.into()]));
            if !matches!(report.await, Ok(Ok(_))) {
                tracing::warn!("the failure could not be reported; the trial will be leased again");
            }
        }
        let handed_over = async {
            while let Some(event) = self.events.recv().await {
                if matches!(event, Event::Done | Event::Unknown) {
                    return;
                }
            }
        };
        if tokio::time::timeout(HANDOVER, handed_over).await.is_err() {
            let (transitions, outcomes) = self.spool.left();
            tracing::warn!(transitions, outcomes, "not all that was finished could be handed over");
        }
        tasks.farewell(FAREWELL).await;
        Error::StepTimeout { why }
    }
}
