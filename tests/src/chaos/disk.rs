//! A small disk for what the learner writes, which can be filled up.

use anyhow::{Context as _, bail};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system in memory that several folders of the run share, until this is dropped.
#[derive(Debug)]
pub struct SmallDisk {
    disk: PathBuf,
    folders: Vec<PathBuf>,
    filler: PathBuf,
}

impl SmallDisk {
    /// Mounts `mib` MiB at `disk`, and a part of it at each of `folders`; all are made if they are
    /// not there.
    ///
    /// # Errors
    /// If this user may not mount anything.
    pub fn mount(disk: &Path, folders: &[PathBuf], mib: u64) -> anyhow::Result<Self> {
        make(disk)?;
        let size = format!("size={mib}m,mode=0700");
        run("mount", ["-t", "tmpfs", "-o", &size, "tmpfs"].map(OsStr::new), disk)?;
        let mut made =
            Self { disk: disk.to_owned(), folders: Vec::new(), filler: disk.join("filler") };
        for (part, folder) in folders.iter().enumerate() {
            let part = disk.join(part.to_string());
            make(&part)?;
            make(folder)?;
            run("mount", [OsStr::new("--bind"), part.as_os_str()], folder)?;
            made.folders.push(folder.clone());
        }
        Ok(made)
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

    /// Puts what is on it into the folders where it is mounted, and unmounts it.
    ///
    /// # Errors
    /// If that does not work; then it stays mounted until this is dropped.
    pub fn keep(self) -> anyhow::Result<()> {
        let folders = self.folders.clone();
        let aside = |folder: &Path| folder.with_extension("kept");
        for folder in &folders {
            run("cp", [OsStr::new("-a"), folder.as_os_str()], &aside(folder))?;
        }
        drop(self);
        for folder in &folders {
            fs::remove_dir(folder).context("remove the mount point")?;
            fs::rename(aside(folder), folder).context("put the folder back")?;
        }
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        for folder in self.folders.iter().chain([&self.disk]) {
            // Lazily: a process that was just killed may still hold a file of it.
            if let Err(error) = run("umount", [OsStr::new("-l")], folder) {
                complain(folder, &error);
            }
        }
        // A folder that is still in use is told of above.
        fs::remove_dir(&self.disk).ok();
    }
}

fn make(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))
}

fn run<const N: usize>(program: &str, arguments: [&OsStr; N], last: &Path) -> anyhow::Result<()> {
    let output = Command::new(program).args(arguments).arg(last).output();
    let output = output.with_context(|| format!("run `{program}`"))?;
    if !output.status.success() {
        bail!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn complain(folder: &Path, error: &anyhow::Error) {
    let text = format!("could not unmount {}; do it by hand: {error:#}", folder.display());
    // Nothing can be done if standard error is closed.
    drop(writeln!(std::io::stderr(), "{text}"));
}
