//! A coordinator and a learner that an actor can be tested against: all three services on one
//! port, everything in memory, every rule of the protocol asserted.

#![allow(dead_code, reason = "each test file uses a part of it")]

use crate::fixtures::{experiment, weights};
use proto::pieces::Weights;
use proto::tonic::{Request, Response, Status, Streaming};
use proto::v1;
use proto::v1::control_server::{Control, ControlServer};
use proto::v1::experience_server::{Experience, ExperienceServer};
use proto::v1::weights_server::{Weights as WeightsService, WeightsServer};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use types::{Behaviour, LatentSource, Phase, Purpose, Split, TaskRef, Trial, TrialId, Version};

/// PEARL's trial: a prior episode for context, then posterior ones.
pub(crate) fn trial(id: u64, purpose: Purpose) -> Trial {
    let phase = |latent, episodes, context| Phase {
        latent,
        episodes,
        context,
        behaviour: Behaviour::Policy,
    };
    Trial {
        id: TrialId(id),
        task: TaskRef { split: Split::Train, index: u32::try_from(id % 7).unwrap() },
        purpose,
        phases: vec![phase(LatentSource::Prior, 1, true), phase(LatentSource::Posterior, 2, false)],
        seed: id,
        min_version: Version(1),
        beliefs: 0,
    }
}

/// What the two have seen, and how they are to behave.
#[derive(Default)]
pub(crate) struct State {
    /// Trials to be leased.
    pub(crate) trials: VecDeque<Trial>,
    /// Make up training trials when there are none left.
    pub(crate) endless: bool,
    /// Incarnations that are alive.
    pub(crate) alive: BTreeSet<u64>,
    /// Actors by incarnation, in the order of registration.
    pub(crate) registered: Vec<(u64, Option<u32>)>,
    /// Trials by the incarnation that holds them.
    pub(crate) leased: BTreeMap<u64, Vec<Trial>>,
    /// Outcomes by trial.
    pub(crate) outcomes: BTreeMap<u64, v1::TrialOutcome>,
    /// Lengths of stored chunks by incarnation.
    pub(crate) stored: BTreeMap<u64, Vec<u64>>,
    /// Chunks stored by the address that they came to.
    pub(crate) stored_at: BTreeMap<u32, u64>,
    /// Transitions stored by trial.
    pub(crate) of_trial: BTreeMap<u64, u64>,
    /// When the first chunk was stored.
    pub(crate) first_stored: Option<Instant>,
    /// The newest statistics by incarnation.
    pub(crate) stats: BTreeMap<u64, v1::ActorStats>,
    /// Versions that acted in stored chunks.
    pub(crate) versions: BTreeSet<u64>,
    /// Tell actors to leave.
    pub(crate) drain: bool,
    /// Refuse the next chunk.
    pub(crate) refuse: bool,
    /// Lose the next lease reply.
    pub(crate) lose_lease: bool,
    /// Store nothing, acknowledge nothing.
    pub(crate) silent: bool,
    /// Registrations to be put off because there is no learner.
    pub(crate) not_ready: u32,
    /// Where actors are told that the learner is; without it, here.
    pub(crate) learner: Option<String>,
    /// Where heartbeats are told that it is now; without it, nothing is said.
    pub(crate) moved_to: Option<String>,
    /// Lives that have said that they are over.
    pub(crate) over: BTreeSet<u64>,
    /// The experiment's `actors.step_timeout_s`; with it, trials may fail.
    pub(crate) step_timeout_s: Option<f64>,
    /// Why trials failed.
    pub(crate) failures: BTreeMap<u64, String>,
    /// Numbers of the newest lease requests by incarnation.
    pub(crate) lease_numbers: BTreeMap<u64, u64>,
}

/// Coordinator and learner in one.
#[derive(Clone)]
pub(crate) struct World {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<()>,
    weights: watch::Sender<Weights>,
    pub(crate) address: String,
    /// Which of the learner's addresses this answers at; 0 is that of the coordinator.
    door: u32,
}

