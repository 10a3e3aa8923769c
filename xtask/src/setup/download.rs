//! Archives in the cache of this user: fetched once, checked every time they are used.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::hash;
use super::lock;
use super::pins::{Archive, Format, Target};

/// How often an archive is fetched before giving up on it.
const ATTEMPTS: usize = 2;

const SOURCE: &str = include_str!("../../py/source.py");

/// Something that can put an archive into a folder.
pub(crate) trait Fetch {
    /// Fetches `archive` into the empty folder `into` and says which file it is.
    fn fetch(&self, archive: &Archive, into: &Path) -> Result<PathBuf>;
}

/// Fetches wheels with `python3 -m pip download`, which knows the user's index, proxy and
/// certificates, and sources from the same index with `source.py`.
#[derive(Debug)]
pub(crate) struct Pip<'a> {
    target: &'a Target,
}

impl<'a> Pip<'a> {
    pub(crate) fn new(target: &'a Target) -> Self {
        Self { target }
    }

    fn wheel(&self, wheel: &Archive, into: &Path) -> Result<Command> {
        let requirements = into.join("requirements.txt");
        let line = format!("{}=={} --hash=sha256:{}\n", wheel.name, wheel.version, wheel.sha256);
        fs::write(&requirements, line)
            .with_context(|| format!("cannot write {}", requirements.display()))?;
        let python = &self.target.python;
        let abi = format!("cp{python}");
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"])
            .args(["--python-version", python, "--implementation", "cp"])
            .args(["--abi", &abi, "--abi", "abi3", "--abi", "none"]);
        for platform in self.target.platforms.iter().map(String::as_str).chain(["any"]) {
            pip.args(["--platform", platform]);
        }
        // pip keeps an unfinished download in TMPDIR: next to the cache, not in a small /tmp.
        pip.arg("--requirement")
            .arg(requirements)
            .arg("--dest")
            .arg(into)
            .env("TMPDIR", into)
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        if !io::stderr().is_terminal() {
            pip.arg("--quiet");
        }
        Ok(pip)
    }
}

impl Fetch for Pip<'_> {
    fn fetch(&self, archive: &Archive, into: &Path) -> Result<PathBuf> {
        let mut command = match archive.format {
            Format::Wheel => self.wheel(archive, into)?,
            Format::Source => source(archive, into),
        };
        run(&mut command).with_context(|| {
            format!(
                "cannot fetch {} {}; expected a package index that has this {} \
                 (behind a mirror or proxy, set PIP_INDEX_URL or HTTPS_PROXY)",
                archive.name,
                archive.version,
                match archive.format {
                    Format::Wheel => "wheel",
                    Format::Source => "source archive",
                }
            )
        })?;
        only(archive.format.ending(), into)
    }
}

fn source(archive: &Archive, into: &Path) -> Command {
    let mut python = Command::new("python3");
    python.args(["-c", SOURCE, &archive.name, &archive.version]).arg(into);
    python
}

/// With the program's own progress on a terminal, silent elsewhere.
fn run(command: &mut Command) -> Result<()> {
    command.stdin(Stdio::null());
    if io::stderr().is_terminal() {
        let status = command.status().context("cannot start python3")?;
        return match status.success() {
            true => Ok(()),
            false => bail!("python3 ended with {status}; its own message is above"),
        };
    }
    let output = command.output().context("cannot start python3")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("python3 said: {}", said.trim());
    }
    Ok(())
}

fn only(ending: &str, folder: &Path) -> Result<PathBuf> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.to_string_lossy().ends_with(ending))
        .with_context(|| format!("expected one .{ending} in {}, got none", folder.display()))
}

/// The folder of downloaded archives.
#[derive(Debug)]
pub(crate) struct Store<F> {
    folder: PathBuf,
    fetch: F,
}

impl<F: Fetch> Store<F> {
    /// Opens the folder, creating it when it is not there.
    pub(crate) fn new(folder: PathBuf, fetch: F) -> Result<Self> {
        fs::create_dir_all(&folder).with_context(|| {
            format!(
                "cannot create the download cache {}; is XDG_CACHE_HOME writable?",
                folder.display()
            )
        })?;
        Ok(Self { folder, fetch })
    }

