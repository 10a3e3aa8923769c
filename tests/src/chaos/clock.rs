//! Wall clocks that jump: `libfaketime`, loaded into every process of the run, reads from a file by
//! how much the process is out. The monotonic clock is left alone, as on a machine whose time is set.

use super::plan::Who;
use anyhow::Context as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Where Debian, Fedora and Arch put it.
const PLACES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// The clocks of a run.
#[derive(Debug)]
pub struct Clocks {
    library: &'static str,
    folder: PathBuf,
}

impl Clocks {
    /// If the library is installed; files go into `folder`.
    #[must_use]
    pub fn find(folder: &Path) -> Option<Self> {
        let library = PLACES.into_iter().find(|place| Path::new(place).is_file())?;
        Some(Self { library, folder: folder.to_owned() })
    }

    fn file(&self, who: Who) -> PathBuf {
        self.folder.join(format!("clock-{}", who.to_string().replace(' ', "-")))
    }

    /// What a process must have in its environment.
    ///
    /// # Errors
    /// If the file that tells it the time cannot be written.
    pub fn environment(&self, who: Who) -> anyhow::Result<Vec<(String, String)>> {
        let file = self.file(who);
        if !file.exists() {
            self.jump(who, 0)?;
        }
        let variables = [
            ("LD_PRELOAD", self.library),
            ("FAKETIME_TIMESTAMP_FILE", file.to_str().context("a path of plain text")?),
            ("FAKETIME_CACHE_DURATION", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        Ok(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
    }

    /// Removes what the library leaves behind of a process that was killed.
    pub fn forget(&self, pid: u32) {
        for name in [format!("faketime_shm_{pid}"), format!("sem.faketime_sem_{pid}")] {
            // Gone already unless the process was killed.
            fs::remove_file(Path::new("/dev/shm").join(name)).ok();
        }
    }

    /// The clock of `who` is out by `seconds` from now on, or a second later.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn jump(&self, who: Who, seconds: i64) -> anyhow::Result<()> {
        let file = self.file(who);
        // Whole or not at all: it is read at any moment.
        let beside = file.with_extension("next");
        fs::write(&beside, format!("{seconds:+}s\n"))
            .and_then(|()| fs::rename(&beside, &file))
            .with_context(|| format!("write {}", file.display()))
    }
}
