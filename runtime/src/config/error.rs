//! What can be wrong with a configuration, said so that the user can put it right.

use config::{Value, ValueKind};
use std::path::{Path, PathBuf};

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such file.
    #[error("{}: expected a TOML file, found none; check the path", file.display())]
    NoFile {
        /// The path as given.
        file: PathBuf,
    },
    /// The file is not TOML.
    #[error("{origin}: expected TOML: {reason}")]
    Read {
        /// File or other layer.
        origin: String,
        /// What the parser says.
        reason: String,
    },
    /// An override is not a pair.
    #[error("--set {got}: expected key=value, such as --set budget.env_steps=20000")]
    Pair {
        /// What was there.
        got: String,
    },
    /// A key that does not exist.
    #[error("{origin}: unknown key `{key}`; {advice}")]
    UnknownKey {
        /// Where it was set.
        origin: String,
        /// Dotted path.
        key: String,
        /// The nearest key, or all of them.
        advice: String,
    },
    /// A key that must be there is not.
    #[error("{origin}: missing key `{key}`; add it to the file, or pass --set {key}=…")]
    MissingKey {
        /// The file.
        origin: String,
        /// Dotted path.
        key: String,
    },
    /// A value of the wrong type or choice.
    #[error("{origin}: key `{key}`: {reason}")]
    Value {
        /// Where it was set.
        origin: String,
        /// Dotted path.
        key: String,
        /// Expected and got.
        reason: String,
    },
}

/// Turns what serde says about `path` into an error that names the layer and the key.
pub(super) fn explain(tree: &Value, file: &Path, path: &str, error: &toml::de::Error) -> Error {
    let message = error.message().trim();
    let names = quoted(message);
    let section = if path == "." { "" } else { path };
    if let ("unknown field", [got, known @ ..]) = (kind(message), names.as_slice()) {
        let section = section.strip_suffix(got).unwrap_or(section);
        let key = join(section, got);
        return Error::UnknownKey {
            origin: origin(tree, file, &key),
            advice: advice(section, got, known),
            key,
        };
    }
    if let ("missing field", [name]) = (kind(message), names.as_slice()) {
        return Error::MissingKey { origin: file.display().to_string(), key: join(section, name) };
    }
    let hint = match (kind(message), names.as_slice()) {
        ("unknown variant", [got, known @ ..]) => format!("; {}", advice("", got, known)),
        _ => String::new(),
    };
    Error::Value {
        origin: origin(tree, file, section),
        key: section.to_owned(),
        reason: format!("{}{hint}", swap_sides(message)),
    }
}

/// "unknown field", "missing field", "invalid type", …
fn kind(message: &str) -> &str {
    let end = message.find([':', '`']).unwrap_or(message.len());
    message[..end].trim()
}

/// The words in backticks, in order.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

fn join(section: &str, key: &str) -> String {
    match section.trim_end_matches('.') {
        "" => key.to_owned(),
        section => format!("{section}.{key}"),
    }
}

/// The nearest of `known`, or all of them if none is near.
fn advice(section: &str, got: &str, known: &[&str]) -> String {
    let distance = |name: &&&str| strsim::damerau_levenshtein(got, name);
    let nearest = known.iter().min_by_key(distance);
    match nearest {
        Some(name) if distance(&name) <= 1 + got.len().max(name.len()) / 3 => {
            format!("did you mean `{}`?", join(section, name))
        }
        Some(_) => format!("expected one of: {}", known.join(", ")),
        None => "expected no key here".to_owned(),
    }
}

/// serde says "invalid type: got, expected x"; elsewhere we say "expected x, got y".
fn swap_sides(message: &str) -> String {
    let body = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .or_else(|| message.strip_prefix("invalid length "));
    match body.and_then(|body| body.rsplit_once(", expected ")) {
        Some((got, expected)) => format!("expected {}, got {got}", plain(expected)),
        None => message.to_owned(),
    }
}

/// Names of types as a user would say them.
fn plain(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or above",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a sequence" => "a list such as [1, 2]",
        other => other.strip_prefix("struct ").map_or(other, |_| "a section of keys"),
    }
}

/// The layer that set the value at `path`, or the nearest value above it that says so.
fn origin(tree: &Value, file: &Path, path: &str) -> String {
    let mut newest = tree.origin();
    let mut here = Some(tree);
    for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        here = here.and_then(|value| match &value.kind {
            ValueKind::Table(entries) => entries.get(part),
            ValueKind::Array(items) => items.get(part.parse::<usize>().ok()?),
            _ => None,
        });
        newest = here.and_then(Value::origin).or(newest);
    }
    newest.map_or_else(|| file.display().to_string(), str::to_owned)
}
