//! The command line.

mod look;

use actor::{Board, Error, Options, Splits};
use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use envs::TaskFamily;
use proto::{Credentials, Role};
use runtime::metrics::{Endpoint, Listen};
use runtime::{CredentialFiles, Stop};
use serde::Serialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use types::{Environment, Experiment};

/// How long a process whose parent has ended may take to leave.
const ORPHAN_GRACE: Duration = Duration::from_secs(3);

/// Steps environments, acts, and streams experience to the learner.
///
/// An actor belongs to a run: `coordinator train` starts some on its machine, and on a cluster the
/// scheduler does. The other commands need no run.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    /// End when standard input closes: for a parent that holds the other end of the pipe
    #[arg(long, global = true)]
    exit_with_parent: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Join a run and work until told to leave
    Run(Run),
    /// List the task families by suite, as JSON
    Families,
    /// Print all there is to know about a task family, as JSON
    Describe(Describe),
    /// Play adaptation trials with the weights of a checkpoint; results as JSON
    Evaluate(Evaluate),
    /// Print what a task family is in words and numbers, as JSON
    Show(look::Show),
    /// Play episodes of a task; a line of JSON for each event
    Rollout(look::Rollout),
    /// Play episodes of a task and keep pictures of them; a line of JSON for each event
    Render(look::Render),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Describe {
    /// Name of the family; `actor families` lists them
    family: Option<String>,
    /// What an experiment has under [environment], as JSON: the family with all that it puts around
    /// it
    #[arg(long, value_name = "JSON")]
    environment: Option<String>,
}

#[derive(Debug, Args)]
struct Run {
    /// Where the coordinator listens
    #[arg(long, value_name = "HOST:PORT")]
    coordinator: String,
    /// Place in the fleet to take; without it the coordinator chooses
    #[arg(long, value_name = "N")]
    slot: Option<u32>,
    /// Seconds to keep trying when the coordinator cannot be reached
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    connect_timeout: u64,
    /// Seconds to wait for a learner to join the run, or to answer again
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    learner_timeout: u64,
    /// Seconds that trials in hand may take to finish once told to leave; then they are given up,
    /// and leased again to other actors
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    grace: u64,
    /// Answer /metrics (for Prometheus) and /healthz here: a port of this machine, or an address
    /// such as 0.0.0.0:9100 to be reached from others
    #[arg(long, value_name = "ADDR")]
    metrics: Option<Listen>,
    #[command(flatten)]
    credentials: CredentialFiles,
    /// Folder for the log; without it the log goes to standard error
    #[arg(long, value_name = "DIR")]
    log_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Evaluate {
    /// Weights as the learner publishes and keeps them
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    /// The effective experiment of the run: JSON, or TOML if the name ends in .toml
    #[arg(long, value_name = "FILE")]
    experiment: PathBuf,
    /// Adaptation episodes per trial; the return of the last one counts [default: the experiment's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    episodes: Option<u32>,
    /// Trials per task, which are averaged [default: the experiment's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repeats: Option<u32>,
    /// Decides everything random [default: the experiment's]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Which tasks
    #[arg(long, value_enum, default_value = "both")]
    split: Which,
    /// Print what the agent believed of the task at so many moments of each episode, the last at
    /// its end: before the results, a line of JSON for each episode
    #[arg(long, value_name = "N", default_value_t = 0,
        value_parser = clap::value_parser!(u32).range(..=1000))]
    beliefs: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// As many training tasks as the experiment evaluates
    Train,
    /// All test tasks
    Test,
    /// Both
    Both,
}

impl Cli {
    /// Does what the command line says.
    pub(crate) fn execute(self) -> anyhow::Result<()> {
        let parent = match self.exit_with_parent {
            true => Parent::HoldsThePipe,
            false => Parent::IsNotWatched,
        };
        if let Command::Run(options) = self.command {
            return options.execute(parent);
        }
        // The others have nothing to hand over.
        parent.watch(&Stop::new(), Duration::ZERO).context("watch the parent process")?;
        match self.command {
            Command::Run(_) => Ok(()),
            Command::Families => print(&actor::suites()),
            Command::Describe(what) => print(&envs::describe(&what.family()?)?),
            Command::Evaluate(options) => options.execute(),
            Command::Show(options) => options.execute(),
            Command::Rollout(options) => options.execute(),
            Command::Render(options) => options.execute(),
        }
    }
}

/// What whoever started this process has to do with its end.
#[derive(Debug, Clone, Copy)]
enum Parent {
    HoldsThePipe,
    IsNotWatched,
}

