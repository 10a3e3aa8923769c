//! The `coordinator` program; see `coordinator --help`.

use coordinator::cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
