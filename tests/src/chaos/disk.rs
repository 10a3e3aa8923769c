//! A small disk for the experience log, which can be filled up.

use anyhow::{Context as _, bail};
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system in memory, mounted at a folder of the run, until this is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    folder: PathBuf,
    filler: PathBuf,
}

impl SmallDisk {
    /// Mounts `mib` MiB at `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// If this user may not mount anything.
    pub fn mount(folder: &Path, mib: u64) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m,mode=0700"), "tmpfs"])
            .arg(folder)
            .output()
            .context("run `mount`")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(Self { folder: folder.to_owned(), filler: folder.join("filler") })
    }

    /// Writes until nothing more fits.
    ///
    /// # Errors
    /// Whatever goes wrong but the disk being full.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut file = File::create(&self.filler).context("make the file that fills the disk")?;
        let mut block = vec![0u8; 1 << 20];
        while !block.is_empty() {
            match file.write_all(&block) {
                Ok(()) => {}
                // What is left is smaller than the block.
                Err(error) if error.kind() == ErrorKind::StorageFull => {
                    block.truncate(block.len() / 2);
                }
                Err(error) => return Err(error).context("fill the disk"),
            }
        }
        Ok(())
    }

    /// Gives the space back.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn free(&self) -> anyhow::Result<()> {
        fs::remove_file(&self.filler).context("remove the file that fills the disk")
    }

    /// Puts what is on it into the folder it is mounted at, and unmounts it.
    ///
    /// # Errors
    /// If that does not work; then it stays mounted until this is dropped.
    pub fn keep(self) -> anyhow::Result<()> {
        let aside = self.folder.with_extension("kept");
        fs::create_dir_all(&aside).with_context(|| format!("make {}", aside.display()))?;
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), aside.join(entry.file_name()))?;
            }
        }
        let folder = self.folder.clone();
        drop(self);
        fs::remove_dir(&folder).context("remove the mount point")?;
        fs::rename(&aside, &folder).context("put the experience log back")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process that was just killed may still hold a file of it.
        let unmounted = Command::new("umount").arg("-l").arg(&self.folder).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            complain(&self.folder);
        }
    }
}

fn complain(folder: &Path) {
    // Nothing can be done if standard error is closed.
    drop(writeln!(std::io::stderr(), "could not unmount {}; do it by hand", folder.display()));
}
