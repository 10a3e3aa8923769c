//! The `actor` program; see `actor --help`.

mod cli;

use clap::Parser as _;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::Cli::parse().execute() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing can be done if even this cannot be written.
            if writeln!(std::io::stderr(), "error: {}", actor::chain(error.as_ref())).is_err() {
                return ExitCode::from(2);
            }
            let code = error.downcast_ref::<actor::Error>().map_or(1, actor::Error::exit_code);
            ExitCode::from(code)
        }
    }
}
