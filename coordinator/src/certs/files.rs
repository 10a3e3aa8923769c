//! Files with secrets: readable by their owner alone; nobody sees half of one.

use super::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Private key of the authority.
pub const CA_KEY_FILE: &str = "ca-key.pem";

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// Its owner.
    Owner,
    /// Everybody.
    All,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// What it is, for people.
    pub what: &'static str,
}

/// Writes a file whole: readers see the old one or the new one.
pub(super) fn write(
    path: PathBuf,
    what: &'static str,
    content: &str,
    readers: Readers,
) -> Result<Written, Error> {
    let failed = |source| Error::Write { path: path.clone(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    write_new(&beside, content, readers)
        .and_then(|()| std::fs::rename(&beside, &path))
        .map_err(failed)?;
    Ok(Written { path, what })
}

/// Writes the lines `new` into a file that holds the lines `old`. It stays the same file, so that
/// whoever has it mounted by itself (a container) sees them.
pub(super) fn write_over(
    path: PathBuf,
    what: &'static str,
    old: &str,
    new: &str,
) -> Result<Written, Error> {
    let file = OpenOptions::new().write(true).open(&path);
    let written = file.and_then(|file| replace_lines(&file, old, new));
    written.map_err(|source| Error::Write { path: path.clone(), source })?;
    Ok(Written { path, what })
}

/// Whoever reads meanwhile, or after a crash in between, finds the old lines or the new ones, with
/// empty ones behind them. Until the end the file is longer than before and after, so that its length
/// alone tells a reader that there is more to come.
fn replace_lines(file: &File, old: &str, new: &str) -> io::Result<()> {
    let longest = old.len().max(new.len()) + 1;
    let padded = |lines: &str| [lines.as_bytes(), &vec![b'\n'; longest - lines.len()]].concat();
    file.write_all_at(&padded(old), 0)?;
    file.write_all_at(&padded(new), 0)?;
    file.set_len(u64::try_from(new.len()).map_err(io::Error::other)?)?;
    file.sync_all()
}

fn write_new(path: &Path, content: &str, readers: Readers) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mode = if readers == Readers::Owner { 0o600 } else { 0o644 };
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

pub(super) fn read(path: &Path, expected: &'static str) -> Result<String, Error> {
    let read = std::fs::read_to_string(path);
    read.map_err(|error| Error::Read { path: path.to_owned(), expected, got: error.to_string() })
}
