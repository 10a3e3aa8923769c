//! The log: records one after another over segment files.
//!
//! A record is a header of four little-endian words (size of the whole in bytes, kind, CRC-32C of
//! kind and body, length of the body) and the body, padded to a multiple of 8. Writers reserve a record
//! under a lock, which writes its size, fill it side by side without one, and commit it by
//! writing its kind last. A process that is killed leaves at most records that were reserved and not
//! committed; a reader steps over these. Where the machine itself stopped, the first record whose
//! CRC does not fit ends the log.

mod error;
mod read;

pub use error::Error;

use super::segment::{self, Segment};
use parking_lot::{Mutex, RwLock};
use read::{Found, new_segment, open_segment, remove_behind, scan};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a record's header.
const HEADER: usize = 16;
/// What every segment starts with, after which come the layout and the number of the segment.
const MAGIC: u32 = u32::from_le_bytes(*b"PRT1");
/// Marks the word that commits a record, beside its kind.
const COMMITTED: u32 = 0x5052_0000;
/// Memory is fetched in pieces of this many bytes.
const AHEAD: usize = 1024 * 1024;
/// Bytes before the first record of a segment.
const PREFIX: usize = 16;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// Transitions, see [`super::record`].
    Chunk = 1,
    /// Something that happened to the trainer, as JSON.
    Event = 2,
    /// Transitions that were stored before, copied so that their segment can go.
    Moved = 3,
}

impl Kind {
    fn of(word: u32) -> Option<Self> {
        [Self::Chunk, Self::Event, Self::Moved].into_iter().find(|kind| kind.word() == word)
    }

    fn word(self) -> u32 {
        COMMITTED | self as u32
    }

    fn checksum(self, body: &[u8]) -> u32 {
        crc32c::crc32c_append(self.word(), body)
    }
}

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Which segment.
    pub segment: u32,
    /// Bytes from its start.
    pub offset: u64,
}

/// A committed record.
#[derive(Debug, Clone)]
pub struct Record {
    /// Where it lies.
    pub segment: Arc<Segment>,
    /// Bytes from the start of the segment to the header.
    pub offset: usize,
    /// What it is.
    pub kind: Kind,
    body: usize,
}

impl Record {
    /// What it holds.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        let start = self.offset + HEADER;
        self.segment.bytes(start..start + self.body)
    }

    /// Where it begins.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { segment: self.segment.index(), offset: self.offset as u64 }
    }
}

/// An append-only log. Many may append at once.
#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    /// What the bodies look like; a log of another layout is refused.
    layout: u32,
    segment_bytes: usize,
    segments: RwLock<BTreeMap<u32, Arc<Segment>>>,
    head: Mutex<Head>,
    /// Bytes reserved over all segments since this log was opened.
    appended: AtomicU64,
}

/// Where the next record goes.
#[derive(Debug)]
struct Head {
    segment: Arc<Segment>,
    offset: usize,
    /// Memory is at hand up to here.
    prepared: usize,
}

impl Head {
    /// Fetches memory some way ahead of the records.
    fn prepare(&mut self) {
        if self.offset + AHEAD / 2 > self.prepared && self.prepared < self.segment.len() {
            let end = (self.prepared + AHEAD).min(self.segment.len());
            self.segment.prepare(self.prepared..end);
            self.prepared = end;
        }
    }
}

