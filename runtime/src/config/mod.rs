//! Layered configuration: a TOML file, then the environment, then `--set key=value`; later wins.
//!
//! An environment variable is configuration if it is named `PROTEUS_<SECTION>__<KEY>` (or
//! `PROTEUS__<KEY>` for a key outside any section). Names without a double underscore, such as
//! `PROTEUS_MODELS`, mean something else and are left alone. What stands behind `=` is a TOML value
//! (`3`, `1e-3`, `[300, 300]`, `true`); anything that is none is taken as text, so quotes around a
//! word are not needed.
//!
//! Types are checked strictly (`"12"` is not a number, `1.5` is not a count), and a key that the
//! target type does not have is an error that suggests the nearest one it has.

mod error;
mod layers;

pub use error::Error;

use ::config::{Config, File, FileFormat, Value};
use serde::de::DeserializeOwned;
use std::path::Path;

/// Reads `file`, then the variables of this process, then `overrides` (each `key=value`).
///
/// # Errors
/// [`Error`]: the first thing that is wrong, naming the layer and the key.
pub fn load<T: DeserializeOwned>(file: &Path, overrides: &[String]) -> Result<T, Error> {
    let readable = |(name, value): (_, std::ffi::OsString)| Some((name, value.into_string().ok()?));
    let environment =
        std::env::vars_os().filter_map(|(name, value)| readable((name.into_string().ok()?, value)));
    load_with(file, environment, overrides)
}

/// Like [`load`], with the environment as a parameter.
///
/// # Errors
/// As [`load`].
pub fn load_with<T: DeserializeOwned>(
    file: &Path,
    environment: impl IntoIterator<Item = (String, String)>,
    overrides: &[String],
) -> Result<T, Error> {
    if !file.is_file() {
        return Err(Error::NoFile { file: file.to_owned() });
    }
    // What cannot be read is told below.
    let text = std::fs::read(file).unwrap_or_default();
    if layers::is_too_deep(&String::from_utf8_lossy(&text)) {
        let reason = "brackets or dotted keys are nested too deeply".to_owned();
        return Err(Error::Read { origin: file.display().to_string(), reason });
    }
    let source = File::from(file).format(FileFormat::Toml);
    let mut builder = Config::builder().add_source(source);
    for layer in
        layers::from_environment(environment).into_iter().chain(layers::from_overrides(overrides)?)
    {
        let origin = layer.origin.clone();
        builder = builder
            .set_override(&layer.key, layer.value)
            .map_err(|error| Error::Read { origin, reason: error.to_string() })?;
    }
    let merged = builder.build().map_err(|error| Error::Read {
        origin: file.display().to_string(),
        reason: error.to_string(),
    })?;
    read(&merged.cache, file)
}

fn read<T: DeserializeOwned>(tree: &Value, file: &Path) -> Result<T, Error> {
    let strict = layers::to_toml(tree);
    serde_path_to_error::deserialize(strict)
        .map_err(|error| error::explain(tree, file, &error.path().to_string(), error.inner()))
}

#[cfg(test)]
mod tests;
