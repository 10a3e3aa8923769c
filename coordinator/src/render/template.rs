//! Templates: text with `{{names}}`, filled with values that cannot break out of their place.
//!
//! A value is written as JSON, which every YAML reader understands as a flow value, so that lists
//! of arguments or a name with odd characters stay what they are. [`Fill::Text`] goes in as it is;
//! on a line that holds nothing but `{{name}}` it may have several lines, which get the indentation
//! of that line. [`Fill::Nothing`] removes such a line.

use serde_json::Value;

/// What comes into a place.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fill {
    /// As JSON.
    Value(Value),
    /// Text as it is. The caller has checked or quoted it.
    Text(String),
    /// The line goes.
    Nothing,
}

impl<T: Into<Value>> From<T> for Fill {
    fn from(value: T) -> Self {
        Self::Value(value.into())
    }
}

/// A template and its fills do not belong together: a mistake in this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A place that nothing is known for.
    #[error("a template has a place {{{{{0}}}}}, and nothing to fill it with")]
    Unknown(String),
    /// A fill without a place.
    #[error("a template has no place {{{{{0}}}}}")]
    Unused(String),
    /// Several lines in the middle of one.
    #[error("the place {{{{{0}}}}} of a template expected a line of its own")]
    NotAlone(String),
}

/// Fills every place of `template`.
pub(super) fn fill(template: &str, fills: &[(&str, Fill)]) -> Result<String, Error> {
    for (name, _) in fills {
        if !template.contains(&format!("{{{{{name}}}}}")) {
            return Err(Error::Unused((*name).to_owned()));
        }
    }
    let mut filled = String::with_capacity(2 * template.len());
    for line in template.lines() {
        if let Some(line) = fill_line(line, fills)? {
            filled.push_str(&line);
            filled.push('\n');
        }
    }
    Ok(filled)
}

/// `None` if the line goes.
fn fill_line(line: &str, fills: &[(&str, Fill)]) -> Result<Option<String>, Error> {
    let mut filled = String::new();
    let mut rest = line;
    while let Some((before, from_name)) = rest.split_once("{{") {
        let Some((name, after)) = from_name.split_once("}}") else {
            break;
        };
        let found = fills.iter().find(|(known, _)| *known == name);
        let (_, fill) = found.ok_or_else(|| Error::Unknown(name.to_owned()))?;
        let alone = line.trim() == format!("{{{{{name}}}}}");
        filled.push_str(before);
        match fill {
            Fill::Value(value) => filled.push_str(&value.to_string()),
            Fill::Text(text) if !alone && !text.contains('\n') => filled.push_str(text),
            _ if !alone => return Err(Error::NotAlone(name.to_owned())),
            Fill::Nothing => return Ok(None),
            Fill::Text(text) => filled = indented(text, before),
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(Some(filled))
}

/// Every line of `text` behind `indentation`; empty ones stay empty.
fn indented(text: &str, indentation: &str) -> String {
    let lines = text.lines().map(|line| match line {
        "" => String::new(),
        line => format!("{indentation}{line}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_cannot_break_out_of_their_place() {
        let template = "a: {{a}}\nb:\n  {{b}}\n{{c}}\nd: {{d}} # {{d}}\n";
        let fills = [
            ("a", json!(["x: \"y\"", "two\nlines"]).into()),
            ("b", Fill::Text("one\n\n  two".to_owned())),
            ("c", Fill::Nothing),
            ("d", 3.into()),
        ];
        let expected = "a: [\"x: \\\"y\\\"\",\"two\\nlines\"]\nb:\n  one\n\n    two\nd: 3 # 3\n";
        assert_eq!(fill(template, &fills).unwrap(), expected);
    }

    #[test]
    fn a_template_and_its_fills_belong_together() {
        let one = [("a", Fill::from(1))];
        assert_eq!(fill("{{b}} {{a}}", &one), Err(Error::Unknown("b".to_owned())));
        assert_eq!(fill("b", &one), Err(Error::Unused("a".to_owned())));
        let lines = [("a", Fill::Text("x\ny".to_owned()))];
        assert_eq!(fill("x {{a}}", &lines), Err(Error::NotAlone("a".to_owned())));
    }
}
