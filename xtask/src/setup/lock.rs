//! One setup at a time per folder.

use std::fs::{File, TryLockError};
use std::path::Path;

use anyhow::{Context, Result};

/// Holds the folder until the handle is dropped; waits, and says so, when another setup has it.
pub(crate) fn folder(folder: &Path) -> Result<File> {
    let path = folder.join(".lock");
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {
            eprintln!("setup: another setup is at work in {}; waiting for it", folder.display());
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}
