//! The control service: turns messages into events for [`State`], and waits where a call may wait.

use crate::learner::Newcomer;
use crate::refusal::Refusal;
use crate::registry::{LifeKey, Now};
use crate::shared::Shared;
use crate::state::{Ask, Lease, State};
use crate::tasks::History;
use proto::tonic::{Request, Response, Status, async_trait};
use proto::v1::control_server::Control;
use proto::v1::{self, TrialOutcome};
use proto::{PROTOCOL, WireError};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio_stream::wrappers::ReceiverStream;
use types::{ActorId, Trial, TrialId, Version};

/// How often actors shall be heard of; a sixth of the silence that means death.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long an actor's registration waits for the learner before it is told to try again.
const WAIT_FOR_LEARNER: Duration = Duration::from_secs(2);
/// Between two looks whether the learner of before still answers.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Longest wait for a lease; well below common idle limits of connections.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Trials in one lease at most: a reply stays far below the message limit.
const LEASE: u32 = 1024;
/// Places in the fleet.
const PLACES: u32 = 65_536;
/// Outcomes taken from the log at a time.
const BATCH: usize = 256;

/// The service over the shared state.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) shared: Arc<Shared>,
}

impl Service {
    fn now(&self) -> Now {
        self.shared.now()
    }

    async fn wait_for_learner(&self) {
        let present = self.shared.until(|state| {
            let known = state.seat.learner().is_some() || state.stopping.is_some();
            known.then_some(())
        });
        // Running out of time is answered by the refusal that follows.
        drop(tokio::time::timeout(WAIT_FOR_LEARNER, present).await);
    }
}

