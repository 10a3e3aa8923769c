//! Private virtual environments in the cache of this user.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{shell, workspace};

/// A virtual environment.
#[derive(Debug)]
pub(crate) struct Venv {
    pub(crate) folder: PathBuf,
}

impl Venv {
    /// The one called `name`, which is made anew when its `requirements`, a file of the checkout,
    /// change.
    pub(crate) fn with(name: &str, requirements: &str) -> Result<Self> {
        let wanted = workspace::root()?.join(requirements);
        let text = fs::read_to_string(&wanted)
            .with_context(|| format!("cannot read {}", wanted.display()))?;
        let venv = Self { folder: workspace::cache()?.join(name) };
        let stamp = venv.folder.join("requirements.txt");
        if fs::read_to_string(&stamp).is_ok_and(|made| made == text) {
            return Ok(venv);
        }
        eprintln!("xtask: installing {requirements} into {} (once)", venv.folder.display());
        create(&venv.folder)?;
        let mut pip = Command::new(venv.python());
        let quiet = ["--quiet", "--disable-pip-version-check", "--requirement"];
        shell::run(pip.args(["-m", "pip", "install"]).args(quiet).arg(&wanted))
            .with_context(|| format!("remove {} to start afresh", venv.folder.display()))?;
        fs::write(&stamp, text).with_context(|| format!("cannot write {}", stamp.display()))?;
        Ok(venv)
    }

    /// Its interpreter.
    pub(crate) fn python(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    /// Lets `command` build, find and run this Python inside a program, with the modules in
    /// `modules`, a folder of the checkout.
    pub(crate) fn embed<'c>(
        &self,
        command: &'c mut Command,
        modules: &str,
    ) -> Result<&'c mut Command> {
        let library = "import sysconfig; print(sysconfig.get_config_var('LIBDIR'))";
        let library = shell::read(Command::new(self.python()).args(["-c", library]))?;
        let before = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
        let folders = std::iter::once(PathBuf::from(library.trim()));
        let folders =
            env::join_paths(folders.chain(env::split_paths(&before))).context("LD_LIBRARY_PATH")?;
        let modules = workspace::root()?.join(modules);
        let command = command.env("PYO3_PYTHON", self.python()).env("VIRTUAL_ENV", &self.folder);
        Ok(command.env("LD_LIBRARY_PATH", folders).env("PYTHONPATH", modules))
    }
}

fn create(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    if let Err(error) = shell::run(Command::new("python3").args(["-m", "venv"]).arg(folder)) {
        bail!(
            "expected `python3 -m venv` to work, got: {error:#}\n\
             Install it:\n    sudo apt-get install python3-venv"
        );
    }
    Ok(())
}
