//! The learner process.

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use learner::{Board, Start};
use proto::connect::Exposure;
use proto::{Credentials, Role};
use runtime::metrics::{Endpoint, Listen};
use runtime::{CredentialFiles, Stop};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Trains encoder and agent on what actors send, and publishes weights back.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Join a run. Usually started by `coordinator train`.
    Run(Run),
}

#[derive(Debug, clap::Args)]
struct Run {
    /// host:port of the coordinator.
    #[arg(long)]
    coordinator: String,
    /// Seconds to wait for the coordinator's first answer.
    #[arg(long, default_value_t = 30)]
    connect_timeout: u64,
    /// Where to listen for actors; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    /// What actors are told, where they reach it by another address than it listens on (a
    /// container, a port that is passed on). Without a port, that of --listen.
    #[arg(long, value_name = "HOST[:PORT]")]
    advertise: Option<String>,
    #[command(flatten)]
    credentials: CredentialFiles,
    /// Listen where other machines can reach it although nothing is encrypted or authenticated.
    #[arg(long)]
    insecure: bool,
    /// Folder for checkpoints.
    #[arg(long)]
    run_dir: PathBuf,
    /// Go on with what is in --run-dir: the newest good checkpoint and the experience behind it.
    /// Without either, training begins anew.
    #[arg(long)]
    resume: bool,
    /// Answer /metrics (for Prometheus) and /healthz here: a port of this machine, or an address
    /// such as 0.0.0.0:9100 to be reached from others.
    #[arg(long, value_name = "ADDR")]
    metrics: Option<Listen>,
    /// Folder for the log; standard error without it.
    #[arg(long)]
    log_dir: Option<PathBuf>,
    /// End when standard input closes, that is, when the process that started this one has ended.
    #[arg(long)]
    exit_with_parent: bool,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let Command::Run(arguments) = Arguments::parse().command;
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Run) -> anyhow::Result<()> {
    let _log = runtime::telemetry::init("learner", arguments.log_dir.as_deref())?;
    let stop = Stop::on_signals().context("install signal handlers")?;
    if arguments.exit_with_parent {
        stop.exit_with_parent(Duration::from_secs(10)).context("watch the parent process")?;
    }
    let board = Arc::new(Board::default());
    if let Some(listen) = arguments.metrics {
        tokio::spawn(Endpoint::bind(listen).await?.serve(board.clone()));
    }
    let start = if arguments.resume { Start::Resume } else { Start::Anew };
    let Run { coordinator, listen, advertise, run_dir, .. } = arguments;
    let CredentialFiles { tls, token_file } = arguments.credentials;
    let credentials = Credentials::open(Role::Learner, tls.as_deref(), token_file.as_deref())?;
    let exposure = if arguments.insecure { Exposure::Insecure } else { Exposure::Guarded };
    let connect_timeout = Duration::from_secs(arguments.connect_timeout);
    let options = learner::Options {
        coordinator,
        connect_timeout,
        credentials,
        listen,
        exposure,
        advertise,
        run_dir,
        start,
        board,
    };
    Ok(learner::run(options, stop.token().clone()).await?)
}