impl Log {
    /// Starts an empty log in `folder`, which is made.
    ///
    /// # Errors
    /// [`Error`] if there is one already or the first segment cannot be made.
    pub fn create(folder: &Path, layout: u32, segment_bytes: usize) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(file("create the folder", folder))?;
        let present = segment::list(folder).map_err(file("list", folder))?;
        if let Some(index) = present.first() {
            let (expected, got) =
                ("a folder without a log (--resume goes on with one)", format!("segment {index}"));
            return Err(Error::Foreign { path: folder.to_owned(), expected: expected.into(), got });
        }
        let first = Arc::new(new_segment(folder, 0, layout, segment_bytes)?);
        Ok(Self::with_head(folder, layout, segment_bytes, BTreeMap::new(), first, PREFIX))
    }

    /// Opens the log in `folder`, an empty one if there is none. Gives it with the records from
    /// `from` on (all without it, or if it lies behind all there is), which are checked. What
    /// follows the first damaged record is set aside, with a warning.
    ///
    /// # Errors
    /// [`Error`] if files cannot be read or belong to something else.
    pub fn open(
        folder: &Path,
        layout: u32,
        segment_bytes: usize,
        from: Option<Position>,
    ) -> Result<(Self, Vec<Record>), Error> {
        std::fs::create_dir_all(folder).map_err(file("create the folder", folder))?;
        let mut segments = BTreeMap::new();
        for index in segment::list(folder).map_err(file("list", folder))? {
            match open_segment(folder, index, layout) {
                Ok(Some(segment)) => drop(segments.insert(index, Arc::new(segment))),
                Ok(None) => tracing::warn!(index, "removed a segment that was never begun"),
                Err(error) => return Err(error),
            }
        }
        let Some(last) = segments.keys().next_back().copied() else {
            let log = Self::create(folder, layout, segment_bytes)?;
            return Ok((log, Vec::new()));
        };
        let from = from.filter(|from| from.segment <= last);
        let mut records = Vec::new();
        let mut end = (last, PREFIX);
        for (&index, segment) in &segments {
            let start = match from {
                Some(from) if index < from.segment => continue,
                Some(from) if index == from.segment => {
                    usize::try_from(from.offset).unwrap_or(usize::MAX)
                }
                _ => PREFIX,
            };
            let (offset, whole) = scan(segment, start.max(PREFIX), &mut records);
            end = (index, offset);
            if !whole {
                break;
            }
        }
        remove_behind(&mut segments, end)?;
        let head = match segments.remove(&end.0) {
            Some(head) => head,
            None => Arc::new(new_segment(folder, end.0, layout, segment_bytes)?),
        };
        let log = Self::with_head(folder, layout, segment_bytes, segments, head, end.1);
        Ok((log, records))
    }

    fn with_head(
        folder: &Path,
        layout: u32,
        segment_bytes: usize,
        mut segments: BTreeMap<u32, Arc<Segment>>,
        segment: Arc<Segment>,
        offset: usize,
    ) -> Self {
        segments.insert(segment.index(), Arc::clone(&segment));
        Self {
            folder: folder.to_owned(),
            layout,
            segment_bytes,
            segments: RwLock::new(segments),
            head: Mutex::new(Head { segment, offset, prepared: offset }),
            appended: AtomicU64::new(0),
        }
    }

    /// Bytes that a record of `body` bytes needs of a segment.
    #[must_use]
    pub fn record_bytes(body: usize) -> usize {
        PREFIX + (HEADER + body).next_multiple_of(8)
    }

    /// Appends a record whose body of `body` bytes, zeros at first, `fill` writes.
    ///
    /// # Errors
    /// [`Error`]; nothing was appended then.
    pub fn append(
        &self,
        kind: Kind,
        body: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<Record, Error> {
        let size = (HEADER + body).next_multiple_of(8);
        let (segment, offset) = self.reserve(size)?;
        let start = offset + HEADER;
        // SAFETY: the range was reserved for this call alone, and nobody reads it before the
        // commit below.
        #[allow(unsafe_code, reason = "the one place where the mapping is written to")]
        let bytes = unsafe { segment.reserved(start..start + body) };
        fill(bytes);
        let crc = kind.checksum(bytes);
        segment.word(offset + 8).store(crc, Ordering::Relaxed);
        segment.word(offset + 12).store(word_of(body), Ordering::Relaxed);
        segment.word(offset + 4).store(kind.word(), Ordering::Release);
        Ok(Record { segment, offset, kind, body })
    }

    /// Copies a record's body to the end.
    ///
    /// # Errors
    /// [`Error`]; nothing was appended then.
    pub fn copy(&self, record: &Record) -> Result<Record, Error> {
        let body = record.body();
        self.append(Kind::Moved, body.len(), |place| place.copy_from_slice(body))
    }

    fn reserve(&self, size: usize) -> Result<(Arc<Segment>, usize), Error> {
        if PREFIX + size > self.segment_bytes {
            return Err(Error::TooLarge { record: size, segment: self.segment_bytes });
        }
        let mut head = self.head.lock();
        if head.offset + size > head.segment.len() {
            let index = head.segment.index() + 1;
            let next = new_segment(&self.folder, index, self.layout, self.segment_bytes)?;
            head.segment = Arc::new(next);
            head.offset = PREFIX;
            head.prepared = PREFIX;
            self.segments.write().insert(index, Arc::clone(&head.segment));
        }
        let offset = head.offset;
        head.segment.word(offset).store(word_of(size), Ordering::Relaxed);
        head.offset += size;
        head.prepare();
        self.appended.fetch_add(size as u64, Ordering::AcqRel);
        Ok((Arc::clone(&head.segment), offset))
    }

    /// Where the next record will be, unless another segment is begun for it.
    #[must_use]
    pub fn end(&self) -> Position {
        let head = self.head.lock();
        Position { segment: head.segment.index(), offset: head.offset as u64 }
    }

    /// Bytes appended since this log was opened: a ticket for [`Log::sync`].
    #[must_use]
    pub fn appended(&self) -> u64 {
        self.appended.load(Ordering::Acquire)
    }

    /// Waits until the disk has everything from `from` on.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn sync(&self, from: Position) -> Result<(), Error> {
        let end = self.end();
        let segments: Vec<Arc<Segment>> = self
            .segments
            .read()
            .range(from.segment..=end.segment)
            .map(|(_, s)| s.clone())
            .collect();
        for segment in segments {
            let at = |position: Position, otherwise| match position.segment == segment.index() {
                true => usize::try_from(position.offset).unwrap_or(otherwise),
                false => otherwise,
            };
            let (start, stop) = (at(from, 0), at(end, segment.len()));
            segment.sync(start..stop.max(start)).map_err(file("sync", segment.path()))?;
        }
        Ok(())
    }

    /// The record at a position that was one, checked.
    #[must_use]
    pub fn record(&self, position: Position) -> Option<Record> {
        let segment = self.segments.read().get(&position.segment).cloned()?;
        let offset = usize::try_from(position.offset).ok()?;
        match read::read(&segment, offset) {
            Found::Record(record) => Some(record),
            _ => None,
        }
    }

    /// Removes the segments before number `first`.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn remove_before(&self, first: u32) -> Result<(), Error> {
        let mut segments = self.segments.write();
        let kept = segments.split_off(&first);
        let gone = std::mem::replace(&mut *segments, kept);
        drop(segments);
        for segment in gone.values() {
            segment.remove().map_err(file("remove", segment.path()))?;
        }
        Ok(())
    }

    /// Number of the oldest segment.
    #[must_use]
    pub fn oldest(&self) -> u32 {
        self.segments.read().keys().next().copied().unwrap_or(0)
    }

    /// Bytes of a segment made now.
    #[must_use]
    pub fn segment_bytes(&self) -> u64 {
        self.segment_bytes as u64
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments.read().values().map(|segment| segment.len() as u64).sum()
    }
}

/// Records are smaller than segments, and these than 4 GiB.
fn word_of(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { action, path, source }
}
