//! What actors need around them: the learner's real services, and a coordinator that registers
//! everybody and leases trials without end.

use crate::measure::rollouts::MakeTrial;
use crate::measure::{cheetah, process};
use anyhow::bail;
use learner::collect::Intake as _;
use learner::publish::{self, Publisher};
use learner::replay::{RowLayout, Store};
use learner::service::{self, experience::Counters};
use proto::tonic::{Request, Response, Status};
use proto::v1;
use proto::v1::control_server::{Control, ControlServer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tests::replay::{Replay, Sizes};
use tokio::net::TcpListener;
use tokio_stream::Empty;
use tokio_util::sync::{CancellationToken, DropGuard};
use types::{Experiment, Purpose};

/// Rows kept per task; the oldest give way.
const ROWS: usize = 10_000;
/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);
const HEARTBEAT_MS: u32 = 500;

/// Services on the loopback, until this is dropped.
#[derive(Debug)]
pub(crate) struct World {
    store: Replay,
    counters: Arc<Counters>,
    coordinator: String,
    /// Followers stay connected while there is a publisher.
    _publisher: Publisher,
    _stop: DropGuard,
}

impl World {
    /// Serves `experiment` with random weights of version 0, and leases trials that `trial` makes.
    pub(crate) async fn start(experiment: &Experiment, trial: MakeTrial) -> anyhow::Result<Self> {
        let family = envs::build(&experiment.environment)?;
        let layout = RowLayout::new(&family.spec(), experiment.inference.next_observation);
        let tasks = family.tasks(types::Split::Train).len();
        let sizes = Sizes { tasks, transitions: ROWS, context: 400 };
        let replay = Replay::empty(family.spec(), layout, sizes)?;
        let store = replay.store();
        let counters = Arc::new(Counters::default());
        let (spec, params) = cheetah::agent(experiment)?;
        let (mut publisher, weights) = publish::channel();
        publisher.publish(nets::write_agent(&spec, &params)?);

        let stop = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let coordinator = Coordinator {
            learner: format!("http://{}", listener.local_addr()?),
            experiment: serde_json::to_string(experiment)?,
            tasks: u32::try_from(tasks)?,
            trial,
            store: store.clone(),
            lives: AtomicU64::new(0),
            leased: AtomicU64::new(0),
        };
        let served = service::Served {
            store,
            counters: counters.clone(),
            durability: experiment.replay.durability,
            weights,
        };
        tokio::spawn(service::serve(listener, proto::Credentials::none(), served, stop.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let server = proto::connect::server().add_service(ControlServer::new(coordinator));
        let incoming = proto::connect::incoming(listener, &proto::Credentials::none());
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(server.serve_with_incoming_shutdown(incoming, stopped));
        let _stop = stop.drop_guard();
        Ok(Self { store: replay, counters, coordinator: address, _publisher: publisher, _stop })
    }

    /// `host:port` for actors.
    pub(crate) fn coordinator(&self) -> &str {
        &self.coordinator
    }

    /// Transitions acknowledged so far.
    pub(crate) fn transitions(&self) -> u64 {
        self.counters.acknowledged()
    }

    /// Waits until so many transitions are acknowledged, while all `actors` work.
    pub(crate) async fn stored(
        &self,
        actors: &mut [process::Actor],
        transitions: u64,
    ) -> anyhow::Result<()> {
        let start = Instant::now();
        while self.transitions() < transitions {
            if start.elapsed() > PATIENCE {
                let got = self.transitions();
                bail!("expected {transitions} transitions within {PATIENCE:?}, got {got}");
            }
            actors.iter_mut().try_for_each(process::Actor::alive)?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        debug_assert!(self.store.stored() >= transitions);
        Ok(())
    }
}

/// Registers everybody; has work for all.
#[derive(Debug)]
struct Coordinator {
    learner: String,
    experiment: String,
    tasks: u32,
    trial: MakeTrial,
    store: Arc<Store>,
    lives: AtomicU64,
    leased: AtomicU64,
}

#[proto::tonic::async_trait]
impl Control for Coordinator {
    type OutcomesStream = Empty<Result<v1::TrialOutcome, Status>>;

    async fn register(
        &self,
        request: Request<v1::RegisterRequest>,
    ) -> Result<Response<v1::RegisterReply>, Status> {
        let actor = request.into_inner().actor.unwrap_or(0);
        let incarnation = self.lives.fetch_add(1, Ordering::Relaxed);
        Ok(Response::new(v1::RegisterReply {
            actor: Some(v1::ActorKey { actor, incarnation }),
            learner: self.learner.clone(),
            experiment: self.experiment.clone(),
            heartbeat_ms: HEARTBEAT_MS,
        }))
    }

    async fn heartbeat(
        &self,
        _: Request<v1::HeartbeatRequest>,
    ) -> Result<Response<v1::HeartbeatReply>, Status> {
        Ok(Response::new(v1::HeartbeatReply { drain: false, learner: String::new() }))
    }

    async fn lease(
        &self,
        request: Request<v1::LeaseRequest>,
    ) -> Result<Response<v1::LeaseReply>, Status> {
        let one = |_| {
            let task = cheetah::task(self.leased.fetch_add(1, Ordering::Relaxed), self.tasks);
            (self.trial)(self.store.expect_trial(task, Purpose::Train, u32::MAX), task).into()
        };
        let trials = (0..request.into_inner().capacity).map(one).collect();
        Ok(Response::new(v1::LeaseReply { trials, drain: false }))
    }

    async fn report(
        &self,
        _: Request<v1::ReportRequest>,
    ) -> Result<Response<v1::ReportReply>, Status> {
        Ok(Response::new(v1::ReportReply {}))
    }

    async fn register_learner(
        &self,
        _: Request<v1::RegisterLearnerRequest>,
    ) -> Result<Response<v1::RegisterLearnerReply>, Status> {
        Err(unused())
    }

    async fn submit(
        &self,
        _: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitReply>, Status> {
        Err(unused())
    }

    async fn outcomes(
        &self,
        _: Request<v1::OutcomesRequest>,
    ) -> Result<Response<Self::OutcomesStream>, Status> {
        Err(unused())
    }

    async fn progress(
        &self,
        _: Request<v1::ProgressRequest>,
    ) -> Result<Response<v1::ProgressReply>, Status> {
        Err(unused())
    }

    async fn status(
        &self,
        _: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusReply>, Status> {
        Err(unused())
    }

    async fn stop(&self, _: Request<v1::StopRequest>) -> Result<Response<v1::StopReply>, Status> {
        Err(unused())
    }
}

fn unused() -> Status {
    Status::unimplemented("actors alone are served here")
}
