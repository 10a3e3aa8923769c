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
            ExitCode::from(code(&error))
        }
    }
}

fn code(error: &anyhow::Error) -> u8 {
    let run = error.downcast_ref::<actor::Error>().map(actor::Error::exit_code);
    let look = error.downcast_ref::<actor::look::Error>().map(actor::look::Error::exit_code);
    run.or(look).unwrap_or(1)
}
