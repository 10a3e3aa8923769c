//! The learner's side of the control plane: joining, asking for trials, outcomes, progress.

use crate::accounts::Told;
use crate::board::Board;
use crate::collect::Intake as _;
use crate::error::{Error, Result};
use crate::progress::{Reports, Standing};
use crate::replay::Store;
use crate::service::experience::Counters;
use crate::trainer::{Notice, Request};
use proto::connect::Channel;
use proto::tonic::{Code, Status};
use proto::v1::control_client::ControlClient;
use proto::{Credentials, Role, v1};
use runtime::Backoff;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use types::{Experiment, FamilySpec};

/// Time between two reports to the coordinator.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);
/// How long the coordinator may be away before the learner gives up. Long: it may be started again
/// without the learner noticing.
const PATIENCE: Duration = Duration::from_secs(300);
/// Pause before following outcomes anew.
const FOLLOW_AGAIN: Duration = Duration::from_millis(100);
/// How long a learner that is leaving waits for somebody to take its last report.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// A client of the control plane.
pub type Control = ControlClient<Channel>;

/// Connects to the coordinator, which may be starting itself.
///
/// # Errors
/// [`Error::Unreachable`] if nobody answers within `timeout`.
pub async fn connect(
    address: &str,
    credentials: &Credentials,
    timeout: Duration,
) -> Result<Channel> {
    let began = Instant::now();
    let mut backoff = backoff()?;
    loop {
        let error = match proto::connect::connect(address, Role::Coordinator, credentials).await {
            Ok(channel) => return Ok(channel),
            Err(error) => error,
        };
        let delay = backoff.next_delay();
        if began.elapsed() + delay >= timeout {
            let why = with_causes(&error);
            return Err(Error::Unreachable { address: address.to_owned(), timeout, why });
        }
        tokio::time::sleep(delay).await;
    }
}

/// An error with what caused it, each once.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// Joins the run; gives what to do, and the number of this life of the learner.
///
/// # Errors
/// If the coordinator is not there, refuses, or sends something that cannot be read.
pub async fn register(control: &Control, address: String) -> Result<(Experiment, FamilySpec, u64)> {
    let request = v1::RegisterLearnerRequest {
        protocol: proto::PROTOCOL,
        address,
        host: host(),
        pid: std::process::id(),
    };
    let reply = persist("register with the coordinator", PATIENCE, || {
        let (mut control, request) = (control.clone(), request.clone());
        async move { control.register_learner(request).await }
    })
    .await?
    .into_inner();
    let unreadable =
        |what| move |error: serde_json::Error| Error::Message { what, why: error.to_string() };
    let experiment: Experiment =
        serde_json::from_str(&reply.experiment).map_err(unreadable("experiment"))?;
    let family = serde_json::from_str(&reply.family).map_err(unreadable("task family"))?;
    Ok((experiment, family, reply.life))
}

/// Passes trials on to the coordinator.
///
/// # Errors
/// If the coordinator refuses, or is away for too long.
pub async fn submit(control: Control, mut requests: mpsc::Receiver<Request>) -> Result<()> {
    while let Some(Request { trials, recollect }) = requests.recv().await {
        let trials = trials.into_iter().map(Into::into).collect();
        let request = v1::SubmitRequest { trials, recollect };
        persist("ask for trials", PATIENCE, || {
            let (mut control, request) = (control.clone(), request.clone());
            async move { control.submit(request).await }
        })
        .await?;
    }
    Ok(())
}

/// Passes outcomes on to the trainer, those at position `from` of the coordinator's list and later,
/// across reconnects without loss or repetition. After each reconnect the trainer is asked to say
/// again what it waits for: the coordinator may have been started again, and on a machine that
/// stopped it forgets the last moments.
///
/// # Errors
/// If the coordinator refuses, is away for too long, or sends something that cannot be read.
pub async fn outcomes(
    control: Control,
    mut from: u64,
    trainer: mpsc::Sender<Notice>,
    store: Arc<Store>,
) -> Result<()> {
    let mut realign = false;
    loop {
        let request = v1::OutcomesRequest { from, realign };
        let followed = persist("follow outcomes", PATIENCE, || {
            let mut control = control.clone();
            async move { control.outcomes(request).await }
        });
        let mut stream = match followed.await {
            Ok(reply) => reply.into_inner(),
            Err(error) if !realign && disagrees(&error) => {
                tracing::warn!(%error, "collecting what is open again");
                realign = true;
                continue;
            }
            Err(error) => return Err(error),
        };
        let again = Notice::Again { recollect: std::mem::take(&mut realign) };
        if trainer.send(again).await.is_err() {
            return Ok(());
        }
        loop {
            match stream.message().await {
                Ok(Some(outcome)) => {
                    from += 1;
                    let outcome = outcome.try_into().map_err(unreadable)?;
                    if trainer.send(Notice::Outcome(outcome)).await.is_err() {
                        return Ok(());
                    }
                    store.notify();
                }
                Ok(None) => break,
                Err(status) if proto::error::is_transient(&status) => break,
                Err(status) => return Err(refused("follow outcomes", status)),
            }
        }
        tokio::time::sleep(FOLLOW_AGAIN).await;
    }
}

/// Whether the coordinator's list of outcomes has not come to the position, or is behind it.
fn disagrees(error: &Error) -> bool {
    matches!(error, Error::Coordinator { status, .. } if status.code() == Code::OutOfRange)
}

