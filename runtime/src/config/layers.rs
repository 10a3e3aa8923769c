//! From text to values: the layers above the file.

use super::error::Error;
use config::{Value, ValueKind};

/// One key set by a layer above the file.
pub(super) struct Setting {
    /// Dotted path.
    pub key: String,
    /// Where it was set, as the user would write it.
    pub origin: String,
    pub value: Value,
}

/// The variables that are configuration; see the module above for their names.
pub(super) fn from_environment(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Vec<Setting> {
    let setting = |(name, text): (String, String)| {
        let path = name.strip_prefix("PROTEUS_")?;
        let path = match path.strip_prefix('_') {
            Some(top) => top.to_owned(),
            None if path.contains("__") => path.replace("__", "."),
            None => return None,
        };
        let origin = format!("environment variable {name}");
        let key = path.replace("__", ".").to_lowercase();
        is_path(&key).then(|| Setting { value: parse(&text, &origin), key, origin })
    };
    variables.into_iter().filter_map(setting).collect()
}

/// The `key=value` pairs of the command line.
pub(super) fn from_overrides(overrides: &[String]) -> Result<Vec<Setting>, Error> {
    let setting = |pair: &String| {
        let malformed = || Error::Pair { got: pair.clone() };
        let (key, text) = pair.split_once('=').ok_or_else(malformed)?;
        let key = key.trim();
        if !is_path(key) {
            return Err(malformed());
        }
        let origin = format!("--set {pair}");
        Ok(Setting { key: key.to_owned(), value: parse(text.trim(), &origin), origin })
    };
    overrides.iter().map(setting).collect()
}

/// Levels of nesting, more than any configuration needs; a parser uses the stack for each.
const LEVELS: usize = 64;

/// Whether brackets, or the parts of a dotted key, are nested deeper than that.
pub(super) fn is_too_deep(text: &str) -> bool {
    let (mut open, mut dots) = (0_usize, 0_usize);
    text.chars().any(|character| {
        match character {
            '[' | '{' => (open, dots) = (open + 1, 0),
            ']' | '}' => (open, dots) = (open.saturating_sub(1), 0),
            '=' | ',' | '\n' => dots = 0,
            '.' => dots += 1,
            _ => {}
        }
        open > LEVELS || dots > LEVELS
    })
}

fn is_path(key: &str) -> bool {
    let word = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    key.split('.').all(word) && !is_too_deep(key)
}

/// A TOML value if the text is one, else the text itself.
fn parse(text: &str, origin: &str) -> Value {
    let shallow = Some(text).filter(|text| !is_too_deep(text));
    let document = shallow.and_then(|text| format!("value = {text}").parse::<toml::Table>().ok());
    let parsed = document.and_then(|mut table| {
        let alone = table.len() == 1;
        table.remove("value").filter(|_| alone)
    });
    let value = parsed.unwrap_or_else(|| toml::Value::String(text.to_owned()));
    from_toml(value, &origin.to_owned())
}

fn from_toml(value: toml::Value, origin: &String) -> Value {
    let kind = match value {
        toml::Value::String(text) => ValueKind::String(text),
        toml::Value::Integer(number) => ValueKind::I64(number),
        toml::Value::Float(number) => ValueKind::Float(number),
        toml::Value::Boolean(truth) => ValueKind::Boolean(truth),
        toml::Value::Datetime(date) => ValueKind::String(date.to_string()),
        toml::Value::Array(items) => {
            ValueKind::Array(items.into_iter().map(|v| from_toml(v, origin)).collect())
        }
        toml::Value::Table(entries) => ValueKind::Table(
            entries.into_iter().map(|(key, v)| (key, from_toml(v, origin))).collect(),
        ),
    };
    Value::new(Some(origin), kind)
}

/// The merged tree with its types as written. The `config` crate itself would turn `"12"` into a
/// number and round `1.5`, which hides mistakes.
pub(super) fn to_toml(tree: &Value) -> toml::Value {
    match &tree.kind {
        ValueKind::Nil => toml::Value::String(String::new()),
        ValueKind::Boolean(truth) => toml::Value::Boolean(*truth),
        ValueKind::I64(number) => toml::Value::Integer(*number),
        ValueKind::I128(number) => integer(*number),
        ValueKind::U64(number) => integer((*number).into()),
        ValueKind::U128(number) => integer(i128::try_from(*number).unwrap_or(i128::MAX)),
        ValueKind::Float(number) => toml::Value::Float(*number),
        ValueKind::String(text) => toml::Value::String(text.clone()),
        ValueKind::Table(entries) => toml::Value::Table(
            entries.iter().map(|(key, value)| (key.clone(), to_toml(value))).collect(),
        ),
        ValueKind::Array(items) => toml::Value::Array(items.iter().map(to_toml).collect()),
    }
}

/// TOML has no integer beyond 64 bits; the text then fails as a wrong type.
fn integer(number: i128) -> toml::Value {
    i64::try_from(number)
        .map_or_else(|_| toml::Value::String(number.to_string()), toml::Value::Integer)
}
