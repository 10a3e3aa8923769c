//! The tasks that talk to the coordinator during a life.

use super::Event;
use crate::Error;
use crate::control::{Failed, Registration};
use crate::inbox::Inbox;
use crate::retry;
use crate::stats::Stats;
use crate::upload::Spool;
use proto::tonic::Response;
use proto::v1;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;
use types::{Trial, TrialId, Version};

/// How long a lease request may wait at the coordinator. Short: it carries the version that the
/// actor had when it asked, and newer weights may make trials available to it.
const LEASE_WAIT: Duration = Duration::from_millis(200);
/// An empty lease reply that comes faster than this is not asked for again at once.
const LEASE_PACE: Duration = Duration::from_millis(50);
/// A coordinator that has not answered for this long is given up. Long: it may be restarted
/// without the data plane noticing.
const LOST: Duration = Duration::from_secs(300);

const HEARTBEAT: &str = "Heartbeat to the coordinator";
const LEASE: &str = "Lease from the coordinator";
const REPORT: &str = "Report to the coordinator";

/// What a heartbeat says of the life of the actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    GoesOn,
    IsOver,
}

/// What the tasks share.
#[derive(Debug)]
pub(crate) struct Tasks {
    pub(crate) registration: Registration,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) spool: Arc<Spool>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) events: mpsc::Sender<Event>,
    /// Tells where the learner is.
    pub(crate) learner: watch::Sender<String>,
}

impl Tasks {
    /// Says that the actor is alive, and how it is doing, until this life is over.
    pub(crate) async fn heartbeats(self: Arc<Self>) -> Result<(), Error> {
        let mut interval = tokio::time::interval(self.registration.heartbeat);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut answered = Instant::now();
        loop {
            interval.tick().await;
            match self.heartbeat().await {
                Ok(drain) => {
                    answered = Instant::now();
                    if drain {
                        self.tell(Event::Leave).await;
                    }
                }
                Err(Failed::Unknown) => {
                    self.tell(Event::Unknown).await;
                    return Ok(());
                }
                Err(Failed::Transient(last)) if answered.elapsed() > LOST => {
                    return Err(Error::CoordinatorLost {
                        address: self.registration.address.clone(),
                        waited: LOST,
                        last,
                    });
                }
                Err(Failed::Transient(why)) => tracing::debug!(why, "no answer to a heartbeat"),
                Err(Failed::Fatal(error)) => return Err(error),
            }
        }
    }

    async fn heartbeat(&self) -> Result<bool, Failed> {
        let reply = self.send_heartbeat(Life::GoesOn).await?;
        if !reply.learner.is_empty() {
            self.learner.send_if_modified(|known| {
                let moved = *known != reply.learner;
                if moved {
                    known.clone_from(&reply.learner);
                }
                moved
            });
        }
        Ok(reply.drain)
    }

    async fn send_heartbeat(&self, life: Life) -> Result<v1::HeartbeatReply, Failed> {
        let request = v1::HeartbeatRequest {
            actor: self.registration.key(),
            stats: Some(self.stats.snapshot()),
            over: life == Life::IsOver,
        };
        let mut control = self.registration.control.clone();
        let reply = control.heartbeat(request).await;
        reply.map(Response::into_inner).map_err(|status| Failed::of(HEARTBEAT, &status))
    }

    /// The last heartbeat: what it says is final, and what is still leased goes to others at once.
    pub(crate) async fn farewell(&self, patience: Duration) {
        let answer = tokio::time::timeout(patience, self.send_heartbeat(Life::IsOver)).await;
        if !matches!(answer, Ok(Ok(_))) {
            tracing::debug!("no answer to the last heartbeat");
        }
    }

