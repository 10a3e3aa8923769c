//! What an experiment trains on: `[environment]` of its file.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `[environment]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// A registered task family, which `coordinator tasks list` lists, or `gymnasium`.
    pub family: String,
    /// The Python environment of the family `gymnasium`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gymnasium: Option<Gymnasium>,
    /// Makes the task change within an episode; without it, an episode has one task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Parameters of the task that are added to the observation; without it, none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub visible: Vec<String>,
    /// Contexts to train and to test on instead of the family's own; only for families whose physics
    /// have features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contexts: Option<Contexts>,
}

/// `[environment.contexts]`: the physics that tasks have. Features that are not named keep their
/// defaults.
///
/// ```toml
/// [environment.contexts]
/// seed = 1
/// [environment.contexts.train]
/// count = 100
/// features.gravity = { low = 2.0, high = 20.0, scale = "log" }
/// [environment.contexts.test]
/// count = 3
/// features.gravity = { values = [1.0, 9.8, 40.0] }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contexts {
    /// Of the drawn values; the training contexts are drawn first.
    pub seed: u32,
    /// Those to train on.
    pub train: ContextSet,
    /// Those to test on.
    pub test: ContextSet,
}

/// `[environment.contexts.train]` and `[environment.contexts.test]`: a list of contexts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextSet {
    /// How many contexts there are.
    pub count: u32,
    /// What the features that vary are.
    pub features: BTreeMap<String, Values>,
}

/// What a feature is in the contexts of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected a range { low, high, scale } or a list { values }"
)]
pub enum Values {
    /// Drawn for each context by itself.
    Range {
        /// Least value.
        low: f64,
        /// Greatest value.
        high: f64,
        /// What is uniform between them.
        scale: Scale,
    },
    /// Value `i` belongs to context `i`, so that lists of several features are read in parallel;
    /// as many as there are contexts.
    List {
        /// The values.
        values: Vec<f64>,
    },
}

/// What is uniform between the ends of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// The value.
    Linear,
    /// Its logarithm; both ends are above 0.
    Log,
}

impl Environment {
    /// The family as it is, with nothing around it.
    #[must_use]
    pub fn of(family: &str) -> Self {
        Self {
            family: family.to_owned(),
            gymnasium: None,
            change: None,
            visible: Vec::new(),
            contexts: None,
        }
    }
}

/// `[environment.gymnasium]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gymnasium {
    /// The Python module with the functions `make` and `tasks`; `docs/gymnasium.md` says what they
    /// are to do.
    pub hook: String,
    /// Steps after which an episode is truncated; without it, the time limit of the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon: Option<u32>,
}

/// When a task that changes within an episode does so.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by", deny_unknown_fields)]
pub enum When {
    /// When the body has come so far from where the last change was, to either side, and U(0,
    /// jitter) farther, m.
    Place {
        /// At least so far, m.
        every: f64,
        /// And so much farther at most, m.
        jitter: f64,
    },
    /// After so many steps.
    Time {
        /// Steps.
        every: u32,
    },
    /// With a probability in each step once some have passed.
    Chance {
        /// Steps without a change.
        after: u32,
        /// Then, in each step.
        probability: f64,
    },
}

/// Which task follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Next {
    /// Any of the split, with equal probability, also the same again.
    Random,
    /// The next one of the list, and after the last the first.
    InOrder,
}

/// `[environment.change]`
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// When.
    pub when: When,
    /// To what.
    pub next: Next,
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: When = When::Place { every: 10.0, jitter: 1.0 };

    fn parse(text: &str) -> Result<Environment, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// What is read from `family` with `rest`, which is also what is read when it is written again.
    fn read(rest: &str) -> Result<(Option<Change>, Vec<String>), String> {
        let environment = parse(&format!("family = \"cheetah-vel\"\n{rest}"))?;
        let text = toml::to_string(&environment).map_err(|error| error.to_string())?;
        assert_eq!(parse(&text), Ok(environment.clone()), "{text}");
        Ok((environment.change, environment.visible))
    }

    #[test]
    fn changes_and_visible_parameters_are_read_as_documented() {
        let change = |when, next| Ok((Some(Change { when, next }), vec![]));
        let cases = [
            ("", Ok((None, vec![]))),
            ("visible = [\"velocity\"]", Ok((None, vec!["velocity".to_owned()]))),
            (
                "change = { when = { by = \"place\", every = 10.0, jitter = 1.0 }, next = \"random\" }",
                change(PLACE, Next::Random),
            ),
            (
                "[change]\nnext = \"in-order\"\nwhen = { by = \"time\", every = 200 }",
                change(When::Time { every: 200 }, Next::InOrder),
            ),
            (
                "change.next = \"random\"\n[change.when]\nby = \"chance\"\nafter = 100\nprobability = 0.01",
                change(When::Chance { after: 100, probability: 0.01 }, Next::Random),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let cases = [
            ("visibel = []", "visibel"),
            ("change = { when = { by = \"time\", every = 2 } }", "next"),
            ("change = { next = \"random\" }", "when"),
            ("change = { when = { by = \"time\", every = 2 }, next = \"last\" }", "in-order"),
            ("change = { when = { by = \"moon\" }, next = \"random\" }", "place"),
            ("change = { when = { every = 2 }, next = \"random\" }", "by"),
            ("change = { when = { by = \"place\", every = 1.0 }, next = \"random\" }", "jitter"),
            ("change = { when = { by = \"time\", every = -2 }, next = \"random\" }", "u32"),
            (
                "change = { when = { by = \"time\", every = 2, jitter = 1.0 }, next = \"random\" }",
                "jitter",
            ),
            ("change = { when = { by = \"time\", every = 2 }, next = \"random\", to = 1 }", "to"),
        ];
        for (text, named) in cases {
            let error = read(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
