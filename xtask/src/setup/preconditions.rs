//! What must be on the machine, and what to install when it is not.

use std::env;
use std::process::Command;

use anyhow::{Result, bail};

use crate::{shell, workspace};

/// The oldest C library the pinned wheels run on.
const GLIBC: (u32, u32) = (2, 28);

/// What every build needs.
pub(crate) fn building() -> Result<()> {
    if (env::consts::OS, env::consts::ARCH) != ("linux", "x86_64") {
        bail!(
            "expected Linux on x86_64, got {} on {}: the pinned native libraries exist for no other platform. \
             Build in an x86_64 Linux machine or container",
            env::consts::OS,
            env::consts::ARCH
        );
    }
    if env::var_os("CXX").is_none()
        && !["c++", "g++", "clang++"].iter().any(|name| workspace::on_path(name).is_some())
    {
        bail!(
            "expected a C++ compiler (c++, g++ or clang++) on PATH, got none: libtorch's interface is compiled with it. \
             Install one:\n    sudo apt-get install g++"
        );
    }
    Ok(())
}

/// What fetching and unpacking need on top.
pub(crate) fn fetching() -> Result<()> {
    if workspace::on_path("python3").is_none() {
        bail!(
            "expected python3 on PATH, got none: native libraries are fetched from the Python package index. \
             Install it:\n    sudo apt-get install python3 python3-pip"
        );
    }
    if let Err(error) = shell::read(Command::new("python3").args(["-m", "pip", "--version"])) {
        bail!(
            "expected `python3 -m pip` to work, got: {error}\n\
             Install pip:\n    sudo apt-get install python3-pip"
        );
    }
    glibc()
}

fn glibc() -> Result<()> {
    let said = shell::read(Command::new("getconf").arg("GNU_LIBC_VERSION")).unwrap_or_default();
    match version(&said) {
        Some(found) if found >= GLIBC => Ok(()),
        _ => bail!(
            "expected glibc {}.{} or newer, got {:?}: the pinned native libraries do not load on this system. \
             Use Debian 10, Ubuntu 20.04, RHEL 8 or newer, or a container of one",
            GLIBC.0,
            GLIBC.1,
            said.trim()
        ),
    }
}

fn version(said: &str) -> Option<(u32, u32)> {
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glibc_versions_compare_by_number() {
        assert_eq!(version("glibc 2.36\n"), Some((2, 36)));
        assert!(version("glibc 2.4").unwrap() < GLIBC);
        assert_eq!(version("musl 1.2"), None);
    }
}
