//! A base image from this machine: the C library and what belongs to it, by asking the loader what
//! the programs need. It holds no shell and no package manager.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::stage;
use crate::{cargo, shell, workspace};

/// Accounts, and where host names are looked up.
const FILES: [(&str, &str); 3] = [
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/var/lib/proteus:/sbin/nologin\n",
    ),
    ("etc/group", "root:x:0:\nnonroot:x:65532:\n"),
    ("etc/nsswitch.conf", "hosts: files dns\n"),
];

/// Fills `root` with a root file system.
pub(super) fn stage(root: &Path) -> Result<()> {
    if root.exists() {
        fs::remove_dir_all(root).with_context(|| format!("cannot empty {}", root.display()))?;
    }
    for library in libraries()? {
        // As `/lib/…` on every machine, whether or not that is a link to `/usr/lib` here.
        let target = root.join(library.strip_prefix("/").unwrap_or(&library));
        stage::folder(target.parent().unwrap_or(root))?;
        stage::copy(&library, &target)?;
    }
    for (name, content) in FILES {
        let path = root.join(name);
        stage::folder(path.parent().unwrap_or(root))?;
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    stage::folder(&root.join("tmp"))
}

/// What the loader takes from this system for any of the programs.
fn libraries() -> Result<BTreeSet<PathBuf>> {
    let ours = workspace::root()?.canonicalize()?;
    let deps = workspace::deps()?.canonicalize()?;
    let mut found = BTreeSet::new();
    for program in cargo::PROCESSES {
        let listing = shell::read(Command::new("ldd").arg(cargo::binary(program)?))?;
        if let Some(missing) = listing.lines().find(|line| line.contains("not found")) {
            bail!("{program}: {}", missing.trim());
        }
        let paths = listing.lines().filter_map(path);
        let foreign = |path: &PathBuf| {
            let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
            !whole.starts_with(&ours) && !whole.starts_with(&deps)
        };
        found.extend(paths.filter(foreign));
    }
    Ok(found)
}

/// The file of one line of `ldd`: `libm.so.6 => /lib/libm.so.6 (0x…)` or `/lib64/ld.so (0x…)`.
fn path(line: &str) -> Option<PathBuf> {
    let file = line.rsplit("=>").next()?.trim().split(" (").next()?;
    file.starts_with('/').then(|| PathBuf::from(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_s_answers_are_understood() {
        let file = |line| path(line).map(|path| path.display().to_string());
        assert_eq!(file("\tlibm.so.6 => /lib/libm.so.6 (0x7f04)").unwrap(), "/lib/libm.so.6");
        assert_eq!(file("\t/lib64/ld.so.2 (0x7f04)").unwrap(), "/lib64/ld.so.2");
        assert_eq!(file("\tlinux-vdso.so.1 (0x00007ffd)"), None);
        assert_eq!(file("\tlibx.so => not found"), None);
    }
}
