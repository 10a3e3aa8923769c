//! Logging: one line per event, to a file or to standard error.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// Lines that may wait for a slow disk; further ones are dropped rather than kept in memory or
/// waited for.
const BUFFERED_LINES: usize = 8192;

/// Logging that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log file cannot be opened.
    #[error("{}: expected a file that can be written: {source}", file.display())]
    File {
        /// Its path.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// `RUST_LOG` is malformed.
    #[error("RUST_LOG: expected filters such as info or learner=debug,info: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody else has set up logging already.
    #[error("logging: expected to be set up once: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Keeps logging alive; writes out what is buffered when dropped.
#[derive(Debug)]
#[must_use = "logging to a file ends when this is dropped"]
pub struct Guard {
    _worker: Option<WorkerGuard>,
}

/// Sends events to `<log_dir>/<process>.log` (appending), or to standard error without a folder.
/// `RUST_LOG` says which; `info` and above if it is not set.
///
/// # Errors
/// [`Error`] if the file cannot be opened, `RUST_LOG` is malformed, or this was called before.
pub fn init(process: &str, log_dir: Option<&Path>) -> Result<Guard, Error> {
    use tracing_subscriber::util::SubscriberInitExt as _;
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) if !text.trim().is_empty() => EnvFilter::try_new(text)?,
        _ => EnvFilter::new("info"),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let Some(folder) = log_dir else {
        let colours = io::stderr().is_terminal();
        let subscriber = builder.with_ansi(colours).with_writer(io::stderr);
        subscriber.finish().try_init()?;
        return Ok(Guard { _worker: None });
    };
    let (writer, worker) = NonBlockingBuilder::default()
        .buffered_lines_limit(BUFFERED_LINES)
        .lossy(true)
        .thread_name("log")
        .finish(open(folder, process)?);
    let subscriber = builder.with_ansi(false).with_writer(writer);
    subscriber.finish().try_init()?;
    Ok(Guard { _worker: Some(worker) })
}

fn open(folder: &Path, process: &str) -> Result<std::fs::File, Error> {
    let file = folder.join(format!("{process}.log"));
    let opened = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::OpenOptions::new().create(true).append(true).open(&file));
    opened.map_err(|source| Error::File { file, source })
}
