//! The pinned wheels and what is taken out of them (`xtask/pins.toml`).

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

const TEXT: &str = include_str!("../../pins.toml");

/// Everything in `pins.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pins {
    pub(crate) target: Target,
    #[serde(rename = "wheel")]
    pub(crate) wheels: Vec<Wheel>,
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

/// One file on the package index.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wheel {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
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

/// Files copied out of one wheel.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Take {
    pub(crate) wheel: String,
    pub(crate) strip: String,
    #[serde(default)]
    pub(crate) into: String,
    pub(crate) files: Vec<String>,
}

impl Pins {
    /// The pins this program was built with.
    pub(crate) fn read() -> Result<Self> {
        toml::from_str(TEXT).context("xtask/pins.toml cannot be read")
    }

    /// The wheel of that name.
    pub(crate) fn wheel(&self, name: &str) -> Result<&Wheel> {
        self.wheels.iter().find(|wheel| wheel.name == name).with_context(|| {
            format!("xtask/pins.toml: a part takes from {name:?}, but no such [[wheel]]")
        })
    }
}

impl Wheel {
    /// The name of its file in the cache; another build of the same version is another file.
    pub(crate) fn file_name(&self) -> String {
        format!("{}-{}-{:.12}.whl", self.name, self.version, self.sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_take_names_a_pinned_wheel_with_a_full_hash() {
        let pins = Pins::read().unwrap();
        for part in &pins.parts {
            for take in part.takes.iter().chain(&part.cuda_takes) {
                pins.wheel(&take.wheel).unwrap();
            }
        }
        for wheel in &pins.wheels {
            assert_eq!(wheel.sha256.len(), 64, "{}", wheel.name);
            assert!(wheel.sha256.chars().all(|c| c.is_ascii_hexdigit()), "{}", wheel.name);
        }
    }
}
