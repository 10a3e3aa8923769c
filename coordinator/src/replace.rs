//! Files that are written whole.

use std::io;
use std::path::Path;

/// Puts `content` at `path`: readers see the old file or the new one. What a failed attempt (on a full
/// disk, say) has written is taken away again.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let beside = path.with_file_name(format!(".{}.new", name.to_string_lossy()));
    let written = std::fs::write(&beside, content).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err()
        && let Err(error) = std::fs::remove_file(&beside)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(%error, path = %beside.display(), "a part of a file stays behind");
    }
    written
}
