//! What `train` and `serve` have in common: a control plane with a run directory, recorded and
//! shown until it is over.

use super::Failure;
use super::options::Common;
use crate::metrics::Told;
use crate::output;
use crate::programs;
use crate::run::{Recorder, RunDir, Subject, Summary, summary};
use crate::server::{Handle, Server};
use crate::view::{View, text};
use anyhow::Context as _;
use proto::Credentials;
use proto::connect::ListenError;
use runtime::metrics::Endpoint;
use runtime::telemetry;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;
use types::Experiment;

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
    started: Instant,
    _log: telemetry::Guard,
}

impl Session {
    /// Asks for the family, binds, makes the run directory, serves. Nothing is left behind if the
    /// configuration is wrong. `learner_here`: the learner will be started on this machine, so that
    /// its address can be tried.
    pub(super) async fn start(
        common: &Common,
        experiment: Experiment,
        learner_here: bool,
    ) -> Result<Self, Failure> {
        check_log_filter()?;
        let family = programs::describe(&experiment.environment.family);
        let family = family.map_err(|error| match error {
            programs::Error::Refused { message } => {
                Failure::usage(anyhow::anyhow!("environment.family: {message}"))
            }
            other => Failure::run(other),
        })?;
        let credentials = common.credentials()?;
        let network = &experiment.network;
        let listener = listen(common, &credentials, "network.coordinator", &network.coordinator);
        let listener = listener.await?;
        if learner_here {
            // Given back at once: the learner takes it.
            drop(listen(common, &credentials, "network.learner", &network.learner).await?);
        }
        let metrics = match common.metrics {
            Some(listen) => Some(Endpoint::bind(listen).await.map_err(Failure::usage)?),
            None => None,
        };
        let bound = listener.local_addr().map_err(Failure::run)?;
        let address = reachable(bound).to_string();
        let run = RunDir::create(&common.place(), &experiment, &family, &address)
            .map_err(Failure::usage)?;
        let log = telemetry::init("coordinator", Some(&run.logs()));
        let log = log.map_err(Failure::usage)?;
        let shown = run.path().display().to_string();
        let server = Server::start(&experiment, &family, shown, listener, &credentials)
            .map_err(Failure::run)?;
        if let Some(endpoint) = metrics {
            tokio::spawn(endpoint.serve(Arc::new(Told(server.handle()))));
        }
        let recorder = Recorder::create(run.path(), family.reference)
            .context("start the files of the run")
            .map_err(Failure::run)?;
        tracing::info!(%address, experiment = experiment.name, seed = experiment.seed, "run started");
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
            started: Instant::now(),
            _log: log,
        })
    }

    /// Records and shows what is new.
    pub(super) fn tick(&mut self) -> Result<(), Failure> {
        self.record().context("record the progress").map_err(Failure::run)
    }

    fn record(&mut self) -> std::io::Result<()> {
        let status = self.handle.status();
        let wall = self.started.elapsed();
        for evaluation in self.handle.take_evaluations() {
            let scores = self.recorder.evaluation(&status, &evaluation, wall)?;
            let wall_s = wall.as_secs_f64();
            self.view.evaluation(wall_s, &evaluation, scores);
        }
        self.recorder.tick(&status, wall)?;
        self.view.tick(&status);
        Ok(())
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
        let wall = self.started.elapsed();
        let summary = Summary::of(&self.subject, &self.handle, wall, why, killed);
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
