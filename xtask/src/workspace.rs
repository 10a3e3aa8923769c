//! Where things are: the checkout, `.deps/`, and the cache of this user.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// The root of the checkout. Cargo says where this package is, so a moved checkout is fine.
pub(crate) fn root() -> Result<PathBuf> {
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let root =
        package.parent().with_context(|| format!("{} has no parent folder", package.display()))?;
    Ok(root.to_path_buf())
}

/// The folder of unpacked native parts; ignored by git.
pub(crate) fn deps() -> Result<PathBuf> {
    Ok(root()?.join(".deps"))
}

/// The build contexts of container images.
pub(crate) fn images() -> Result<PathBuf> {
    Ok(root()?.join("target/images"))
}

/// `$XDG_CACHE_HOME/proteus` or `~/.cache/proteus`: shared by all checkouts of this user.
pub(crate) fn cache() -> Result<PathBuf> {
    let base = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .context(
            "no folder for downloads: expected XDG_CACHE_HOME (absolute) or HOME in the environment, \
             got neither; set one of them",
        )?;
    Ok(base.join("proteus"))
}

/// Where `name` lies on `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
