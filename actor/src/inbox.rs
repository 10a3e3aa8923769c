//! What the tasks have for the rollout thread: trials, weights, and when to end.

use crate::agent::Agent;
use crate::rollout::{Cut, Link, Over, Signal};
use crate::stats::{Stats, Wait};
use crate::upload::Spool;
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use types::{Trial, TrialId, TrialOutcome, Version};

/// An idle rollout looks at the clock this often, so that heartbeats tell how long it has waited.
const GLANCE: Duration = Duration::from_millis(200);

/// How long the rollout is to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Order {
    /// Until told otherwise.
    #[default]
    Work,
    /// Until the trials in hand are finished.
    Finish,
    /// Not at all.
    GiveUp,
}

/// Trials and weights on their way to the rollout thread. It never holds more trials than
/// `limit`, and of the weights only the newest.
#[derive(Debug)]
pub(crate) struct Inbox {
    limit: usize,
    /// Whether there is something that [`Link::poll`] has not seen.
    news: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
    room: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Leased, not begun.
    trials: VecDeque<Trial>,
    /// Leased, not finished: those above and those being run.
    held: usize,
    /// Leased, not reported: those above and those whose outcome has not reached the coordinator.
    leased: BTreeSet<TrialId>,
    /// Newer than what is in use.
    agent: Option<Box<Agent>>,
    order: Order,
}

impl Inbox {
    /// For a rollout that may hold `limit` trials.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            news: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Condvar::new(),
            room: Notify::new(),
        })
    }

    /// How many trials there is room for; waits until it is at least one. `None` once no more
    /// trials are wanted.
    pub(crate) async fn capacity(&self) -> Option<usize> {
        loop {
            let (order, held) = {
                let state = self.state.lock();
                (state.order, state.held)
            };
            if order != Order::Work {
                return None;
            }
            if held < self.limit {
                return Some(self.limit - held);
            }
            self.room.notified().await;
        }
    }

    /// Adds leased trials. One that is here already is not taken again: a coordinator that was
    /// started again may lease it a second time.
    pub(crate) fn offer(&self, trials: Vec<Trial>) {
        let mut state = self.state.lock();
        if state.order == Order::Work {
            for trial in trials {
                if state.leased.insert(trial.id) {
                    state.held += 1;
                    state.trials.push_back(trial);
                } else {
                    tracing::info!(trial = %trial.id, "leased a trial that is in hand already");
                }
            }
            self.changed.notify_all();
        }
    }

    /// All trials that were leased and are not reported.
    pub(crate) fn leased(&self) -> Vec<TrialId> {
        self.state.lock().leased.iter().copied().collect()
    }

    /// The coordinator has taken the outcomes of these.
    pub(crate) fn reported(&self, trials: &[TrialId]) {
        let mut state = self.state.lock();
        for trial in trials {
            state.leased.remove(trial);
        }
    }

    /// Replaces weights that were not yet taken.
    pub(crate) fn publish(&self, agent: Agent) {
        self.state.lock().agent = Some(Box::new(agent));
        self.news.store(true, Ordering::Release);
        self.changed.notify_all();
    }

    /// Has the rollout end once the trials that it has begun are finished.
    pub(crate) fn finish(&self) {
        let mut state = self.state.lock();
        if state.order == Order::Work {
            state.order = Order::Finish;
            let not_begun = std::mem::take(&mut state.trials);
            state.held -= not_begun.len();
            for trial in not_begun {
                state.leased.remove(&trial.id);
            }
        }
        self.changed.notify_all();
    }

    /// Has the rollout end now.
    pub(crate) fn give_up(&self) {
        self.state.lock().order = Order::GiveUp;
        self.news.store(true, Ordering::Release);
        self.changed.notify_all();
    }
}

impl State {
    /// Position of the first trial that weights of `version` may run.
    fn runnable(&self, version: Version) -> Option<usize> {
        self.trials.iter().position(|t| t.min_version <= version)
    }
}

/// The rollout's side of inbox and spool.
#[derive(Debug)]
pub(crate) struct Online {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) spool: Arc<Spool>,
    pub(crate) stats: Arc<Stats>,
}

impl Link for Online {
    fn poll(&mut self) -> Signal {
        if !self.inbox.news.load(Ordering::Relaxed)
            || !self.inbox.news.swap(false, Ordering::Acquire)
        {
            return Signal::Nothing;
        }
        let mut state = self.inbox.state.lock();
        if state.order == Order::GiveUp {
            self.inbox.news.store(true, Ordering::Release);
            return Signal::GiveUp;
        }
        let Some(agent) = state.agent.take() else {
            return Signal::Nothing;
        };
        self.stats.uses(agent.version());
        Signal::Weights(agent)
    }

    fn trial(&mut self, version: Version) -> Option<Trial> {
        let mut state = self.inbox.state.lock();
        let index = state.runnable(version)?;
        state.trials.remove(index)
    }

    fn chunk(&mut self, cut: Cut) -> Result<(), Over> {
        self.spool.push(cut)
    }

    fn outcome(&mut self, outcome: TrialOutcome) {
        self.stats.ended(&outcome);
        self.spool.outcome(outcome);
        let mut state = self.inbox.state.lock();
        state.held = state.held.saturating_sub(1);
        drop(state);
        self.inbox.room.notify_one();
    }

    fn wait(&mut self, version: Option<Version>) -> ControlFlow<()> {
        let mut state = self.inbox.state.lock();
        loop {
            if state.order != Order::Work {
                return ControlFlow::Break(());
            }
            let runnable = version.is_some_and(|version| state.runnable(version).is_some());
            if runnable || state.agent.is_some() {
                return ControlFlow::Continue(());
            }
            let cause = match version {
                Some(_) if state.trials.is_empty() => Wait::Lease,
                _ => Wait::Weights,
            };
            let start = Instant::now();
            self.inbox.changed.wait_for(&mut state, GLANCE);
            let cause = match cause {
                // The trials that it made are not done before they are acknowledged, and count
                // among those that may be open.
                Wait::Lease if self.spool.left().0 > 0 => Wait::Upload,
                cause => cause,
            };
            self.stats.waited(cause, start.elapsed());
        }
    }

    fn stepped(&mut self, environments: usize) {
        self.stats.stepped(environments);
    }
}
