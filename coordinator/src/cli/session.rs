//! What `train` and `serve` have in common: a control plane with a run directory, recorded and
//! shown until it is over.

use super::Failure;
use super::options::Common;
use super::resume::Past;
use crate::append::is_full;
use crate::journal::Entry;
use crate::learner::PATIENCE;
use crate::logs;
use crate::metrics::Told;
use crate::output;
use crate::programs;
use crate::run::directory::ADDRESS;
use crate::run::{Recorder, RunDir, Subject, Summary, summary};
use crate::scores::Scores;
use crate::server::{Handle, Server};
use crate::shared::{Beginning, Setup};
use crate::view::{View, text};
use anyhow::Context as _;
use proto::Credentials;
use proto::connect::ListenError;
use proto::v1::StatusReply;
use runtime::metrics::Endpoint;
use runtime::telemetry::{self, Recent};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;
use types::{Experiment, FamilySpec};

/// How often progress is recorded and shown.
pub(super) const TICK: Duration = Duration::from_millis(500);

/// A run, as long as it lasts.
pub(super) struct Session {
    pub(super) run: RunDir,
    pub(super) handle: Handle,
    /// `host:port` at which processes of this machine reach the control plane.
    pub(super) address: String,
    pub(super) view: View,
    server: Server,
    subject: Subject,
    recorder: Recorder,
    /// Of the newest evaluation that this process has recorded.
    scores: Option<Scores>,
    /// The files of the run cannot be written at the moment.
    full: bool,
    _log: telemetry::Guard,
}

impl Session {
    /// Asks for the family, binds, makes the run directory or opens that of the `past`, serves.
    /// Nothing is left behind if the configuration is wrong.
    pub(super) async fn start(
        common: &Common,
        experiment: Experiment,
        past: Option<Past>,
        members: Members,
    ) -> Result<Self, Failure> {
        check_log_filter()?;
        let family = match &past {
            Some(past) => past.family.clone(),
            None => describe(&experiment)?,
        };
        let credentials = common.credentials()?;
        let network = &experiment.network;
        let wanted = wanted_address(&experiment, past.as_ref(), members);
        let listener = listen(common, &credentials, "network.coordinator", &wanted).await?;
        if members == Members::Here {
            // Given back at once: the learner takes it.
            drop(listen(common, &credentials, "network.learner", &network.learner).await?);
        }
        let metrics = match common.metrics {
            Some(listen) => Some(Endpoint::bind(listen).await.map_err(Failure::usage)?),
            None => None,
        };
        let bound = listener.local_addr().map_err(Failure::run)?;
        let address = reachable(bound).to_string();
        let advertised = match &common.advertise {
            Some(host) => format!("{host}:{}", bound.port()),
            None => address.clone(),
        };
        let lost = past.as_ref().map_or(0, |past| past.lost);
        let (run, entries) = match past {
            Some(past) => {
                past.run.write(ADDRESS, &advertised).map_err(Failure::run)?;
                (past.run, Some(past.entries))
            }
            None => {
                let run = RunDir::create(&common.place(), &experiment, &family, &advertised);
                (run.map_err(Failure::usage)?, None)
            }
        };
        let recent = Recent::default();
        let log = telemetry::init_shown("coordinator", Some(&run.logs()), &recent);
        let log = log.map_err(Failure::usage)?;
        let resumed = entries.is_some();
        if lost > 0 {
            tracing::warn!(bytes = lost, "the journal ends in a record that was cut short");
        }
        let setup = Setup {
            experiment: &experiment,
            family: &family,
            run_dir: run.path(),
            beginning: members.beginning(entries),
            learner_timeout: members.learner_timeout(),
            credentials: &credentials,
        };
        let server = Server::start(setup, listener).map_err(Failure::run)?;
        server.handle().show_log(recent.clone());
        tokio::spawn(logs::follow(run.logs(), recent));
        if let Some(endpoint) = metrics {
            tokio::spawn(endpoint.serve(Arc::new(Told(server.handle()))));
        }
        let recorder = Recorder::open(run.path(), &experiment.inference, &family)
            .context("open the files of the run")
            .map_err(Failure::run)?;
        tracing::info!(%address, experiment = experiment.name, seed = experiment.seed, resumed, "run started");
        let view = match common.quiet {
            true => View::silent(),
            false => View::new(experiment.budget.env_steps),
        };
        Ok(Self {
            handle: server.handle(),
            run,
            address,
            view,
            server,
            subject: Subject { experiment, family, git: summary::revision() },
            recorder,
            scores: None,
            full: false,
            _log: log,
        })
    }

    /// Records and shows what is new. A full disk is no failure: what matters is recorded later.
    pub(super) fn tick(&mut self) -> Result<(), Failure> {
        let status = self.handle.status();
        match self.record(&status) {
            Ok(()) => self.note_recording(None),
            Err(error) if is_full(&error) => self.note_recording(Some(error.to_string())),
            Err(error) => return Err(error).context("record the progress").map_err(Failure::run),
        }
        self.view.tick(&status);
        Ok(())
    }

    /// Says once that the files cannot be written, and once that they can again.
    fn note_recording(&mut self, trouble: Option<String>) {
        let full = trouble.is_some();
        if full != self.full {
            let folder = self.run.path().display();
            match &trouble {
                Some(why) => {
                    tracing::error!("{folder} cannot be written ({why}); the run goes on");
                    self.view.say(&format!(
                        "{folder} cannot be written ({why}); make room, evaluations are recorded then"
                    ));
                }
                None => {
                    tracing::info!("{folder} can be written again");
                    self.view.say(&format!("{folder} can be written again"));
                }
            }
        }
        self.full = full;
        self.handle.note_recording(trouble);
    }

