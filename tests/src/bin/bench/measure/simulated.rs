//! An actor without environments: random numbers where episodes would be.

use anyhow::{Context as _, bail, ensure};
use proto::connect::Channel;
use proto::v1::control_client::ControlClient;
use proto::{Credentials, v1};
use rand::RngExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_stream::wrappers::ReceiverStream;
use types::{
    ActorId, Chunk, End, EnvSpec, Experiment, Incarnation, Origin, Role, Segment, Sequence, Trial,
    Version, stream,
};

/// Chunks handed to the connection beyond what its window holds.
const IN_FLIGHT: usize = 8;
/// Transitions on their way at most, as for a real actor of this experiment.
const UNACKNOWLEDGED: u64 = 4096;
const LEASE_WAIT_MS: u32 = 1000;
/// Registrations go on for so long while there is no learner.
const JOINING: Duration = Duration::from_secs(30);

/// One that works in the background until dropped.
#[derive(Debug)]
pub(crate) struct Simulated {
    acknowledged: watch::Receiver<u64>,
    working: JoinHandle<anyhow::Result<()>>,
}

impl Simulated {
    /// So many of them, all joined.
    pub(crate) async fn join_all(
        coordinator: &str,
        count: u32,
        gate: &Arc<Semaphore>,
    ) -> anyhow::Result<Vec<Self>> {
        let mut joining = JoinSet::new();
        for place in 0..count {
            joining.spawn(Self::join(coordinator.to_owned(), place, gate.clone()));
        }
        let mut actors = Vec::new();
        while let Some(joined) = joining.join_next().await {
            actors.push(joined??);
        }
        Ok(actors)
    }

    /// Registers, sends heartbeats from now on, and opens the stream of experience; pushes once
    /// `gate` lets it.
    async fn join(coordinator: String, place: u32, gate: Arc<Semaphore>) -> anyhow::Result<Self> {
        let join = Worker::join(&coordinator, place);
        let (worker, acknowledged) =
            tokio::time::timeout(JOINING, join).await.context("join")??;
        let working = tokio::spawn(worker.work(gate));
        Ok(Self { acknowledged, working })
    }

    /// Transitions acknowledged to it so far.
    pub(crate) fn acknowledged(&self) -> u64 {
        *self.acknowledged.borrow()
    }

    /// An error if it has given up.
    pub(crate) fn still_works(&mut self) -> anyhow::Result<()> {
        ensure!(!self.working.is_finished(), "expected a simulated actor that works, got an end");
        Ok(())
    }

    /// Ends it; what was acknowledged to it.
    pub(crate) async fn leave(self) -> u64 {
        self.working.abort();
        // Ends as told, or has ended before.
        self.working.await.ok();
        *self.acknowledged.borrow()
    }
}

struct Worker {
    control: ControlClient<Channel>,
    key: v1::ActorKey,
    spec: EnvSpec,
    chunks: mpsc::Sender<v1::Chunk>,
    sequence: u64,
    sent: u64,
    acknowledged: watch::Receiver<u64>,
    reading: JoinHandle<anyhow::Result<()>>,
    beating: JoinHandle<anyhow::Result<()>>,
}

impl Worker {
    async fn join(coordinator: &str, place: u32) -> anyhow::Result<(Self, watch::Receiver<u64>)> {
        let channel =
            proto::connect::connect(coordinator, proto::Role::Coordinator, &Credentials::none())
                .await?;
        let mut control = proto::connect::control(channel);
        let request = v1::RegisterRequest {
            protocol: proto::PROTOCOL,
            actor: Some(place),
            host: "simulated".to_owned(),
            pid: place,
        };
        let reply = control.register(request).await?.into_inner();
        let key = reply.actor.context("expected the key of an actor")?;
        let experiment: Experiment = serde_json::from_str(&reply.experiment)?;
        let spec = envs::build(&experiment.environment)?.spec();
        let learner = reply.learner.trim_start_matches("http://").to_owned();
        let mut experience = proto::connect::experience(
            proto::connect::connect(&learner, proto::Role::Learner, &Credentials::none()).await?,
        );
        let (chunks, outgoing) = mpsc::channel(IN_FLIGHT);
        let mut acks = experience.push(ReceiverStream::new(outgoing)).await?.into_inner();
        let (sender, acknowledged) = watch::channel(0);
        let reading = tokio::spawn(async move {
            while let Some(ack) = acks.message().await? {
                sender.send_replace(ack.transitions);
            }
            anyhow::Ok(())
        });
        let every = Duration::from_millis(reply.heartbeat_ms.into());
        let beating = tokio::spawn(beat(control.clone(), key, acknowledged.clone(), every));
        let seen = acknowledged.clone();
        let worker = Self {
            control,
            key,
            spec,
            chunks,
            sequence: 0,
            sent: 0,
            acknowledged,
            reading,
            beating,
        };
        Ok((worker, seen))
    }

