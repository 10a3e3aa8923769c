//! The learner process.

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use runtime::Stop;
use std::net::SocketAddr;
use std::path::PathBuf;
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
    /// Where to listen for actors; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Folder for checkpoints.
    #[arg(long)]
    run_dir: PathBuf,
    /// Folder for the log; standard error without it.
    #[arg(long)]
    log_dir: Option<PathBuf>,
    /// End when standard input closes, that is, when the process that started this one has ended.
    #[arg(long)]
    exit_with_parent: bool,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let Command::Run(arguments) = Arguments::parse().command;
    let _log = runtime::telemetry::init("learner", arguments.log_dir.as_deref())?;
    let stop = Stop::on_signals().context("install signal handlers")?;
    if arguments.exit_with_parent {
        stop.exit_with_parent(Duration::from_secs(10)).context("watch the parent process")?;
    }
    let Run { coordinator, listen, run_dir, .. } = arguments;
    let options = learner::Options { coordinator, listen, run_dir };
    learner::run(options, stop.token().clone()).await.inspect_err(|error| {
        tracing::error!(%error, "the learner ends");
    })?;
    Ok(())
}
