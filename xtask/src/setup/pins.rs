//! The pinned archives and what is taken out of them (`xtask/pins.toml`).

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

const TEXT: &str = include_str!("../../pins.toml");

/// Everything in `pins.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pins {
    pub(crate) target: Target,
    /// What is built already.
    #[serde(rename = "wheel")]
    pub(crate) wheels: Vec<Archive>,
    /// What is compiled here.
    #[serde(default, rename = "source")]
    pub(crate) sources: Vec<Archive>,
    #[serde(rename = "part")]
    pub(crate) parts: Vec<PartPin>,
}

/// For which interpreter and platforms wheels are chosen.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    pub(crate) python: String,
    pub(crate) platforms: Vec<String>,
}

/// What a file on the package index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    /// A zip file for an interpreter and a platform.
    #[default]
    Wheel,
    /// A compressed tar file for all of them.
    Source,
}

/// One file on the package index.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Archive {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    /// By the list it is in.
    #[serde(skip)]
    pub(crate) format: Format,
}

/// One folder under `.deps/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartPin {
    pub(crate) dir: String,
    /// With this variable a user brings their own copy.
    pub(crate) env: Option<Variable>,
    #[serde(default)]
    pub(crate) links: Vec<Link>,
    #[serde(default, rename = "take")]
    pub(crate) takes: Vec<Take>,
    /// Taken in addition by `setup --cuda`.
    #[serde(default, rename = "take_cuda")]
    pub(crate) cuda_takes: Vec<Take>,
}

/// An environment variable that says where a part lies.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    pub(crate) name: String,
    /// Its value, below `.deps/`, when the part is the one made here.
    pub(crate) ours: String,
}

/// A symbolic link inside a part.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Link {
    pub(crate) from: String,
    pub(crate) to: String,
}

/// Files copied out of one archive.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Take {
    /// `wheel = "…"` or `source = "…"`. In stamps it is `wheel` for both.
    #[serde(rename = "wheel", alias = "source")]
    pub(crate) archive: String,
    pub(crate) strip: String,
    #[serde(default)]
    pub(crate) into: String,
    pub(crate) files: Vec<String>,
}

impl Pins {
    /// The pins this program was built with.
    pub(crate) fn read() -> Result<Self> {
        let mut pins: Self = toml::from_str(TEXT).context("xtask/pins.toml cannot be read")?;
        for source in &mut pins.sources {
            source.format = Format::Source;
        }
        Ok(pins)
    }

    /// The archive of that name.
    pub(crate) fn archive(&self, name: &str) -> Result<&Archive> {
        self.archives().find(|archive| archive.name == name).with_context(|| {
            format!(
                "xtask/pins.toml: a part takes from {name:?}, but no such [[wheel]] or [[source]]"
            )
        })
    }

    fn archives(&self) -> impl Iterator<Item = &Archive> {
        self.wheels.iter().chain(&self.sources)
    }
}

impl Archive {
    /// The name of its file in the cache; another build of the same version is another file.
    pub(crate) fn file_name(&self) -> String {
        let ending = self.format.ending();
        format!("{}-{}-{:.12}.{ending}", self.name, self.version, self.sha256)
    }
}

impl Format {
    /// How the names of its files end.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Wheel => "whl",
            Self::Source => "tar.gz",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_take_names_a_pinned_archive_with_a_full_hash() {
        let pins = Pins::read().unwrap();
        for part in &pins.parts {
            for take in part.takes.iter().chain(&part.cuda_takes) {
                pins.archive(&take.archive).unwrap();
            }
        }
        for archive in pins.archives() {
            assert_eq!(archive.sha256.len(), 64, "{}", archive.name);
            assert!(archive.sha256.chars().all(|c| c.is_ascii_hexdigit()), "{}", archive.name);
        }
    }
}