impl Parent {
    fn watch(self, stop: &Stop, grace: Duration) -> std::io::Result<()> {
        match self {
            Self::HoldsThePipe => stop.exit_with_parent(grace),
            Self::IsNotWatched => Ok(()),
        }
    }
}

impl Describe {
    fn family(&self) -> anyhow::Result<Box<dyn TaskFamily>> {
        let Some(json) = &self.environment else {
            let name = self.family.as_deref().unwrap_or_default();
            return Ok(Box::new(envs::find(name)?));
        };
        let environment: Environment =
            serde_json::from_str(json).with_context(|| format!("--environment {json}"))?;
        Ok(envs::build(&environment)?)
    }
}

impl Run {
    fn execute(self, parent: Parent) -> anyhow::Result<()> {
        let process = match self.slot {
            Some(slot) => format!("actor-{slot}"),
            None => format!("actor-pid{}", std::process::id()),
        };
        let _log = runtime::telemetry::init(&process, self.log_dir.as_deref())?;
        // One thread for all tasks: they only move messages, the numbers have their own thread.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(2)
            .build()
            .context("starting the runtime")?;
        let result = runtime.block_on(self.join(parent));
        runtime.shutdown_background();
        result.inspect_err(|error| tracing::error!("{error}")).map_err(Into::into)
    }

    async fn join(self, parent: Parent) -> Result<(), Error> {
        let thread =
            |error: std::io::Error| Error::Thread { thread: "signal", got: error.to_string() };
        let stop = Stop::on_signals().map_err(thread)?;
        parent.watch(&stop, ORPHAN_GRACE).map_err(thread)?;
        let board = Arc::new(Board::default());
        if let Some(listen) = self.metrics {
            let endpoint = Endpoint::bind(listen).await.map_err(Error::Metrics)?;
            tokio::spawn(endpoint.serve(board.clone()));
        }
        let CredentialFiles { tls, token_file } = self.credentials;
        let credentials = Credentials::open(Role::Actor, tls.as_deref(), token_file.as_deref())?;
        let options = Options {
            coordinator: self.coordinator,
            credentials,
            slot: self.slot,
            connect_timeout: Duration::from_secs(self.connect_timeout),
            learner_timeout: Duration::from_secs(self.learner_timeout),
            grace: Duration::from_secs(self.grace),
            board,
        };
        actor::run(options, &stop).await
    }
}

impl Evaluate {
    fn execute(self) -> anyhow::Result<()> {
        let evaluation = self.evaluate()?;
        evaluation.beliefs.iter().try_for_each(print)?;
        print(&evaluation)
    }

    fn evaluate(&self) -> anyhow::Result<actor::Evaluation> {
        let mut experiment = read_experiment(&self.experiment)?;
        let evaluation = &mut experiment.evaluation;
        evaluation.episodes = self.episodes.unwrap_or(evaluation.episodes);
        evaluation.repeats = self.repeats.unwrap_or(evaluation.repeats);
        evaluation.latents = self.beliefs;
        experiment.seed = self.seed.unwrap_or(experiment.seed);
        let weights = read("checkpoint", &self.checkpoint)?;
        let splits = match self.split {
            Which::Train => Splits::Train,
            Which::Test => Splits::Test,
            Which::Both => Splits::Both,
        };
        actor::evaluate(&experiment, &weights, splits)
            .with_context(|| format!("evaluate {}", self.checkpoint.display()))
    }
}

fn read_experiment(path: &Path) -> anyhow::Result<Experiment> {
    if path.extension().is_some_and(|extension| extension == "toml") {
        let experiment: Experiment = runtime::config::load(path, &[])?;
        experiment.validate()?;
        return Ok(experiment);
    }
    let text = read("experiment", path)?;
    let content = |got| Error::Content {
        what: "experiment",
        path: path.to_owned(),
        expected: "the effective experiment of a run, as JSON",
        got,
    };
    let parsed: Result<Experiment, _> = serde_json::from_slice(&text);
    let experiment = parsed.map_err(|error| content(error.to_string()))?;
    let valid = experiment.validate();
    valid.map_err(|error| content(error.to_string()))?;
    Ok(experiment)
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::File { what, path: path.to_owned(), source })
}

/// One line of JSON on standard output.
fn print(value: &impl Serialize) -> anyhow::Result<()> {
    let json = serde_json::to_string(value).context("write the result as JSON")?;
    writeln!(std::io::stdout(), "{json}").context("write to standard output")
}