fn unreadable(error: proto::WireError) -> Error {
    Error::Message { what: "outcome", why: error.to_string() }
}

/// What a progress report is made of besides the trainer's standing.
#[derive(Debug)]
pub struct Counts {
    /// The replay.
    pub store: Arc<Store>,
    /// The experience service.
    pub service: Arc<Counters>,
    /// Which life of the learner reports.
    pub life: u64,
    /// Where the report is shown to others than the coordinator.
    pub board: Arc<Board>,
}

/// Reports until the coordinator says stop, which cancels `stop`; keeps reporting until `ended`,
/// with one last report then.
///
/// # Errors
/// If the coordinator refuses, or is away for too long.
pub async fn progress(
    control: Control,
    mut reports: Reports,
    counts: Counts,
    stop: CancellationToken,
    ended: CancellationToken,
) -> Result<()> {
    let mut ticks = tokio::time::interval(PROGRESS_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told = Told::default();
    // Until the coordinator has answered.
    let mut evaluations = Vec::new();
    loop {
        let last = tokio::select! {
            _ = ticks.tick() => false,
            () = ended.cancelled() => true,
        };
        if last {
            // An earlier report may have been given up half-way.
            told = Told::default();
        }
        let mut report = counts.report(reports.standing.borrow().clone(), &mut told);
        while let Ok(evaluation) = reports.evaluations.try_recv() {
            evaluations.push(evaluation);
        }
        report.evaluations.clone_from(&evaluations);
        counts.board.show(&report);
        let request = v1::ProgressRequest { progress: Some(report), life: counts.life };
        let leaving = last || stop.is_cancelled();
        let patience = if leaving { LAST_PATIENCE } else { PATIENCE };
        let report = persist("report progress", patience, || {
            let (mut control, request) = (control.clone(), request.clone());
            async move { control.progress(request).await }
        });
        let reply = tokio::select! {
            reply = report => match reply {
                Ok(reply) => reply,
                // All is saved. A scheduler would take an error for a reason to start it again.
                Err(error) if last && error.is_transient() => {
                    tracing::warn!(%error, "nobody is left to take the last report");
                    return Ok(());
                }
                // The coordinator has left first; the last checkpoint is still being written.
                Err(error) if leaving && error.is_transient() => {
                    tracing::debug!(%error, "nobody takes a report any more");
                    continue;
                }
                Err(error) => return Err(error),
            },
            // Told to leave while the coordinator is away: the last report is to come.
            () = stop.cancelled(), if !leaving => continue,
        };
        counts.board.answered();
        evaluations.clear();
        if reply.into_inner().stop {
            stop.cancel();
        }
        if last {
            return Ok(());
        }
    }
}

impl Counts {
    fn report(&self, standing: Option<Standing>, told: &mut Told) -> v1::LearnerProgress {
        let Self { store, service, .. } = self;
        let mut report = v1::LearnerProgress {
            phase: "starting".to_owned(),
            env_steps: store.inserted(),
            transitions_stored: store.stored(),
            transitions_inserted: store.written(),
            transitions_discarded: store.discarded(),
            log_bytes: store.log().bytes(),
            paused: store.full().unwrap_or_default(),
            transitions_acknowledged: service.acknowledged(),
            transitions_duplicated: store.duplicated(),
            chunks_refused: service.refused.load(Ordering::Relaxed),
            resident_bytes: runtime::memory::resident_bytes().unwrap_or(0),
            stored: told.news(store.accounts()),
            ..v1::LearnerProgress::default()
        };
        if let Some(standing) = standing {
            report.phase = standing.phase.name().to_owned();
            report.device = standing.device;
            report.updates = standing.updates;
            report.samples_per_insert = standing.samples_per_insert;
            report.version = standing.version;
            report.failure = standing.failure;
            report.checkpoint_updates = standing.checkpoint_updates;
            report.outcomes = standing.outcomes;
            if report.paused.is_empty() {
                report.paused = standing.paused;
            }
            report.metrics = standing.metrics;
            report.metrics.insert("lag_mean".to_owned(), store.mean_lag());
            report.metrics.insert("store_s".to_owned(), service.storing().as_secs_f64());
        }
        report
    }
}

/// Tries a call again while it fails for a reason that may pass, for up to `patience`.
async fn persist<T, F, Call>(action: &'static str, patience: Duration, call: F) -> Result<T>
where
    F: Fn() -> Call,
    Call: Future<Output = std::result::Result<T, Status>>,
{
    let began = Instant::now();
    let mut backoff = backoff()?;
    loop {
        match call().await {
            Ok(answer) => return Ok(answer),
            Err(status) if proto::error::is_transient(&status) && began.elapsed() < patience => {
                tracing::debug!(action, code = ?status.code(), "trying again");
                tokio::time::sleep(backoff.next_delay()).await;
            }
            Err(status) => return Err(refused(action, status)),
        }
    }
}

fn backoff() -> Result<Backoff> {
    let (shortest, longest) = (Duration::from_millis(50), Duration::from_secs(2));
    Backoff::new(shortest, longest, 2.0, 0.3, u64::from(std::process::id()))
        .map_err(|error| Error::Message { what: "back-off", why: error.to_string() })
}

/// The name of this machine, for people.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

fn refused(action: &'static str, status: Status) -> Error {
    Error::Coordinator { action, status: Box::new(status) }
}
