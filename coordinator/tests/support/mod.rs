//! What the tests of this folder share.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

pub(crate) mod install;

use proto::connect::Channel;
use proto::v1;
use proto::v1::control_client::ControlClient;
use std::path::{Path, PathBuf};
use types::{EnvSpec, Experiment, FamilySpec, Parameter, ReferenceReturns, Split, Task, TaskRef};

pub(crate) const EXPERIMENT: &str = r#"
name = "stand-in"
seed = 7
[environment]
family = "flat"
[budget]
env_steps = 40
[actors]
count = 2
environments = 1
chunk = 10
unacknowledged = 100
step_timeout_s = 10.0
[collection]
mode = "async"
initial_episodes = 1
prior_episodes = 1
posterior_episodes = 1
extra_episodes = 0
samples_per_insert = 1.0
tolerance = 100
open_trials = 4
max_lag = 3
[inference]
latent = 2
next_observation = false
observe = "sample"
next_latent = "same"
context = { kind = "set", size = 8 }
encoder = { kind = "transitions", hidden = [4], merge = "product" }
head = []
posterior = { kind = "gaussian", variance = "softplus" }
prior = { kind = "standard" }
objective = { kind = "bellman", kl_weight = 0.1 }
[agent]
critic = "twin-q"
hidden = [4]
discount = 0.99
target_rate = 0.005
reward_scale = 1.0
temperature = { kind = "fixed", value = 1.0 }
mean_penalty = 0.0
log_std_penalty = 0.0
[learner]
device = "cpu"
threads = 1
tasks = 2
transitions = 8
learning_rate = 3e-4
publish_every = 10
checkpoint_seconds = 60.0
checkpoints = 3
[replay]
transitions_per_task = 1000
durability = "process"
segment_mib = 1
[evaluation]
every_env_steps = 20
episodes = 2
train_tasks = 1
repeats = 1
latents = 0
[network]
coordinator = "127.0.0.1:0"
learner = "127.0.0.1:0"
"#;

pub(crate) fn experiment() -> Experiment {
    let folder = tempfile::tempdir().unwrap();
    runtime::config::load(&experiment_file(folder.path()), &[]).unwrap()
}

pub(crate) fn experiment_file(folder: &Path) -> PathBuf {
    let file = folder.join("experiment.toml");
    std::fs::write(&file, EXPERIMENT).unwrap();
    file
}

pub(crate) fn family() -> FamilySpec {
    let task = |split, index| Task {
        id: TaskRef { split, index },
        parameters: vec![Parameter { name: "goal".to_owned(), value: 0.5 }],
    };
    FamilySpec {
        name: "flat".to_owned(),
        summary: "Nothing happens.".to_owned(),
        env: EnvSpec::new(1, 1, 5),
        train: (0..4).map(|i| task(Split::Train, i)).collect(),
        test: (0..2).map(|i| task(Split::Test, i)).collect(),
        reference: Some(ReferenceReturns { random: -10.0, oracle: 0.0 }),
    }
}

/// A trial of two episodes on a training task, or of two evaluation episodes on a test task.
pub(crate) fn trial(id: u64, evaluate: bool) -> v1::Trial {
    let (split, purpose) = if evaluate { (2, 2) } else { (1, 1) };
    v1::Trial {
        id,
        task: Some(v1::TaskRef { split, index: 1 }),
        purpose,
        phases: vec![v1::Phase { latent: 1, episodes: 2, context: true, ..Default::default() }],
        seed: id,
        min_version: 0,
        beliefs: 0,
    }
}

pub(crate) fn outcome(trial: &v1::Trial) -> v1::TrialOutcome {
    let episode = |task_return| v1::EpisodeOutcome {
        task_return,
        length: 5,
        end: 2,
        version: 0,
        beliefs: Vec::new(),
    };
    v1::TrialOutcome {
        trial: trial.id,
        task: trial.task,
        purpose: trial.purpose,
        episodes: vec![episode(-8.0), episode(-2.0)],
        failure: None,
    }
}

/// A connection to a coordinator, with the calls in short form.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) control: ControlClient<Channel>,
}

type Answer<T> = Result<T, proto::tonic::Status>;

impl Peer {
    pub(crate) async fn connect(address: &str) -> Self {
        let channel =
            proto::connect::connect(address, proto::Role::Coordinator, &proto::Credentials::none())
                .await
                .unwrap();
        Self { control: proto::connect::control(channel) }
    }

    pub(crate) async fn register(&mut self, actor: Option<u32>) -> Answer<v1::ActorKey> {
        let request = v1::RegisterRequest {
            protocol: proto::PROTOCOL,
            actor,
            host: "here".to_owned(),
            pid: std::process::id(),
        };
        let reply = self.control.register(request).await?.into_inner();
        assert!(reply.learner.starts_with("http://127.0.0.1:"));
        Ok(reply.actor.unwrap())
    }

    pub(crate) async fn register_learner(&mut self) -> Answer<v1::RegisterLearnerReply> {
        let request = v1::RegisterLearnerRequest {
            protocol: proto::PROTOCOL,
            address: "127.0.0.1:9".to_owned(),
            host: "here".to_owned(),
            pid: std::process::id(),
        };
        Ok(self.control.register_learner(request).await?.into_inner())
    }

    pub(crate) async fn heartbeat(
        &mut self,
        key: v1::ActorKey,
        stats: v1::ActorStats,
    ) -> Answer<bool> {
        let request = v1::HeartbeatRequest { actor: Some(key), stats: Some(stats), over: false };
        Ok(self.control.heartbeat(request).await?.into_inner().drain)
    }

    pub(crate) async fn lease(
        &mut self,
        key: v1::ActorKey,
        capacity: u32,
        wait_ms: u32,
    ) -> Answer<v1::LeaseReply> {
        let request = v1::LeaseRequest {
            actor: Some(key),
            capacity,
            version: Some(0),
            wait_ms,
            ..v1::LeaseRequest::default()
        };
        Ok(self.control.lease(request).await?.into_inner())
    }

    pub(crate) async fn report(
        &mut self,
        key: v1::ActorKey,
        outcomes: Vec<v1::TrialOutcome>,
    ) -> Answer<()> {
        let request = v1::ReportRequest { actor: Some(key), outcomes };
        self.control.report(request).await.map(drop)
    }

    pub(crate) async fn submit(&mut self, trials: Vec<v1::Trial>) -> Answer<()> {
        let request = v1::SubmitRequest { trials, recollect: false };
        self.control.submit(request).await.map(drop)
    }

    pub(crate) async fn progress(&mut self, progress: v1::LearnerProgress) -> Answer<bool> {
        let request = v1::ProgressRequest { progress: Some(progress), life: 0 };
        Ok(self.control.progress(request).await?.into_inner().stop)
    }
}
