//! One file of the log, mapped into memory.
//!
//! Its space is taken from the file system when it is made, so that a full disk is noticed there
//! and never in the middle of a write to the mapping. Memory that was written to belongs to the
//! file at once: it outlives the process however that ends.

#![allow(unsafe_code, reason = "memory-mapped files")]

use memmap2::{Advice, MmapRaw};
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A mapped file of fixed size.
///
/// Who has reserved a range (see [`super::Log`]) is alone with it until it is committed; after that
/// nobody writes to it any more. No other process writes to the files of a run.
#[derive(Debug)]
pub struct Segment {
    index: u32,
    path: PathBuf,
    map: MmapRaw,
}

impl Segment {
    /// Makes segment number `index` of `bytes` zeros in `folder`.
    ///
    /// # Errors
    /// What the system says; no file is left behind then.
    pub(super) fn create(folder: &Path, index: u32, bytes: usize) -> io::Result<Self> {
        let path = file_name(folder, index);
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        let mapped = reserve(&file, bytes)
            .and_then(|()| MmapRaw::map_raw(&file))
            .and_then(|map| File::open(folder)?.sync_all().map(|()| map));
        match mapped {
            Ok(map) => Ok(Self { index, path, map }),
            Err(error) => {
                fs::remove_file(&path)?;
                Err(error)
            }
        }
    }

    /// Maps segment number `index` of `folder`.
    ///
    /// # Errors
    /// What the system says, as when there is no such file.
    pub(super) fn open(folder: &Path, index: u32) -> io::Result<Self> {
        let path = file_name(folder, index);
        let file = File::options().read(true).write(true).open(&path)?;
        if file.metadata()?.len() == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is empty"));
        }
        Ok(Self { index, path, map: MmapRaw::map_raw(&file)? })
    }

    /// Its number in the log.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Its size in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether it has no room at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that are committed, or that nobody writes to while it is looked at.
    ///
    /// # Panics
    /// If the range is not inside.
    #[must_use]
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        assert!(range.start <= range.end && range.end <= self.len(), "{range:?} is not inside");
        // SAFETY: inside the mapping, which lives as long as `self`. Committed bytes are not
        // written to again, see the type.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().add(range.start), range.len()) }
    }

    /// Bytes of a range that the caller has reserved and not yet committed.
    ///
    /// # Panics
    /// If the range is not inside.
    ///
    /// # Safety
    /// Nobody else may look at the range or write to it meanwhile.
    #[allow(clippy::mut_from_ref, reason = "ranges that are reserved are disjoint")]
    pub(super) unsafe fn reserved(&self, range: Range<usize>) -> &mut [u8] {
        assert!(range.start <= range.end && range.end <= self.len(), "{range:?} is not inside");
        // SAFETY: inside the mapping; the caller is alone with the range.
        unsafe {
            std::slice::from_raw_parts_mut(self.map.as_mut_ptr().add(range.start), range.len())
        }
    }

    /// The number at `offset`, a multiple of 4.
    ///
    /// # Panics
    /// If it is not inside or not aligned.
    pub(super) fn word(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4) && offset + 4 <= self.len(), "{offset} is not a word");
        // SAFETY: inside the mapping, which starts at a page, and aligned. Words at such places
        // are only used through this function while others may look.
        unsafe { AtomicU32::from_ptr(self.map.as_mut_ptr().add(offset).cast()) }
    }

    /// Has the memory of a range at hand: many pages at once cost a fraction of what they cost one
    /// by one. Nothing depends on it; a system that does not know how goes on without.
    pub(super) fn prepare(&self, range: Range<usize>) {
        if let Err(error) = self.map.advise_range(Advice::PopulateWrite, range.start, range.len()) {
            tracing::trace!(%error, "pages are fetched one by one");
        }
    }

    /// Waits until the disk has a range.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn sync(&self, range: Range<usize>) -> io::Result<()> {
        self.map.flush_range(range.start, range.len())
    }

    /// Zeroes everything from `offset` on. A file that was cut off may end within a word, which is
    /// never looked at.
    pub(super) fn wipe(&self, offset: usize) {
        for word in (offset..self.len() / 4 * 4).step_by(4) {
            self.word(word).store(0, Ordering::Relaxed);
        }
    }

    /// Removes the file; the memory stays until nobody uses it.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Takes the space from the file system. One without such a call is given zeros to write.
fn reserve(file: &File, bytes: usize) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    match fallocate(file, FallocateFlags::empty(), 0, bytes as u64) {
        Err(rustix::io::Errno::OPNOTSUPP) => write_zeros(file, bytes),
        other => Ok(other?),
    }
}

fn write_zeros(mut file: &File, bytes: usize) -> io::Result<()> {
    use io::Write as _;
    let zeros = [0u8; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let part = left.min(zeros.len());
        file.write_all(&zeros[..part])?;
        left -= part;
    }
    Ok(())
}

fn file_name(folder: &Path, index: u32) -> PathBuf {
    folder.join(format!("{index:08}.segment"))
}

/// Numbers of the segments in `folder`, in order.
///
/// # Errors
/// What the system says.
pub(super) fn list(folder: &Path) -> io::Result<Vec<u32>> {
    let mut indices = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".segment"));
        indices.extend(stem.and_then(|stem| stem.parse::<u32>().ok()));
    }
    indices.sort_unstable();
    Ok(indices)
}