impl World {
    /// Serves on a free port.
    pub(crate) async fn start(state: State) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let world = Self {
            state: Arc::new(Mutex::new(state)),
            changed: watch::Sender::new(()),
            weights: watch::Sender::new(weights(1)),
            address: listener.local_addr().unwrap().to_string(),
            door: 0,
        };
        let server = proto::connect::server()
            .add_service(ControlServer::new(world.clone()))
            .add_service(ExperienceServer::new(world.clone()))
            .add_service(WeightsServer::new(world.clone()))
            .serve_with_incoming(proto::connect::incoming(listener, &proto::Credentials::none()));
        tokio::spawn(server);
        world
    }

    /// Serves the learner's part at one more address.
    pub(crate) async fn open_learner_at(&self, door: u32) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let world = Self { door, ..self.clone() };
        let server = proto::connect::server()
            .add_service(ExperienceServer::new(world.clone()))
            .add_service(WeightsServer::new(world))
            .serve_with_incoming(proto::connect::incoming(listener, &proto::Credentials::none()));
        tokio::spawn(server);
        address
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn publish(&self, version: u64) {
        self.weights.send_replace(weights(version));
    }

    /// Waits until `condition` holds.
    pub(crate) async fn until(&self, mut condition: impl FnMut(&State) -> bool) {
        let mut changed = self.changed.subscribe();
        while !condition(&self.state()) {
            changed.changed().await.unwrap();
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.send_replace(());
        result
    }

    fn store(&self, chunk: v1::Chunk) -> Result<v1::Ack, Status> {
        let family = envs::find("point-robot").unwrap();
        let chunk = proto::chunk::CheckedChunk::check(chunk, &family.spec())?;
        self.change(|state| {
            if state.refuse {
                return Err(Status::invalid_argument("unknown trial: expected 0 to 9, got 10"));
            }
            let stored = state.stored.entry(chunk.origin.incarnation.0).or_default();
            let sequence = usize::try_from(chunk.origin.sequence.0).unwrap();
            assert!(sequence <= stored.len(), "a gap in the sequence");
            if sequence == stored.len() {
                stored.push(chunk.len() as u64);
                *state.of_trial.entry(chunk.trial.0).or_default() += chunk.len() as u64;
                state.versions.insert(chunk.policy_version.0);
                *state.stored_at.entry(self.door).or_default() += 1;
                state.first_stored.get_or_insert_with(Instant::now);
            }
            Ok(v1::Ack { next_sequence: stored.len() as u64, transitions: stored.iter().sum() })
        })
    }
}

impl State {
    fn known(&self, actor: Option<v1::ActorKey>) -> Result<u64, Status> {
        let incarnation = actor.unwrap().incarnation;
        match self.alive.contains(&incarnation) {
            true => Ok(incarnation),
            false => Err(Status::not_found("no such actor")),
        }
    }

    fn lease(&mut self, request: &v1::LeaseRequest) -> Result<v1::LeaseReply, Status> {
        let incarnation = self.known(request.actor)?;
        assert!(request.version.is_some(), "no lease before the first weights");
        assert!((1..=5).contains(&request.capacity), "4 slots and 1 ahead");
        let before = self.lease_numbers.insert(incarnation, request.number).unwrap_or(0);
        assert!(request.number > before, "requests are numbered in order");
        if let Some(holding) = &request.holding {
            self.release_others(incarnation, &holding.trials);
        }
        let mut trials = Vec::new();
        while trials.len() < request.capacity as usize {
            if self.trials.is_empty() && self.endless {
                let made = self.leased.values().map(|l| l.len() as u64).sum();
                self.trials.push_back(trial(made, Purpose::Train));
            }
            let Some(trial) = self.trials.pop_front() else {
                break;
            };
            self.leased.entry(incarnation).or_default().push(trial.clone());
            trials.push(trial.into());
        }
        if std::mem::take(&mut self.lose_lease) {
            return Err(Status::unavailable("the reply is lost"));
        }
        let drain = self.drain;
        Ok(v1::LeaseReply { trials, drain })
    }

    fn report(&mut self, request: v1::ReportRequest) -> Result<(), Status> {
        self.known(request.actor)?;
        for outcome in request.outcomes {
            let length: u64 = outcome.episodes.iter().map(|e| u64::from(e.length)).sum();
            let stored = self.of_trial.get(&outcome.trial).copied().unwrap_or(0);
            let expected = if outcome.purpose == 1 { length } else { 0 };
            let failed = outcome.failure.is_some();
            assert!(failed || stored == expected, "reported before all is stored, or sent twice");
            if let Some(why) = &outcome.failure {
                assert!(self.step_timeout_s.is_some(), "{why}");
                self.failures.insert(outcome.trial, why.clone());
            }
            self.outcomes.insert(outcome.trial, outcome);
        }
        Ok(())
    }

    /// Gives back what is leased to a life and has not reached it.
    fn release_others(&mut self, incarnation: u64, holding: &[u64]) {
        let leased = self.leased.entry(incarnation).or_default();
        let known: BTreeSet<u64> = leased.iter().map(|trial| trial.id.0).collect();
        assert!(holding.iter().all(|id| known.contains(id)), "holds what was not leased to it");
        let done = |trial: &Trial| self.outcomes.contains_key(&trial.id.0);
        let here = |trial: &Trial| holding.contains(&trial.id.0);
        let (stay, lost) =
            std::mem::take(leased).into_iter().partition(|trial| here(trial) || done(trial));
        *leased = stay;
        self.trials.extend::<Vec<Trial>>(lost);
    }

    /// Gives back the unreported trials of lives before `incarnation`.
    fn release(&mut self) {
        for trial in std::mem::take(&mut self.leased).into_values().flatten() {
            if !self.outcomes.contains_key(&trial.id.0) {
                self.of_trial.remove(&trial.id.0);
                self.trials.push_back(trial);
            }
        }
    }
}

