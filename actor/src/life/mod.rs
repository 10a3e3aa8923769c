//! One life of an actor: from registration until it leaves or has to register again.
//!
//! The rollout has a thread of its own; tasks on one other thread move messages and tell this
//! supervisor what happens. Leaving has an order: no more leases; trials in hand are finished, or
//! given up when the time is over; what was made is uploaded; outcomes are reported; a last
//! heartbeat brings the final counts.

mod tasks;
mod watchdog;

use crate::Error;
use crate::control::{self, Options, Registration};
use crate::follow::Follow;
use crate::inbox::{Inbox, Online};
use crate::retry::Peer;
use crate::rollout::{Rollout, StepWatch};
use crate::stats::Stats;
use crate::upload::{Spool, Upload};
use envs::TaskFamily;
use nets::AgentSpec;
use runtime::Stop;
use std::sync::Arc;
use std::time::Duration;
use tasks::Tasks;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use types::Environment;
use watchdog::Hung;

/// How long uploading and reporting may take after the trials in hand are finished.
const FLUSH_GRACE: Duration = Duration::from_secs(5);
/// How long the last heartbeat may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// Events that may wait for the supervisor.
const EVENTS: usize = 8;

/// How a life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything is handed over; the process may end.
    Left,
    /// The actor should register again, under a new incarnation.
    Again,
}

/// What a task tells the supervisor.
#[derive(Debug)]
pub(crate) enum Event {
    /// The coordinator wants the actor to leave.
    Leave,
    /// The coordinator does not know this life any more.
    Unknown,
    /// Everything is uploaded and reported.
    Done,
    /// An environment does not return.
    Hung(Hung),
}

/// How long leaving may take.
#[derive(Debug, Clone, Copy)]
struct Ending {
    /// When trials in hand are given up.
    finish: Option<Instant>,
    /// When handing over is given up.
    flush: Option<Instant>,
}

/// Registers and works until told to leave, by `stop` or by the coordinator, and everything is
/// handed over; registers again when the coordinator has lost sight of this actor.
///
/// # Errors
/// [`Error`]: whatever trying again would not mend.
pub async fn run(options: Options, stop: &Stop) -> Result<(), Error> {
    run_with(options, envs::build, stop).await
}

/// Gives the task family that an experiment asks for.
pub type Build = fn(&Environment) -> Result<Box<dyn TaskFamily>, envs::Error>;

/// As [`run`], with other task families than the registered ones.
///
/// # Errors
/// As [`run`].
pub async fn run_with(mut options: Options, build: Build, stop: &Stop) -> Result<(), Error> {
    while let Some(registration) = control::register(&options, stop).await? {
        options.slot = Some(registration.actor.0);
        tracing::info!(
            actor = %registration.actor,
            incarnation = %registration.incarnation,
            learner = registration.learner,
            "registered"
        );
        let ended = Life::start(registration, &options, build)?.run(stop).await;
        options.board.end();
        if ended? == End::Left {
            break;
        }
    }
    tracing::info!("left");
    Ok(())
}

/// The parts of a running actor.
#[derive(Debug)]
pub(crate) struct Life {
    inbox: Arc<Inbox>,
    spool: Arc<Spool>,
    tasks: Arc<Tasks>,
    events: mpsc::Receiver<Event>,
    running: JoinSet<Result<(), Error>>,
    /// Tells how the rollout thread ended; `None` once that is known.
    rollout: Option<oneshot::Receiver<Result<(), Error>>>,
    /// How long trials in hand may take to finish after the actor is told to leave.
    grace: Duration,
}

impl Life {
    /// Starts all parts.
    fn start(registration: Registration, options: &Options, build: Build) -> Result<Self, Error> {
        let experiment = &registration.experiment;
        let family = build(&experiment.environment)?;
        let spec = AgentSpec::of(experiment, &family.spec());
        let actors = &experiment.actors;
        let (slots, chunk) = (actors.environments as usize, actors.chunk as usize);
        let (actor, incarnation) = (registration.actor, registration.incarnation);
        let stats = Arc::new(Stats::default());
        let inbox = Inbox::new(slots + ahead(slots));
        let limit = actors.unacknowledged as usize;
        let spool = Spool::new(actor, incarnation, limit, stats.clone());
        options.board.begin(stats.clone(), spool.clone());
        let link = Online { inbox: inbox.clone(), spool: spool.clone(), stats: stats.clone() };
        let networks = spec.clone();
        let watch = Arc::new(StepWatch::default());
        let watched = watch.clone();
        let rollout = move || Rollout::watched(family, &networks, slots, chunk, &watched);
        let rollout = spawn_rollout(link, rollout)?;
        let (sender, events) = mpsc::channel(EVENTS);
        let (inbox_too, spool_too) = (inbox.clone(), spool.clone());
        let (learner, address) = watch::channel(registration.learner.clone());
        let tasks = Tasks { registration, inbox, spool, stats, events: sender, learner };
        let tasks = Arc::new(tasks);
        let patience = options.learner_timeout;
        let learner = Peer::new(address, options.credentials.clone(), patience);
        let mut running = spawn_tasks(&tasks, learner, spec);
        running.spawn(tasks.clone().watchdog(watch));
        let grace = options.grace;
        let rollout = Some(rollout);
        Ok(Self { inbox: inbox_too, spool: spool_too, grace, tasks, events, running, rollout })
    }

