//! The folder of a run with the beliefs of its evaluations.

use super::{Error, Latents, picture, projector, to_bytes};
use crate::replace::replace;
use std::io;
use std::path::{Path, PathBuf};

/// Its name in the run directory.
pub const FOLDER: &str = "latents";

const EXTENSION: &str = "safetensors";

/// The file of evaluation `number` of the run in `run_dir`.
#[must_use]
pub fn path(run_dir: &Path, number: u64) -> PathBuf {
    run_dir.join(FOLDER).join(format!("{number}.{EXTENSION}"))
}

/// The evaluations whose beliefs are in `run_dir`, in order.
///
/// # Errors
/// What the system says; a folder that is not there is empty.
pub fn numbers(run_dir: &Path) -> io::Result<Vec<u64>> {
    let entries = match std::fs::read_dir(run_dir.join(FOLDER)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let path = PathBuf::from(entry?.file_name());
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if path.extension().is_some_and(|extension| extension == EXTENSION)
            && let Some(number) = stem.and_then(|stem| stem.parse().ok())
        {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Writes all there is to say of `latents` into `run_dir`: its file, its picture, and the tables of the
/// projector, which show the newest evaluation. Each file is replaced as a whole. What cannot be drawn
/// is told in the log and left out; a run does not end for the want of a picture.
///
/// # Errors
/// What the system says.
pub fn write(run_dir: &Path, latents: &Latents) -> io::Result<()> {
    let number = latents.about.number;
    for folder in [FOLDER, projector::FOLDER] {
        std::fs::create_dir_all(run_dir.join(folder))?;
    }
    let file = path(run_dir, number);
    match to_bytes(latents) {
        Ok(bytes) => replace(&file, &bytes)?,
        Err(error) => leave_out(number, &error),
    }
    match picture(latents) {
        Ok(svg) => replace(&file.with_extension("svg"), svg.as_bytes())?,
        Err(error) => leave_out(number, &error),
    }
    for (name, content) in projector::files(latents) {
        replace(&run_dir.join(name), content.as_bytes())?;
    }
    Ok(())
}

fn leave_out(number: u64, error: &Error) {
    tracing::warn!(evaluation = number, %error, "a file about latents is left out");
}
