//! The other programs of the system, beside this one.

use serde::de::DeserializeOwned;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use types::{Environment, FamilySpec};

/// A program that is missing, or whose answer is of no use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not found.
    #[error("expected the program `{name}` in {} or on the PATH, found none; build it with `cargo build --release`", beside.display())]
    Missing {
        /// Its name.
        name: &'static str,
        /// Where it should be.
        beside: PathBuf,
    },
    /// It could not be started.
    #[error("start {}: {source}", program.display())]
    Start {
        /// Its path.
        program: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It has refused; the message is its own.
    #[error("{message}")]
    Refused {
        /// What it said.
        message: String,
    },
    /// It has answered something else.
    #[error("{}: expected JSON on standard output, got {got}", program.display())]
    Answer {
        /// Its path.
        program: PathBuf,
        /// What is wrong.
        got: String,
    },
}

/// The program called `name`: beside this one, else on the PATH.
///
/// # Errors
/// [`Error::Missing`].
pub fn find(name: &'static str) -> Result<PathBuf, Error> {
    let own = std::env::current_exe().unwrap_or_default();
    let beside = own.parent().unwrap_or(Path::new(".")).to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(beside.clone()).chain(std::env::split_paths(&path));
    let mut candidates = folders.map(|folder| folder.join(name));
    candidates.find(|program| program.is_file()).ok_or(Error::Missing { name, beside })
}

/// Runs `program` and reads the JSON it prints.
///
/// # Errors
/// [`Error`], with what the program said on standard error if it failed.
pub fn ask<T: DeserializeOwned>(
    program: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<T, Error> {
    let output = run(Command::new(program).args(arguments).arg("--exit-with-parent"))
        .map_err(|source| Error::Start { program: program.to_owned(), source })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim();
        let said = said.strip_prefix("error: ").unwrap_or(said);
        let message = match said {
            "" => format!("{}: {}", program.display(), output.status),
            said => said.to_owned(),
        };
        return Err(Error::Refused { message });
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::Answer { program: program.to_owned(), got: error.to_string() })
}

/// Runs to the end a program that leaves when this one does, however this one ends.
fn run(command: &mut Command) -> io::Result<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    // Held until the end and never written to; `wait_with_output` would close it.
    let pipe = child.stdin.take();
    let output = child.wait_with_output();
    drop(pipe);
    output
}

/// All about what an experiment trains on, asked of `actor`.
///
/// # Errors
/// [`Error`], with the actor's own words if it refuses.
pub fn describe_environment(environment: &Environment) -> Result<FamilySpec, Error> {
    let actor = find("actor")?;
    let json = serde_json::to_string(environment)
        .map_err(|error| Error::Answer { program: actor.clone(), got: error.to_string() })?;
    ask(&actor, ["describe", "--environment", &json])
}

/// All about a task family, asked of `actor`.
///
/// # Errors
/// [`Error`]; the refusal of an unknown family names the nearest one.
pub fn describe(family: &str) -> Result<FamilySpec, Error> {
    ask(&find("actor")?, ["describe", family])
}