impl Service {
    /// Waits until it is known whether another process is the learner.
    async fn seat(&self, process: &Newcomer) -> Result<u64, Refusal> {
        let asked = self.now();
        loop {
            let join = |state: &mut State, now| state.register_learner(process, asked, now);
            let answer = self.shared.decide(join).await?;
            if let Some(life) = answer {
                return Ok(life);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

#[async_trait]
impl Control for Service {
    async fn register(
        &self,
        request: Request<v1::RegisterRequest>,
    ) -> Result<Response<v1::RegisterReply>, Status> {
        let request = request.into_inner();
        check_protocol(request.protocol)?;
        check_text("host", &request.host)?;
        if let Some(place) = request.actor.filter(|place| *place >= PLACES) {
            return Err(value("actor", format!("below {PLACES}"), place).into());
        }
        self.wait_for_learner().await;
        let actor = request.actor.map(ActorId);
        let (key, learner) = self
            .shared
            .decide(|state, now| state.register(actor, request.host.clone(), request.pid, now))
            .await?;
        tracing::info!(actor = %key.actor, incarnation = %key.incarnation, pid = request.pid, "actor registered");
        Ok(Response::new(v1::RegisterReply {
            actor: Some(proto::convert::actor_key(key.actor, key.incarnation)),
            learner: format!("http://{learner}"),
            experiment: self.shared.experiment.clone(),
            heartbeat_ms: u32::try_from(HEARTBEAT.as_millis()).unwrap_or(u32::MAX),
        }))
    }

    async fn heartbeat(
        &self,
        request: Request<v1::HeartbeatRequest>,
    ) -> Result<Response<v1::HeartbeatReply>, Status> {
        let request = request.into_inner();
        let key = read_key(request.actor)?;
        let stats = request.stats.ok_or(WireError::Missing("stats"))?;
        check_stats(&stats)?;
        let now = self.now();
        let (drain, learner) = self.shared.quietly(|state| state.heartbeat(key, stats, now))?;
        if request.over {
            tracing::info!(actor = %key.actor, incarnation = %key.incarnation, "actor has left");
            self.shared.change(|state, _| state.life_over(key));
        }
        Ok(Response::new(v1::HeartbeatReply { drain, learner }))
    }

    async fn lease(
        &self,
        request: Request<v1::LeaseRequest>,
    ) -> Result<Response<v1::LeaseReply>, Status> {
        let request = request.into_inner();
        let key = read_key(request.actor)?;
        if request.capacity == 0 {
            return Err(value("capacity", "at least 1".to_owned(), 0).into());
        }
        let holding = request.holding.map(|h| h.trials.into_iter().map(TrialId).collect());
        let ask = Ask {
            version: request.version.map(Version),
            capacity: request.capacity.min(LEASE) as usize,
            number: request.number,
            holding,
        };
        let wait = Duration::from_millis(request.wait_ms.into()).min(LONGEST_WAIT);
        // There is one attempt in any case, with wait_ms = 0 too.
        let attempt = |state: &mut State| match state.lease(key, &ask, self.now()) {
            Ok(Lease::Wait) => None,
            other => Some(other),
        };
        let answer = self.shared.decide_within(wait, attempt).await?.unwrap_or(Lease::Wait);
        Ok(Response::new(match answer {
            Lease::Work(trials) => v1::LeaseReply {
                trials: trials.into_iter().map(Into::into).collect(),
                drain: false,
            },
            Lease::Wait => v1::LeaseReply::default(),
            Lease::Leave => v1::LeaseReply { trials: vec![], drain: true },
        }))
    }

    async fn report(
        &self,
        request: Request<v1::ReportRequest>,
    ) -> Result<Response<v1::ReportReply>, Status> {
        let request = request.into_inner();
        let key = read_key(request.actor)?;
        let outcomes = request.outcomes.into_iter().map(TryInto::try_into);
        let outcomes = outcomes.collect::<Result<Vec<_>, WireError>>()?;
        self.shared.decide(|state, now| state.report(key, outcomes, now)).await?;
        Ok(Response::new(v1::ReportReply {}))
    }

    async fn register_learner(
        &self,
        request: Request<v1::RegisterLearnerRequest>,
    ) -> Result<Response<v1::RegisterLearnerReply>, Status> {
        let request = request.into_inner();
        check_protocol(request.protocol)?;
        check_text("host", &request.host)?;
        check_address(&request.address)?;
        let process = Newcomer { address: request.address, host: request.host, pid: request.pid };
        let life = self.seat(&process).await?;
        let Newcomer { address, pid, .. } = process;
        tracing::info!(address, pid, life, "learner registered");
        Ok(Response::new(v1::RegisterLearnerReply {
            experiment: self.shared.experiment.clone(),
            family: self.shared.family.clone(),
            life,
        }))
    }

    async fn submit(
        &self,
        request: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitReply>, Status> {
        let v1::SubmitRequest { trials, recollect } = request.into_inner();
        let trials = trials.into_iter().map(TryInto::try_into);
        let trials: Vec<Trial> = trials.collect::<Result<_, WireError>>()?;
        let take = |state: &mut State, _| match recollect {
            false => state.submit(trials),
            true => state.recollect(trials),
        };
        self.shared.decide(take).await?;
        Ok(Response::new(v1::SubmitReply {}))
    }

    type OutcomesStream = Pin<Box<ReceiverStream<Result<TrialOutcome, Status>>>>;

    async fn outcomes(
        &self,
        request: Request<v1::OutcomesRequest>,
    ) -> Result<Response<Self::OutcomesStream>, Status> {
        let v1::OutcomesRequest { from, realign } = request.into_inner();
        let follow = |state: &mut State, _| {
            if realign {
                state.realign_outcomes(from);
            }
            state.follow_outcomes(from)
        };
        self.shared.decide(follow).await?;
        let (sender, receiver) = tokio::sync::mpsc::channel(BATCH);
        let shared = Arc::clone(&self.shared);
        self.shared.tasks.spawn(send_outcomes(shared, from, sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn progress(
        &self,
        request: Request<v1::ProgressRequest>,
    ) -> Result<Response<v1::ProgressReply>, Status> {
        let v1::ProgressRequest { progress, life } = request.into_inner();
        let progress = progress.ok_or(WireError::Missing("progress"))?;
        check_progress(&progress)?;
        let evaluated = !progress.evaluations.is_empty();
        let report = |state: &mut State, now| state.progress(life, progress, now);
        let stop = match evaluated {
            true => {
                // Whatever becomes of the report, the learner is there.
                let now = self.now();
                self.shared.quietly(|state| state.seat.heard(life, now)).map_err(Refusal::from)?;
                self.shared.decide(report).await?
            }
            false => self.shared.change(report).0?,
        };
        Ok(Response::new(v1::ProgressReply { stop }))
    }

    async fn status(
        &self,
        request: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusReply>, Status> {
        let history = match request.get_ref().history {
            true => History::All,
            false => History::Newest,
        };
        Ok(Response::new(self.shared.status(history)))
    }

    async fn stop(&self, _: Request<v1::StopRequest>) -> Result<Response<v1::StopReply>, Status> {
        tracing::info!("asked to stop");
        self.shared.stop();
        Ok(Response::new(v1::StopReply {}))
    }
}

/// Feeds one stream of outcomes until the learner hangs up or the coordinator ends.
async fn send_outcomes(
    shared: Arc<Shared>,
    mut from: u64,
    sender: tokio::sync::mpsc::Sender<Result<TrialOutcome, Status>>,
) {
    loop {
        // The learner must not know of an outcome that a coordinator started again does not know.
        let batch = shared.until_written(|state| match state.outcomes.deliver(from, BATCH) {
            Ok(batch) if batch.is_empty() => None,
            other => Some(other),
        });
        let batch = tokio::select! {
            batch = batch => batch,
            () = sender.closed() => return,
            () = shared.closed.cancelled() => return,
        };
        let messages: Vec<Result<TrialOutcome, Status>> = match batch {
            Ok(outcomes) => outcomes.into_iter().map(|o| Ok(o.into())).collect(),
            Err(gone) => vec![Err(Refusal::from(gone).into())],
        };
        from += messages.len() as u64;
        for message in messages {
            let last = message.is_err();
            if sender.send(message).await.is_err() || last {
                return;
            }
        }
    }
}

fn read_key(wire: Option<v1::ActorKey>) -> Result<LifeKey, WireError> {
    let (actor, incarnation) = proto::convert::read_actor_key(wire)?;
    Ok(LifeKey { actor, incarnation })
}

fn check_protocol(got: u32) -> Result<(), WireError> {
    if got == PROTOCOL {
        return Ok(());
    }
    Err(WireError::Protocol { expected: PROTOCOL, got })
}

fn value(field: &'static str, expected: String, got: impl ToString) -> Refusal {
    Refusal::Value { field, expected, got: got.to_string() }
}

fn check_text(field: &'static str, text: &str) -> Result<(), Refusal> {
    if text.len() <= 256 {
        return Ok(());
    }
    let got = format!("{} bytes", text.len());
    Err(value(field, "at most 256 bytes".to_owned(), got))
}

fn check_address(address: &str) -> Result<(), Refusal> {
    let parts = address.rsplit_once(':');
    let port = parts.and_then(|(host, port)| {
        let named = !host.is_empty() && address.len() <= 256 && !address.contains(['/', ' ']);
        port.parse::<u16>().ok().filter(|port| named && *port > 0)
    });
    match port {
        Some(_) => Ok(()),
        None => {
            let got: String = address.chars().take(80).collect();
            Err(value("address", "host:port".to_owned(), got))
        }
    }
}

fn check_stats(stats: &v1::ActorStats) -> Result<(), Refusal> {
    let seconds = [
        ("waited_lease_s", stats.waited_lease_s),
        ("waited_upload_s", stats.waited_upload_s),
        ("waited_weights_s", stats.waited_weights_s),
    ];
    for (field, waited) in seconds {
        if !(waited.is_finite() && waited >= 0.0) {
            return Err(value(field, "seconds, 0 or above".to_owned(), waited));
        }
    }
    Ok(())
}

/// Metrics may be anything, a NaN loss too: they are shown. But not any number of them.
fn check_progress(progress: &v1::LearnerProgress) -> Result<(), Refusal> {
    check_text("phase", &progress.phase)?;
    let metrics = progress.metrics.len();
    if metrics > 1000 {
        return Err(value("metrics", "at most 1000".to_owned(), metrics));
    }
    Ok(())
}
