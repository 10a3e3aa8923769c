//! A file that grows by whole pieces.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// What is appended is there whole or not at all: what a failed write has left behind (on a full
/// disk, say) is cut off before the next one.
#[derive(Debug)]
pub(crate) struct AppendFile {
    file: File,
    /// Length of what was written whole.
    length: u64,
    /// There may be something behind that.
    torn: bool,
}

impl AppendFile {
    /// Continues the file at `path` behind its first `length` bytes; makes it if it is not there.
    pub(crate) fn open(path: &Path, length: u64) -> io::Result<Self> {
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        Ok(Self { file, length, torn: true })
    }

    /// Continues a text behind its last whole line. Gives the text.
    pub(crate) fn open_lines(path: &Path) -> io::Result<(Self, String)> {
        let mut text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        text.truncate(text.rfind('\n').map_or(0, |last| last + 1));
        Ok((Self::open(path, text.len() as u64)?, text))
    }

    /// Appends all of `bytes`, or nothing.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.length)?;
            self.file.seek(SeekFrom::Start(self.length))?;
        }
        self.torn = true;
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        self.torn = false;
        Ok(())
    }

    /// Has all of it on disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Whether an error may pass when somebody makes room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