    /// Works until told to leave, then leaves in order.
    pub(crate) async fn run(mut self, stop: &Stop) -> Result<End, Error> {
        let mut ending: Option<Ending> = None;
        loop {
            tokio::select! {
                Some(event) = self.events.recv() => match event {
                    Event::Leave => self.leave(&mut ending),
                    Event::Unknown => {
                        self.abandon().await?;
                        return Ok(if ending.is_some() { End::Left } else { End::Again });
                    }
                    Event::Hung(hung) => return Err(self.give_up(hung).await),
                    Event::Done => {
                        self.tasks.farewell(FAREWELL).await;
                        return Ok(End::Left);
                    }
                },
                () = stop.cancelled(), if ending.is_none() => self.leave(&mut ending),
                Some(ended) = self.running.join_next() => finished(ended)?,
                ended = wait_for(&mut self.rollout) => {
                    self.rollout = None;
                    ended?;
                    self.spool.end();
                    if let Some(ending) = &mut ending {
                        ending.flush = Some(Instant::now() + FLUSH_GRACE);
                    }
                }
                () = until(ending.and_then(|e| e.finish)), if self.rollout.is_some() => {
                    tracing::info!("giving up the trials in hand; they will be leased again");
                    ending = ending.map(|ending| Ending { finish: None, ..ending });
                    self.drop_trials();
                }
                () = until(ending.and_then(|e| e.flush)) => return Err(self.not_flushed()),
            }
        }
    }

    /// Finish within the grace period and end the process.
    fn leave(&mut self, ending: &mut Option<Ending>) {
        if ending.is_some() {
            return;
        }
        tracing::info!(grace = ?self.grace, "leaving");
        let now = Instant::now();
        *ending = Some(Ending {
            finish: Some(now + self.grace),
            flush: self.rollout.is_none().then(|| now + FLUSH_GRACE),
        });
        self.inbox.finish();
    }

    fn drop_trials(&self) {
        self.inbox.give_up();
        self.spool.refuse();
    }

    /// This life is over: nobody waits for what is in hand, because all of it is leased again.
    async fn abandon(mut self) -> Result<(), Error> {
        let (transitions, outcomes) = self.spool.left();
        tracing::warn!(
            transitions,
            outcomes,
            "the coordinator has declared this actor dead; what it held is leased again"
        );
        self.drop_trials();
        self.running.shutdown().await;
        wait_for(&mut self.rollout).await
    }

    fn not_flushed(&self) -> Error {
        let (left, reports) = self.spool.left();
        Error::NotFlushed { grace: self.grace + FLUSH_GRACE, left, reports }
    }
}

impl Drop for Life {
    /// However a life ends, its rollout thread does too.
    fn drop(&mut self) {
        self.drop_trials();
    }
}

/// Starts everything but the rollout.
fn spawn_tasks(tasks: &Arc<Tasks>, learner: Peer, spec: AgentSpec) -> JoinSet<Result<(), Error>> {
    let (newest, version) = watch::channel(None);
    let follow = Follow { learner: learner.clone(), spec, inbox: tasks.inbox.clone(), newest };
    let upload = Upload { learner, spool: tasks.spool.clone(), stats: tasks.stats.clone() };
    let mut running = JoinSet::new();
    running.spawn(upload.run());
    running.spawn(follow.run());
    running.spawn(tasks.clone().heartbeats());
    running.spawn(tasks.clone().leases(version));
    running.spawn(tasks.clone().reports());
    running
}

/// Trials leased ahead, so that a slot that is through need not wait for the network: few, because
/// other actors want trials too.
fn ahead(slots: usize) -> usize {
    slots.div_ceil(4)
}

fn finished(ended: Result<Result<(), Error>, tokio::task::JoinError>) -> Result<(), Error> {
    ended.unwrap_or_else(|error| Err(Error::Thread { thread: "task", got: error.to_string() }))
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Waits for the rollout thread to end; for ever if it has.
async fn wait_for(rollout: &mut Option<oneshot::Receiver<Result<(), Error>>>) -> Result<(), Error> {
    let Some(receiver) = rollout else {
        return std::future::pending().await;
    };
    receiver.await.unwrap_or_else(|_closed| {
        Err(Error::Thread { thread: "rollout", got: "a panic; see standard error".to_owned() })
    })
}

/// Builds the environments and rolls out on a thread of its own.
fn spawn_rollout(
    mut link: Online,
    build: impl FnOnce() -> Result<Rollout, Error> + Send + 'static,
) -> Result<oneshot::Receiver<Result<(), Error>>, Error> {
    let (sender, receiver) = oneshot::channel();
    let work = move || {
        let ended = build().and_then(|mut rollout| rollout.run(&mut link));
        if sender.send(ended).is_err() {
            tracing::debug!("nobody waits for the rollout thread");
        }
    };
    let spawned = std::thread::Builder::new().name("rollout".to_owned()).spawn(work);
    spawned.map_err(|error| Error::Thread { thread: "rollout", got: error.to_string() })?;
    Ok(receiver)
}
