//! The command line.

mod certs;
mod connect;
mod eval;
mod latents;
mod options;
mod plot;
mod render;
mod resume;
mod serve;
mod session;
mod status;
mod stop;
mod submit;
mod tasks;
mod train;

pub(crate) use status::gone;

use clap::{Parser, Subcommand};
use std::io::Write as _;
use std::process::ExitCode;

/// Trains agents that work out which task they are in, and adapt.
///
/// One program for a whole run: it starts a learner and actors on this machine, follows them, and
/// keeps what comes of it in a run directory.
#[derive(Debug, Parser)]
#[command(
    name = "coordinator",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = "Examples:
  coordinator train configs/quickstart.toml              train, with live progress
  coordinator train configs/pearl/cheetah-vel.toml --actors 8 --seed 3
  coordinator train --resume runs/latest                 go on where a run was interrupted
  coordinator status --watch                             how is the newest run doing?
  coordinator eval runs/latest                           adapt to every task, return per episode
  coordinator plot runs/pearl-cheetah-vel/* -o curve.svg one curve, with a band over seeds

Exit codes: 0 = all is well, 1 = the run or the request failed, 64 = wrong usage or configuration;
`submit` passes on the code of the tool it calls."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train: start learner and actors on this machine and follow them to the end
    Train(options::Train),
    /// Coordinate a run whose learner and actors are started elsewhere
    Serve(options::Serve),
    /// Show how a run is doing
    Status(status::Status),
    /// Adapt to the tasks of a run with its newest checkpoint; a table, or JSON
    Eval(eval::Eval),
    /// Draw learning curves of runs as an SVG
    Plot(plot::Plot),
    /// Draw what agents believed about their tasks, as an SVG
    Latents(latents::Draw),
    /// End a run in order: actors hand over what they hold, the learner writes a checkpoint
    Stop(stop::Stop),
    /// Make an experiment ready for docker-compose, Slurm or Kubernetes: a folder to submit
    Render(render::Render),
    /// Render an experiment and hand it to docker-compose, sbatch or kubectl
    Submit(submit::Submit),
    /// Make certificates and a join token for runs on several machines
    Certs(certs::Certs),
    /// Look at tasks: list families, show what they are, play and draw episodes
    Tasks(tasks::Tasks),
}

/// How a command fails.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The user asked for something that cannot be. Exit code 64.
    Usage(anyhow::Error),
    /// It went wrong. Exit code 1.
    Run(anyhow::Error),
    /// A tool that was called failed, with this exit code.
    Tool(anyhow::Error, u8),
}

impl Failure {
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::Usage(error.into())
    }

    pub(crate) fn run(error: impl Into<anyhow::Error>) -> Self {
        Self::Run(error.into())
    }
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    let (error, code) = match execute(cli.command) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Usage(error)) => (error, 64),
        Err(Failure::Run(error)) => (error, 1),
        Err(Failure::Tool(error, code)) => (error, code),
    };
    complain(&format!("error: {error:#}"));
    ExitCode::from(code)
}

fn execute(command: Command) -> Result<(), Failure> {
    match command {
        Command::Train(options) => train::execute(&options),
        Command::Serve(options) => serve::execute(&options),
        Command::Status(options) => options.execute(),
        Command::Eval(options) => options.execute(),
        Command::Plot(options) => options.execute(),
        Command::Latents(options) => options.execute(),
        Command::Stop(options) => options.execute(),
        Command::Render(options) => options.execute(),
        Command::Submit(options) => options.execute(),
        Command::Certs(options) => options.execute(),
        Command::Tasks(options) => options.execute(),
    }
}

/// Help and version are no errors; wrong arguments are.
fn explain(error: &clap::Error) -> ExitCode {
    let help = matches!(
        error.kind(),
        clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion
    );
    if error.print().is_err() {
        return ExitCode::FAILURE;
    }
    ExitCode::from(if help { 0 } else { 64 })
}

/// To standard error. Nothing can be done if that is closed.
fn complain(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
