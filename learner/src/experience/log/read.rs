//! Reading segments back: what is a record, where the log ends, what is damaged.

use super::{Error, HEADER, Kind, MAGIC, PREFIX, Record, file};
use crate::experience::segment::Segment;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What lies at an offset.
pub(super) enum Found {
    Record(Record),
    /// Reserved and never committed; the next record is at this offset.
    Abandoned(usize),
    /// Nothing was ever written here.
    End,
    Damaged,
}

/// Reads what lies at `offset`. Never looks outside, whatever the bytes are.
pub(super) fn read(segment: &Arc<Segment>, offset: usize) -> Found {
    if !offset.is_multiple_of(8) || offset < PREFIX || offset + HEADER > segment.len() {
        return Found::End;
    }
    let word = |at: usize| segment.word(offset + at).load(Ordering::Acquire);
    let (size, kind, crc, body) = (word(0) as usize, word(4), word(8), word(12) as usize);
    if size == 0 {
        return Found::End;
    }
    if size < HEADER || !size.is_multiple_of(8) || size > segment.len() - offset {
        return Found::Damaged;
    }
    if kind == 0 {
        return Found::Abandoned(offset + size);
    }
    let Some(kind) = Kind::of(kind).filter(|_| body <= size - HEADER) else {
        return Found::Damaged;
    };
    let record = Record { segment: Arc::clone(segment), offset, kind, body };
    if kind.checksum(record.body()) == crc { Found::Record(record) } else { Found::Damaged }
}

/// Reads records from `offset` on. Gives where they end, and whether that is for want of more.
pub(super) fn scan(
    segment: &Arc<Segment>,
    mut offset: usize,
    records: &mut Vec<Record>,
) -> (usize, bool) {
    loop {
        match read(segment, offset) {
            Found::Record(record) => {
                offset += (HEADER + record.body).next_multiple_of(8);
                records.push(record);
            }
            Found::Abandoned(next) => offset = next,
            Found::End => return (offset, true),
            Found::Damaged => return (offset, false),
        }
    }
}

/// Removes what lies behind the end of the log, which was damaged or never begun. If it was damaged,
/// a copy stays beside the segments, for whoever wants to know what became of it.
pub(super) fn remove_behind(
    segments: &mut BTreeMap<u32, Arc<Segment>>,
    (index, offset): (u32, usize),
) -> Result<(), Error> {
    let behind = segments.split_off(&(index + 1));
    for segment in behind.values() {
        let aside = aside(segment.path());
        tracing::warn!(path = %aside.display(), "set a segment behind damage aside");
        std::fs::rename(segment.path(), &aside).map_err(file("rename to", &aside))?;
    }
    if let Some(segment) = segments.get(&index)
        && offset + 4 <= segment.len()
        && segment.word(offset).load(Ordering::Relaxed) != 0
    {
        let (path, aside) = (segment.path(), aside(segment.path()));
        std::fs::copy(path, &aside).map_err(file("copy what is damaged to", &aside))?;
        let (path, copy) = (path.display(), aside.display());
        tracing::warn!(%path, offset, %copy, "the log is damaged from here on; the rest is removed");
        segment.wipe(offset);
    }
    Ok(())
}

/// Where a damaged segment is kept, which no log looks at.
fn aside(path: &Path) -> PathBuf {
    path.with_extension("damaged")
}

pub(super) fn new_segment(
    folder: &Path,
    index: u32,
    layout: u32,
    bytes: usize,
) -> Result<Segment, Error> {
    let segment = Segment::create(folder, index, bytes)
        .map_err(file("make a segment of the experience log in", folder))?;
    segment.word(4).store(layout, Ordering::Relaxed);
    segment.word(8).store(index, Ordering::Relaxed);
    segment.word(0).store(MAGIC, Ordering::Release);
    Ok(segment)
}

/// `None` for a file that its maker did not get to begin; it is removed.
pub(super) fn open_segment(
    folder: &Path,
    index: u32,
    layout: u32,
) -> Result<Option<Segment>, Error> {
    let unbegun = |path: &Path| std::fs::remove_file(path).map_err(file("remove", path));
    let path = folder.join(format!("{index:08}.segment"));
    let segment = match Segment::open(folder, index) {
        Ok(segment) if segment.len() >= PREFIX => segment,
        Ok(_) => return unbegun(&path).map(|()| None),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return unbegun(&path).map(|()| None);
        }
        Err(source) => return Err(file("map", &path)(source)),
    };
    let found = [0, 4, 8].map(|offset| segment.word(offset).load(Ordering::Acquire));
    if found[0] == 0 {
        return unbegun(&path).map(|()| None);
    }
    let expected = [MAGIC, layout, index];
    if found != expected {
        let (expected, got) = (format!("a segment {expected:x?}"), format!("{found:x?}"));
        return Err(Error::Foreign { path, expected, got });
    }
    Ok(Some(segment))
}
