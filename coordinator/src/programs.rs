//! The other programs of the system, beside this one.

use serde::de::DeserializeOwned;
use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
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
        /// Its exit code; `None` if a signal ended it.
        code: Option<i32>,
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
        return Err(refused(program, output.status, &output.stderr));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::Answer { program: program.to_owned(), got: error.to_string() })
}

/// Runs `program` and hands each line of JSON that it prints to `take`, as soon as it is there.
///
/// # Errors
/// As [`ask`]. Lines before the failure have been taken.
pub fn follow<T: DeserializeOwned>(
    program: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    mut take: impl FnMut(T),
) -> Result<(), Error> {
    let failed = |source| Error::Start { program: program.to_owned(), source };
    let mut child =
        start(Command::new(program).args(arguments).arg("--exit-with-parent")).map_err(failed)?;
    // Held and never written to: the program leaves when it closes.
    let mut pipe = child.stdin.take();
    let stdout = child.stdout.take();
    let lines = stdout.into_iter().flat_map(|out| BufReader::new(out).lines());
    let taken = lines.map_while(Result::ok).try_for_each(|line| {
        let parsed = serde_json::from_str(&line);
        parsed
            .map(&mut take)
            .map_err(|error| Error::Answer { program: program.to_owned(), got: error.to_string() })
    });
    if taken.is_err() {
        pipe = None;
    }
    let output = child.wait_with_output().map_err(failed)?;
    drop(pipe);
    if taken.is_ok() && !output.status.success() {
        return Err(refused(program, output.status, &output.stderr));
    }
    taken
}

/// What a program said on standard error before it failed.
fn refused(program: &Path, status: ExitStatus, stderr: &[u8]) -> Error {
    let said = String::from_utf8_lossy(stderr);
    let said = said.trim();
    let message = match said.strip_prefix("error: ").unwrap_or(said) {
        "" => format!("{}: {status}", program.display()),
        said => said.to_owned(),
    };
    Error::Refused { message, code: status.code() }
}

/// Runs to the end a program that leaves when this one does, however this one ends.
fn run(command: &mut Command) -> io::Result<Output> {
    let mut child = start(command)?;
    // Held until the end and never written to; `wait_with_output` would close it.
    let pipe = child.stdin.take();
    let output = child.wait_with_output();
    drop(pipe);
    output
}

/// Starts a program with a pipe that tells it how long to stay.
fn start(command: &mut Command) -> io::Result<Child> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
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