    async fn work(mut self, gate: Arc<Semaphore>) -> anyhow::Result<()> {
        drop(gate.acquire().await?);
        loop {
            let request = v1::LeaseRequest {
                actor: Some(self.key),
                capacity: 1,
                version: Some(0),
                wait_ms: LEASE_WAIT_MS,
                ..v1::LeaseRequest::default()
            };
            for trial in self.control.lease(request).await?.into_inner().trials {
                self.run(trial.try_into()?).await?;
            }
        }
    }

    /// Pushes all episodes of a trial, waits until they are acknowledged, and reports.
    async fn run(&mut self, trial: Trial) -> anyhow::Result<()> {
        let segment = self.segment()?;
        let episodes: u32 = trial.phases.iter().map(|phase| phase.episodes).sum();
        let context = |episode: u32| {
            let mut first = 0;
            let phase = trial.phases.iter().find(|phase| {
                first += phase.episodes;
                episode < first
            });
            phase.is_some_and(|phase| phase.context)
        };
        for episode in 0..episodes {
            let chunk = Chunk {
                origin: Origin {
                    actor: ActorId(self.key.actor),
                    incarnation: Incarnation(self.key.incarnation),
                    sequence: Sequence(self.sequence),
                },
                trial: trial.id,
                task: trial.task,
                episode,
                offset: 0,
                context: context(episode),
                policy_version: Version(0),
                encoder_version: Version(0),
                segment: segment.clone(),
            };
            self.push(proto::chunk::encode(&chunk)).await?;
        }
        let sent = self.sent;
        self.acknowledged.wait_for(|acknowledged| *acknowledged >= sent).await?;
        self.report(&trial, episodes).await
    }

    /// An episode as long as they get.
    fn segment(&self) -> anyhow::Result<Segment> {
        let EnvSpec { observation_dim, action_dim, horizon, shaped_reward, .. } = self.spec;
        let mut rng = stream(1, Role::Environment, self.sequence, self.key.incarnation);
        let mut numbers = |count: usize| -> Vec<f32> {
            (0..count).map(|_| rng.random_range(-1.0..=1.0)).collect()
        };
        let shaped = if shaped_reward { horizon } else { 0 };
        Ok(Segment::new(
            &self.spec,
            numbers((horizon + 1) * observation_dim),
            numbers(horizon * action_dim),
            numbers(horizon),
            numbers(shaped),
            Some(End::Truncated),
        )?)
    }

    async fn push(&mut self, chunk: v1::Chunk) -> anyhow::Result<()> {
        self.sent += u64::from(chunk.len);
        let sent = self.sent;
        let room = |acknowledged: &u64| sent - acknowledged <= UNACKNOWLEDGED;
        self.acknowledged.wait_for(room).await?;
        self.sequence += 1;
        if self.chunks.send(chunk).await.is_err() {
            bail!("expected the stream of experience to stay open, got its end");
        }
        Ok(())
    }

    async fn report(&mut self, trial: &Trial, episodes: u32) -> anyhow::Result<()> {
        let length = u32::try_from(self.spec.horizon)?;
        let episode = v1::EpisodeOutcome {
            task_return: 0.0,
            length,
            end: 2,
            version: 0,
            beliefs: Vec::new(),
        };
        let wire = v1::Trial::from(trial.clone());
        let outcome = v1::TrialOutcome {
            trial: wire.id,
            task: wire.task,
            purpose: wire.purpose,
            episodes: vec![episode; episodes as usize],
            ..v1::TrialOutcome::default()
        };
        let request = v1::ReportRequest { actor: Some(self.key), outcomes: vec![outcome] };
        self.control.report(request).await?;
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.reading.abort();
        self.beating.abort();
    }
}

async fn beat(
    mut control: ControlClient<Channel>,
    key: v1::ActorKey,
    acknowledged: watch::Receiver<u64>,
    every: Duration,
) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let transitions = *acknowledged.borrow();
        let stats = v1::ActorStats {
            env_steps: transitions,
            transitions_sent: transitions,
            transitions_acknowledged: transitions,
            ..v1::ActorStats::default()
        };
        let request = v1::HeartbeatRequest { actor: Some(key), stats: Some(stats), over: false };
        control.heartbeat(request).await?;
    }
}
