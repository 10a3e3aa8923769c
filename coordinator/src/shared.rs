//! The one owner of the state, and the notice that it has changed.

use crate::refusal::Refusal;
use crate::registry::Now;
use crate::state::{Rules, State};
use crate::status::About;
use parking_lot::Mutex;
use proto::v1::{Evaluation, LearnerProgress, StatusReply};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use types::{ActorId, Experiment, FamilySpec};

/// How often silence is looked for.
const TICK: Duration = Duration::from_millis(250);

/// State, clock, and what is handed to new members.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Notify,
    started: Instant,
    pub(crate) about: About,
    pub(crate) experiment: String,
    pub(crate) family: String,
    /// Streams that are being fed.
    pub(crate) tasks: TaskTracker,
    /// The coordinator ends: nobody waits any longer.
    pub(crate) closed: CancellationToken,
}

impl Shared {
    pub(crate) fn new(
        experiment: &Experiment,
        family: &FamilySpec,
        run_dir: String,
    ) -> Result<Self, serde_json::Error> {
        let rules = Rules {
            max_lag: experiment.collection.max_lag,
            train_tasks: family.train.len(),
            test_tasks: family.test.len(),
        };
        Ok(Self {
            state: Mutex::new(State::new(rules)),
            changed: Notify::new(),
            started: Instant::now(),
            about: About {
                experiment: experiment.name.clone(),
                family: family.name.clone(),
                run_dir,
                env_steps_budget: experiment.budget.env_steps,
            },
            experiment: serde_json::to_string(experiment)?,
            family: serde_json::to_string(family)?,
            tasks: TaskTracker::new(),
            closed: CancellationToken::new(),
        })
    }

    pub(crate) fn now(&self) -> Now {
        self.started.elapsed()
    }

    /// An event that others may wait for.
    pub(crate) fn change<T>(
        &self,
        event: impl FnOnce(&mut State, Now) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let result = event(&mut self.state.lock(), self.now());
        self.changed.notify_waiters();
        result
    }

    /// An event that nobody waits for, or a look.
    pub(crate) fn quietly<T>(&self, event: impl FnOnce(&mut State) -> T) -> T {
        event(&mut self.state.lock())
    }

    /// Waits until `attempt` gives something; tries again whenever the state has changed.
    pub(crate) async fn until<T>(&self, mut attempt: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut changed = std::pin::pin!(self.changed.notified());
        loop {
            // From here on a change is not missed, even one during the attempt.
            changed.as_mut().enable();
            if let Some(found) = attempt(&mut self.state.lock()) {
                return found;
            }
            changed.as_mut().await;
            changed.set(self.changed.notified());
        }
    }

    pub(crate) fn status(&self) -> StatusReply {
        let now = self.now();
        self.quietly(|state| state.status(&self.about, now))
    }

    /// Looks for silence until the coordinator ends.
    pub(crate) async fn watch_silence(&self) {
        let mut ticks = tokio::time::interval(TICK);
        while self.closed.run_until_cancelled(ticks.tick()).await.is_some() {
            let now = self.now();
            let (dead, stopped) = self.quietly(|state| {
                let before = state.stopping;
                let dead = state.tick(now);
                let stopped = before.is_none() && state.stopping.is_some();
                (dead, stopped.then(|| state.progress.failure.clone()))
            });
            if let Some(why) = &stopped {
                tracing::error!("{why}");
            }
            for key in &dead {
                tracing::warn!(actor = %key.actor, incarnation = %key.incarnation, "actor is silent: declared dead, its trials go to others");
            }
            if !dead.is_empty() || stopped.is_some() {
                self.changed.notify_waiters();
            }
        }
    }

    pub(crate) fn stop(&self) {
        let now = self.now();
        self.quietly(|state| state.stop(now));
        self.changed.notify_waiters();
    }

    pub(crate) fn process_ended(&self, actor: ActorId, pid: u32) -> u64 {
        let achieved = self.quietly(|state| state.process_ended(actor, pid));
        self.changed.notify_waiters();
        achieved
    }

    pub(crate) fn progress(&self) -> LearnerProgress {
        self.quietly(|state| state.progress.clone())
    }

    pub(crate) fn take_evaluations(&self) -> Vec<Evaluation> {
        self.quietly(|state| std::mem::take(&mut state.unrecorded))
    }
}
