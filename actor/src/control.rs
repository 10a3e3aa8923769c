//! Calls to the coordinator.

use crate::retry;
use crate::{Board, Error};
use proto::connect::Channel;
use proto::tonic::{Code, Status};
use proto::v1::control_client::ControlClient;
use proto::{Credentials, PROTOCOL, Role, v1};
use runtime::Stop;
use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use types::{ActorId, Experiment, Incarnation};

const REGISTER: &str = "Register with the coordinator";

/// Where the coordinator is and how to come to it.
#[derive(Debug, Clone)]
pub struct Options {
    /// `host:port`.
    pub coordinator: String,
    /// For the coordinator and the learner.
    pub credentials: Credentials,
    /// The place in the fleet to take; `None` lets the coordinator choose.
    pub slot: Option<u32>,
    /// How long to go on when nobody answers at all.
    pub connect_timeout: Duration,
    /// How long to wait for a learner: for one to join the run, and for one that does not answer.
    pub learner_timeout: Duration,
    /// How long trials in hand may take to finish once the actor is told to leave.
    pub grace: Duration,
    /// Where the life that goes on is shown.
    pub board: Arc<Board>,
}

/// One life of this actor, as the coordinator granted it.
#[derive(Debug, Clone)]
pub(crate) struct Registration {
    /// `host:port` of the coordinator.
    pub(crate) address: String,
    pub(crate) control: ControlClient<Channel>,
    pub(crate) actor: ActorId,
    pub(crate) incarnation: Incarnation,
    /// `host:port`.
    pub(crate) learner: String,
    pub(crate) experiment: Experiment,
    pub(crate) heartbeat: Duration,
}

impl Registration {
    /// How the messages name this life.
    pub(crate) fn key(&self) -> Option<v1::ActorKey> {
        Some(proto::convert::actor_key(self.actor, self.incarnation))
    }
}

/// What a failed call means for the life of an actor.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The coordinator is away or busy.
    Transient(String),
    /// This life is over: the coordinator does not know it any more.
    Unknown,
    /// It will never work.
    Fatal(Error),
}

impl Failed {
    pub(crate) fn of(call: &'static str, status: &Status) -> Self {
        match status.code() {
            Code::NotFound => Self::Unknown,
            _ if proto::error::is_transient(status) => Self::Transient(status.to_string()),
            _ => Self::Fatal(Error::refused(call, status)),
        }
    }
}

/// Registers, once the coordinator has a learner; gives up when nobody has answered, or no learner
/// has joined, for the times in the options. `None` if told to stop before it worked.
pub(crate) async fn register(
    options: &Options,
    stop: &Stop,
) -> Result<Option<Registration>, Error> {
    let mut backoff = retry::backoff(std::process::id().into())?;
    let mut answered = Instant::now();
    let mut no_learner: Option<Instant> = None;
    while !stop.is_cancelled() {
        let left = match attempt(options).await? {
            Attempt::Registered(registration) => return Ok(Some(*registration)),
            Attempt::NoLearner(why) => {
                answered = Instant::now();
                if no_learner.is_none() {
                    let patience = options.learner_timeout;
                    tracing::info!(why, ?patience, "the run has no learner yet; waiting for one");
                }
                let since = *no_learner.get_or_insert(answered);
                let left = options.learner_timeout.saturating_sub(since.elapsed());
                if left.is_zero() {
                    return Err(Error::NoLearner {
                        coordinator: options.coordinator.clone(),
                        waited: options.learner_timeout,
                    });
                }
                left
            }
            Attempt::NoAnswer(last) => {
                let left = options.connect_timeout.saturating_sub(answered.elapsed());
                if left.is_zero() {
                    return Err(Error::Unreachable {
                        address: options.coordinator.clone(),
                        waited: options.connect_timeout,
                        last,
                    });
                }
                left
            }
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(backoff.next_delay().min(left)) => {}
        }
    }
    Ok(None)
}

enum Attempt {
    Registered(Box<Registration>),
    /// The coordinator says so.
    NoLearner(String),
    /// Nobody is there, or the call did not get through.
    NoAnswer(String),
}

async fn attempt(options: &Options) -> Result<Attempt, Error> {
    let Options { coordinator, credentials, .. } = options;
    let connecting = proto::connect::connect(coordinator, Role::Coordinator, credentials);
    let channel = match connecting.await {
        Ok(channel) => channel,
        Err(error) => return Ok(Attempt::NoAnswer(crate::error::chain(&error))),
    };
    let mut control = proto::connect::control(channel);
    let request = v1::RegisterRequest {
        protocol: PROTOCOL,
        actor: options.slot,
        host: host(),
        pid: std::process::id(),
    };
    match control.register(request).await {
        Ok(reply) => {
            let registration = read(&options.coordinator, reply.into_inner(), control)?;
            Ok(Attempt::Registered(Box::new(registration)))
        }
        // A status with a source is this side's word for a broken connection.
        Err(status) if status.code() == Code::Unavailable && status.source().is_none() => {
            Ok(Attempt::NoLearner(status.message().to_owned()))
        }
        Err(status) if proto::error::is_transient(&status) => {
            Ok(Attempt::NoAnswer(crate::error::chain(&status)))
        }
        Err(status) => Err(Error::refused(REGISTER, &status)),
    }
}

fn read(
    address: &str,
    reply: v1::RegisterReply,
    control: ControlClient<Channel>,
) -> Result<Registration, Error> {
    let unexpected = |expected, got| Error::Reply { call: REGISTER, expected, got };
    let (actor, incarnation) = proto::convert::read_actor_key(reply.actor)
        .map_err(|error| unexpected("the key of an actor", error.to_string()))?;
    let experiment: Experiment = serde_json::from_str(&reply.experiment)
        .map_err(|error| unexpected("an experiment as JSON", error.to_string()))?;
    experiment
        .validate()
        .map_err(|error| unexpected("an experiment that can be", error.to_string()))?;
    if reply.heartbeat_ms == 0 {
        return Err(unexpected("heartbeat_ms above 0", "0".to_owned()));
    }
    let learner = reply.learner.trim_end_matches('/');
    let learner = learner.strip_prefix("http://").unwrap_or(learner);
    Ok(Registration {
        address: address.to_owned(),
        control,
        actor,
        incarnation,
        learner: learner.to_owned(),
        experiment,
        heartbeat: Duration::from_millis(reply.heartbeat_ms.into()),
    })
}

/// The name of this machine, for people.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}
