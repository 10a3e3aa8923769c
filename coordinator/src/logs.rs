//! Warnings and errors of the processes on this machine, read from their log files as they grow.

use runtime::telemetry::Recent;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often files are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Of what is new in a file, this much at the end is read.
const NEW_BYTES: u64 = 64 * 1024;
/// The coordinator's own warnings come another way.
const OWN: &str = "coordinator";

/// Follows all logs in `folder`, for as long as it is polled.
pub async fn follow(folder: PathBuf, recent: Recent) {
    let mut tail = Tail { folder, read: HashMap::new() };
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        let looked = tokio::task::spawn_blocking(move || {
            let lines = tail.look();
            (tail, lines)
        });
        match looked.await {
            Ok((back, Ok(lines))) => {
                lines.iter().for_each(|line| recent.push(line));
                tail = back;
            }
            Ok((_, Err(error))) => {
                return tracing::warn!(%error, "the logs of this machine cannot be followed");
            }
            Err(ended) => return tracing::debug!(%ended, "no more looks at logs"),
        }
    }
}

/// How far each log has been read.
#[derive(Debug)]
struct Tail {
    folder: PathBuf,
    read: HashMap<PathBuf, u64>,
}

impl Tail {
    /// What should be seen of the lines that are new.
    fn look(&mut self) -> io::Result<Vec<String>> {
        let mut lines = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            if name == OWN || path.extension().is_none_or(|ending| ending != "log") {
                continue;
            }
            let text = self.news(&path)?;
            lines.extend(text.lines().filter_map(|line| worth_seeing(name, line)));
        }
        Ok(lines)
    }

    /// New whole lines of a file; only the end of them if there are very many.
    fn news(&mut self, path: &Path) -> io::Result<String> {
        let read = self.read.entry(path.to_owned()).or_default();
        let mut file = File::open(path)?;
        let end = file.metadata()?.len();
        if end < *read {
            *read = 0;
        }
        let start = (*read).max(end.saturating_sub(NEW_BYTES));
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(end - start).read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        bytes.truncate(whole);
        *read = start + whole as u64;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A warning, an error, or the last words of a process; with its name and without the date.
fn worth_seeing(name: &str, line: &str) -> Option<String> {
    let (time, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim_start();
    if rest.starts_with("WARN") || rest.starts_with("ERROR") {
        return Some(format!("{time} {name} {rest}"));
    }
    let last_words = line.starts_with("error:") || line.starts_with("thread '");
    last_words.then(|| format!("{name} {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn new_whole_lines_that_matter_are_seen_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = File::create(folder.path().join("actor-0.log")).unwrap();
        let mut tail = Tail { folder: folder.path().to_owned(), read: HashMap::new() };
        write!(log, "2026-01-01T10:00:00Z  INFO x: fine\n2026-01-01T10:00:01Z  WARN x: hm")
            .unwrap();
        assert!(tail.look().unwrap().is_empty());
        writeln!(log, "\nerror: gone").unwrap();
        let expected = ["2026-01-01T10:00:01Z actor-0 WARN x: hm", "actor-0 error: gone"];
        assert_eq!(tail.look().unwrap(), expected);
        assert!(tail.look().unwrap().is_empty());
    }
}