    fn record(&mut self, status: &StatusReply) -> std::io::Result<()> {
        let wall = self.handle.wall();
        self.handle.note_wall(wall);
        for evaluation in self.handle.unrecorded() {
            let scores = self.recorder.evaluation(status, &evaluation, wall)?;
            self.handle.note_recorded(evaluation.number);
            self.view.evaluation(wall.as_secs_f64(), &evaluation, scores);
            self.scores = Some(scores);
        }
        self.recorder.tick(status, wall)
    }

    /// Writes the summary, closes the control plane, and says how it went. `killed` are the
    /// processes that had not left when their time was up.
    pub(super) async fn finish(
        mut self,
        failure: Option<anyhow::Error>,
        killed: Vec<String>,
    ) -> Result<(), Failure> {
        let recorded = self.tick();
        self.view.end();
        let why = failure.as_ref().map(|error| format!("{error:#}"));
        let wall = self.handle.wall();
        let mut summary = Summary::of(&self.subject, &self.handle, wall, why, killed);
        if let Some(scores) = self.scores {
            summary.eval = scores;
        }
        summary.write(&self.run).map_err(Failure::run)?;
        self.run.forget_address();
        self.server.close().await;
        let folder = self.run.path().display();
        if !summary.killed.is_empty() {
            let names = summary.killed.join(", ");
            output::line(format!("killed, for they had not left when their time was up: {names}"));
        }
        if let Some(error) = failure {
            let error = error.context(format!("the run failed; its logs are in {folder}/logs"));
            return Err(Failure::run(error));
        }
        recorded?;
        say_result(&summary, &folder.to_string());
        Ok(())
    }
}

/// Where the members of a run are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Members {
    /// Processes of this machine, which end with this one.
    Here,
    /// Elsewhere: they go on without this process. A learner may be away for so long.
    Elsewhere { learner_timeout: Duration },
}

impl Members {
    fn beginning(self, entries: Option<Vec<Entry>>) -> Beginning {
        match (entries, self) {
            (None, _) => Beginning::New,
            (Some(entries), Self::Here) => Beginning::WithoutMembers(entries),
            (Some(entries), Self::Elsewhere { .. }) => Beginning::Continued(entries),
        }
    }

    fn learner_timeout(self) -> Duration {
        match self {
            Self::Here => PATIENCE,
            Self::Elsewhere { learner_timeout } => learner_timeout,
        }
    }
}

/// Members that are elsewhere look for the control plane where it was.
fn wanted_address(experiment: &Experiment, past: Option<&Past>, members: Members) -> String {
    let wanted = &experiment.network.coordinator;
    let port = past.and_then(|past| past.port).filter(|_| members != Members::Here);
    match (wanted.parse::<SocketAddr>(), port) {
        (Ok(address), Some(port)) if address.port() == 0 => {
            SocketAddr::new(address.ip(), port).to_string()
        }
        _ => wanted.clone(),
    }
}

fn describe(experiment: &Experiment) -> Result<FamilySpec, Failure> {
    programs::describe_environment(&experiment.environment).map_err(|error| match error {
        programs::Error::Refused { message, .. } => {
            Failure::usage(anyhow::anyhow!("environment: {message}"))
        }
        other => Failure::run(other),
    })
}

fn say_result(summary: &Summary, folder: &str) {
    let folder = short_path(folder);
    output::line(format!(
        "\n{}: {} env steps, {} updates in {}",
        summary.result,
        summary.env_steps,
        summary.updates,
        text::duration(summary.wall_s)
    ));
    output::line(format!("return: {}", text::scores(&summary.eval)));
    output::line(format!(
        "\nrun directory  {folder}\n\
         learning curve coordinator plot {folder}\n\
         per task       coordinator eval {folder}\n\
         tensorboard    tensorboard --logdir {folder}\n\
         all in one     {folder}/summary.json"
    ));
}

/// Relative to where the user is, if it lies below.
fn short_path(folder: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let below = std::path::Path::new(folder).strip_prefix(&here);
    below.map_or_else(|_| folder.to_owned(), |path| path.display().to_string())
}

/// Listens where the experiment says under `key`.
async fn listen(
    common: &Common,
    credentials: &Credentials,
    key: &str,
    address: &str,
) -> Result<TcpListener, Failure> {
    let listening = proto::connect::listen(address, credentials, common.exposure());
    listening.await.map_err(|error| {
        let advice = match error {
            ListenError::Bind { .. } => {
                format!("; choose another port, or 0 for a free one (--set {key}=127.0.0.1:0)")
            }
            ListenError::Exposed { .. } => String::new(),
        };
        Failure::usage(anyhow::anyhow!("{key}: {error}{advice}"))
    })
}

/// Logging starts when there is a run directory; that it can start is known before.
fn check_log_filter() -> Result<(), Failure> {
    let filter = std::env::var("RUST_LOG").unwrap_or_default();
    if filter.trim().is_empty() {
        return Ok(());
    }
    let checked = EnvFilter::try_new(&filter);
    checked.map(drop).map_err(|error| Failure::usage(telemetry::Error::Filter(error)))
}

/// An address that listens everywhere is reached through this machine's own.
fn reachable(bound: SocketAddr) -> SocketAddr {
    match bound {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, v6.port()).into(),
        other => other,
    }
}

/// The runtime of the coordinator; it only moves messages.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("start the runtime")
        .map_err(Failure::run)?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}
