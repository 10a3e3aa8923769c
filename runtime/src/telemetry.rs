//! Logging: one line per event, to a file or to standard error, and the newest warnings to whoever
//! shows them.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::MakeWriterExt as _;

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
    init_shown(process, log_dir, &Recent::default())
}

/// As [`init`]; warnings and errors go to `recent` as well.
///
/// # Errors
/// As [`init`].
pub fn init_shown(process: &str, log_dir: Option<&Path>, recent: &Recent) -> Result<Guard, Error> {
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) if !text.trim().is_empty() => EnvFilter::try_new(text)?,
        _ => EnvFilter::new("info"),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let Some(folder) = log_dir else {
        let colours = io::stderr().is_terminal();
        let subscriber = builder.with_ansi(colours).with_writer(io::stderr);
        subscriber.finish().with(shown(recent)).try_init()?;
        return Ok(Guard { _worker: None });
    };
    let (writer, worker) = NonBlockingBuilder::default()
        .buffered_lines_limit(BUFFERED_LINES)
        .lossy(true)
        .thread_name("log")
        .finish(open(folder, process)?);
    let subscriber = builder.with_ansi(false).with_writer(writer);
    subscriber.finish().with(shown(recent)).try_init()?;
    Ok(Guard { _worker: Some(worker) })
}

/// What takes warnings and errors to `recent`.
fn shown<S>(recent: &Recent) -> impl tracing_subscriber::Layer<S> + use<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(recent.clone().with_max_level(tracing::Level::WARN))
}

/// Lines remembered.
const REMEMBERED: usize = 200;
/// Characters of a line remembered.
const LINE: usize = 400;

/// The newest lines that somebody should see. Bounded; clones are handles to the same lines.
#[derive(Debug, Clone, Default)]
pub struct Recent {
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl Recent {
    /// Adds a line. What a terminal could take for a command is taken out.
    pub fn push(&self, line: &str) {
        let printable = line.trim_end().chars().take(LINE);
        let line = printable.map(|c| if c.is_control() { ' ' } else { c }).collect();
        let mut lines = self.lines.lock();
        lines.push_back(line);
        if lines.len() > REMEMBERED {
            lines.pop_front();
        }
    }

    /// The newest `count` lines, oldest first.
    #[must_use]
    pub fn newest(&self, count: usize) -> Vec<String> {
        let lines = self.lines.lock();
        lines.iter().skip(lines.len().saturating_sub(count)).cloned().collect()
    }
}

impl<'a> MakeWriter<'a> for Recent {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Each call is one line: that is how events are written.
impl io::Write for Recent {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn open(folder: &Path, process: &str) -> Result<std::fs::File, Error> {
    let file = folder.join(format!("{process}.log"));
    let opened = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::OpenOptions::new().create(true).append(true).open(&file));
    opened.map_err(|source| Error::File { file, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_lines_are_few_short_and_harmless() {
        let recent = Recent::default();
        for number in 0..1000 {
            recent.push(&format!("{number} \x1b[2J{}\n", "x".repeat(1000)));
        }
        let lines = recent.newest(1000);
        assert_eq!(lines.len(), REMEMBERED);
        assert!(lines[REMEMBERED - 1].starts_with("999  [2Jx"), "{}", lines[REMEMBERED - 1]);
        assert!(lines.iter().all(|line| line.chars().count() == LINE));
        assert_eq!(recent.newest(1), lines[REMEMBERED - 1..]);
    }
}
