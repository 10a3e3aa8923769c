//! The file of a journal.

use super::record::{Entry, Snapshot, frame};
use crate::append::AppendFile;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Begin a new file with this.
    snapshot: Option<Vec<u8>>,
    /// Append this.
    records: Vec<u8>,
    /// Have it on disk.
    pub(super) sync: bool,
}

impl Batch {
    pub(super) fn add(&mut self, entry: Entry) {
        self.sync |= entry.outlives_machine();
        frame(entry, &mut self.records);
    }

    /// Puts `snapshot` in the place of everything before it. Gives its size.
    pub(super) fn replace(&mut self, snapshot: Snapshot) -> usize {
        let mut bytes = Vec::new();
        frame(Entry::Snapshot(Box::new(snapshot)), &mut bytes);
        let size = bytes.len();
        self.snapshot = Some(bytes);
        self.records.clear();
        self.sync = true;
        size
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.snapshot.is_none() && self.records.is_empty()
    }
}

/// Written whole or not at all, batch by batch.
#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    file: Option<AppendFile>,
    /// Records that are written and may not be on disk: a retry needs no second copy.
    unsynced: bool,
}

impl JournalFile {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None, unsynced: false }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes all of it. After an error the file is as it was before, and this may be called again.
    pub(super) fn write(&mut self, batch: &Batch) -> io::Result<()> {
        match &batch.snapshot {
            Some(snapshot) => self.begin(snapshot, &batch.records),
            None => self.append(batch),
        }
    }

    /// A new file takes the place of the old one in one step.
    fn begin(&mut self, snapshot: &[u8], records: &[u8]) -> io::Result<()> {
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let beside = PathBuf::from(name);
        let mut file = AppendFile::open(&beside, 0)?;
        file.append(snapshot)?;
        file.append(records)?;
        file.sync()?;
        std::fs::rename(&beside, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        self.file = Some(file);
        self.unsynced = false;
        Ok(())
    }

    fn append(&mut self, batch: &Batch) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Err(io::Error::other("the journal has not been begun"));
        };
        if !self.unsynced {
            file.append(&batch.records)?;
        }
        if batch.sync {
            self.unsynced = true;
            file.sync()?;
            self.unsynced = false;
        }
        Ok(())
    }
}