    /// The checked file of an archive. What has the wrong hash is removed and fetched again.
    pub(crate) fn get(&self, archive: &Archive) -> Result<PathBuf> {
        let _lock = lock::folder(&self.folder)?;
        let path = self.folder.join(archive.file_name());
        if path.exists() {
            match check(&path, archive) {
                Ok(()) => return Ok(path),
                Err(error) => eprintln!("setup: {error:#}; fetching it again"),
            }
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        for attempt in 1..ATTEMPTS {
            match self.fetch_once(archive, &path) {
                Ok(()) => return Ok(path),
                Err(error) => eprintln!("setup: attempt {attempt} of {ATTEMPTS}: {error:#}"),
            }
        }
        self.fetch_once(archive, &path)?;
        Ok(path)
    }

    fn fetch_once(&self, archive: &Archive, path: &Path) -> Result<()> {
        // Under this name a killed setup leaves what it had; the next one removes it.
        let part = self.folder.join(format!("part-{}", archive.file_name()));
        remove(&part)?;
        fs::create_dir(&part).with_context(|| format!("cannot create {}", part.display()))?;
        eprintln!(
            "setup: fetching {} {} ({} MiB)",
            archive.name,
            archive.version,
            archive.bytes.div_ceil(1 << 20)
        );
        let outcome = self.fetch.fetch(archive, &part).and_then(|file| {
            check(&file, archive)?;
            fs::rename(&file, path).with_context(|| format!("cannot write {}", path.display()))
        });
        remove(&part)?;
        outcome
    }
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn check(file: &Path, archive: &Archive) -> Result<()> {
    let got = hash::of_file(file)?;
    if got != archive.sha256 {
        bail!(
            "{} {} is damaged or not the pinned file: expected sha256 {}, got {got}",
            archive.name,
            archive.version,
            archive.sha256
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Gives out the listed contents, one per fetch.
    struct Script(RefCell<Vec<&'static str>>);

    impl Fetch for &Script {
        fn fetch(&self, _: &Archive, into: &Path) -> Result<PathBuf> {
            let mut contents = self.0.borrow_mut();
            if contents.is_empty() {
                bail!("asked once too often");
            }
            let file = into.join("some.whl");
            fs::write(&file, contents.remove(0))?;
            Ok(file)
        }
    }

    fn wheel() -> Archive {
        Archive {
            name: "thing".into(),
            version: "1.0".into(),
            sha256: hash::of_text("good"),
            bytes: 4,
            format: Format::Wheel,
        }
    }

    fn get(folder: &Path, contents: &[&'static str]) -> Result<PathBuf> {
        let script = Script(RefCell::new(contents.to_vec()));
        Store::new(folder.to_path_buf(), &script)?.get(&wheel())
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_damaged_download_is_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = get(folder.path(), &["bad", "good"]).unwrap();
        assert_eq!(fs::read_to_string(file).unwrap(), "good");
    }

    #[test]
    fn a_wheel_that_stays_damaged_is_refused_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let error = format!("{:#}", get(folder.path(), &["bad", "worse"]).unwrap_err());
        assert!(error.contains("expected sha256") && error.contains("got"), "{error}");
        assert_eq!(names(folder.path()), [".lock"]);
    }

    #[test]
    fn what_a_killed_download_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join(format!("part-{}", wheel().file_name()));
        fs::create_dir(&part).unwrap();
        fs::write(part.join("half.whl"), "go").unwrap();
        get(folder.path(), &["good"]).unwrap();
        assert_eq!(names(folder.path()), [".lock".to_owned(), wheel().file_name()]);
    }

    #[test]
    fn a_checked_wheel_is_not_fetched_twice() {
        let folder = tempfile::tempdir().unwrap();
        get(folder.path(), &["good"]).unwrap();
        get(folder.path(), &[]).unwrap();
    }

    #[test]
    fn a_wheel_damaged_in_the_cache_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = get(folder.path(), &["good"]).unwrap();
        fs::write(&file, "half").unwrap();
        get(folder.path(), &["good"]).unwrap();
        assert_eq!(fs::read_to_string(file).unwrap(), "good");
    }
}