#[proto::tonic::async_trait]
impl Control for World {
    type OutcomesStream = ReceiverStream<Result<v1::TrialOutcome, Status>>;

    async fn register(
        &self,
        request: Request<v1::RegisterRequest>,
    ) -> Result<Response<v1::RegisterReply>, Status> {
        let request = request.into_inner();
        assert_eq!(request.protocol, proto::PROTOCOL);
        let incarnation = self.change(|state| {
            if state.not_ready > 0 {
                state.not_ready -= 1;
                return Err(Status::unavailable("no learner yet"));
            }
            let incarnation = 100 + state.registered.len() as u64;
            state.registered.push((incarnation, request.actor));
            state.alive = BTreeSet::from([incarnation]);
            state.release();
            Ok(incarnation)
        })?;
        let learner = self.state().learner.clone().unwrap_or_else(|| self.address.clone());
        let mut told = experiment();
        if let Some(seconds) = self.state().step_timeout_s {
            told.actors.step_timeout_s = seconds;
        }
        Ok(Response::new(v1::RegisterReply {
            actor: Some(v1::ActorKey { actor: request.actor.unwrap_or(6), incarnation }),
            learner: format!("http://{learner}"),
            experiment: serde_json::to_string(&told).unwrap(),
            heartbeat_ms: 20,
        }))
    }

    async fn heartbeat(
        &self,
        request: Request<v1::HeartbeatRequest>,
    ) -> Result<Response<v1::HeartbeatReply>, Status> {
        let request = request.into_inner();
        let drain = self.change(|state| {
            let incarnation = state.known(request.actor)?;
            state.stats.insert(incarnation, request.stats.unwrap());
            if request.over {
                assert!(state.over.insert(incarnation), "a life ends once");
            }
            Ok::<_, Status>(state.drain)
        })?;
        let learner = self.state().moved_to.clone().unwrap_or_default();
        Ok(Response::new(v1::HeartbeatReply { drain, learner }))
    }

    async fn lease(
        &self,
        request: Request<v1::LeaseRequest>,
    ) -> Result<Response<v1::LeaseReply>, Status> {
        let request = request.into_inner();
        self.change(|state| state.lease(&request)).map(Response::new)
    }

    async fn report(
        &self,
        request: Request<v1::ReportRequest>,
    ) -> Result<Response<v1::ReportReply>, Status> {
        self.change(|state| state.report(request.into_inner()))?;
        Ok(Response::new(v1::ReportReply {}))
    }

    async fn register_learner(
        &self,
        _: Request<v1::RegisterLearnerRequest>,
    ) -> Result<Response<v1::RegisterLearnerReply>, Status> {
        Err(Status::unimplemented("not for actors"))
    }

    async fn submit(
        &self,
        _: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitReply>, Status> {
        Err(Status::unimplemented("not for actors"))
    }

    async fn outcomes(
        &self,
        _: Request<v1::OutcomesRequest>,
    ) -> Result<Response<Self::OutcomesStream>, Status> {
        Err(Status::unimplemented("not for actors"))
    }

    async fn progress(
        &self,
        _: Request<v1::ProgressRequest>,
    ) -> Result<Response<v1::ProgressReply>, Status> {
        Err(Status::unimplemented("not for actors"))
    }

    async fn status(
        &self,
        _: Request<v1::StatusRequest>,
    ) -> Result<Response<v1::StatusReply>, Status> {
        Err(Status::unimplemented("not for actors"))
    }

    async fn stop(&self, _: Request<v1::StopRequest>) -> Result<Response<v1::StopReply>, Status> {
        Err(Status::unimplemented("not for actors"))
    }
}

#[proto::tonic::async_trait]
impl Experience for World {
    type PushStream = ReceiverStream<Result<v1::Ack, Status>>;

    async fn push(
        &self,
        request: Request<Streaming<v1::Chunk>>,
    ) -> Result<Response<Self::PushStream>, Status> {
        let (sender, receiver) = mpsc::channel(4);
        let (world, mut chunks) = (self.clone(), request.into_inner());
        tokio::spawn(async move {
            while let Ok(Some(chunk)) = chunks.message().await {
                if world.state().silent {
                    continue;
                }
                if sender.send(world.store(chunk)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

#[proto::tonic::async_trait]
impl WeightsService for World {
    type FollowStream = ReceiverStream<Result<v1::Piece, Status>>;

    async fn follow(
        &self,
        request: Request<v1::FollowRequest>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        let (sender, receiver) = mpsc::channel(4);
        let mut newest = self.weights.subscribe();
        let have = request.into_inner().have;
        tokio::spawn(async move {
            loop {
                let weights = newest.borrow_and_update().clone();
                if have.is_none_or(|have| weights.version.0 > have) {
                    for piece in proto::pieces::cut(&weights) {
                        if sender.send(Ok(piece)).await.is_err() {
                            return;
                        }
                    }
                }
                if newest.changed().await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}