    /// Keeps the inbox filled. Waits for the first weights: no trial can run before. A request is
    /// never dropped half-way: the trials in its reply would be nobody's. When a reply is lost, the
    /// next request says what is in hand, and the rest is leased again.
    pub(crate) async fn leases(
        self: Arc<Self>,
        mut newest: watch::Receiver<Option<Version>>,
    ) -> Result<(), Error> {
        if newest.wait_for(Option::is_some).await.is_err() {
            return Ok(());
        }
        let mut backoff = retry::backoff(3)?;
        let mut number = 0;
        let mut unsure = false;
        while let Some(capacity) = self.inbox.capacity().await {
            let version = *newest.borrow();
            let asked = Instant::now();
            number += 1;
            let holding = unsure.then(|| self.holding());
            match self.lease(v1::LeaseRequest { number, holding, ..ask(capacity, version) }).await {
                Ok((trials, drain)) => {
                    unsure = false;
                    backoff.reset();
                    let empty = trials.is_empty();
                    self.inbox.offer(trials);
                    if drain {
                        self.tell(Event::Leave).await;
                        return Ok(());
                    }
                    if empty {
                        tokio::time::sleep(LEASE_PACE.saturating_sub(asked.elapsed())).await;
                    }
                }
                Err(Failed::Unknown) => {
                    self.tell(Event::Unknown).await;
                    return Ok(());
                }
                // How long to go on is for the heartbeats to decide.
                Err(Failed::Transient(why)) => {
                    if !unsure {
                        tracing::info!(why, "no answer to a request for trials; asking again");
                    }
                    unsure = true;
                    tokio::time::sleep(backoff.next_delay()).await;
                }
                Err(Failed::Fatal(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn holding(&self) -> v1::Holding {
        v1::Holding { trials: self.inbox.leased().into_iter().map(|trial| trial.0).collect() }
    }

    async fn lease(&self, request: v1::LeaseRequest) -> Result<(Vec<Trial>, bool), Failed> {
        let request = v1::LeaseRequest { actor: self.registration.key(), ..request };
        let mut control = self.registration.control.clone();
        let reply = match control.lease(request).await {
            Ok(reply) => reply.into_inner(),
            Err(status) => return Err(Failed::of(LEASE, &status)),
        };
        let trials: Result<_, _> = reply.trials.into_iter().map(Trial::try_from).collect();
        let trials = trials.map_err(|error: proto::WireError| {
            Failed::Fatal(Error::Reply {
                call: LEASE,
                expected: "trials that can be run",
                got: error.to_string(),
            })
        })?;
        Ok((trials, reply.drain))
    }

    /// Reports outcomes once their transitions are acknowledged, until there is nothing more to
    /// come.
    pub(crate) async fn reports(self: Arc<Self>) -> Result<(), Error> {
        let mut news = self.spool.news();
        loop {
            news.mark_unchanged();
            let outcomes = self.spool.take_ready();
            if !outcomes.is_empty() {
                let trials: Vec<TrialId> = outcomes.iter().map(|outcome| outcome.trial).collect();
                let outcomes = outcomes.into_iter().map(Into::into).collect();
                for batch in proto::report::batches(outcomes) {
                    if !self.report(batch).await? {
                        self.tell(Event::Unknown).await;
                        return Ok(());
                    }
                }
                self.inbox.reported(&trials);
                continue;
            }
            if self.spool.is_done() {
                self.tell(Event::Done).await;
                return Ok(());
            }
            if news.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Reports, as often as it takes; false if this life is over.
    pub(super) async fn report(&self, outcomes: Vec<v1::TrialOutcome>) -> Result<bool, Error> {
        let mut backoff = retry::backoff(2)?;
        let request = v1::ReportRequest { actor: self.registration.key(), outcomes };
        loop {
            let mut control = self.registration.control.clone();
            let Err(status) = control.report(request.clone()).await else {
                return Ok(true);
            };
            match Failed::of(REPORT, &status) {
                Failed::Unknown => return Ok(false),
                Failed::Fatal(error) => return Err(error),
                Failed::Transient(why) => {
                    tracing::debug!(why, "no answer to a report");
                    tokio::time::sleep(backoff.next_delay()).await;
                }
            }
        }
    }

    /// Tells the supervisor; if it is gone, there is nobody left to tell.
    pub(super) async fn tell(&self, event: Event) {
        if let Err(unheard) = self.events.send(event).await {
            tracing::debug!(event = ?unheard.0, "nobody listens any more");
        }
    }
}

/// A request of an actor that has room for `capacity` trials and holds weights of `version`.
fn ask(capacity: usize, version: Option<Version>) -> v1::LeaseRequest {
    v1::LeaseRequest {
        capacity: u32::try_from(capacity).unwrap_or(u32::MAX),
        version: version.map(|version| version.0),
        wait_ms: u32::try_from(LEASE_WAIT.as_millis()).unwrap_or(u32::MAX),
        ..v1::LeaseRequest::default()
    }
}
