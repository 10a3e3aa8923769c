//! The experiment files that come with the project, and the page that explains their keys.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use learner::method::MethodSpec;
use std::path::{Path, PathBuf};
use types::Experiment;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_experiment_is_whole_valid_and_names_a_family() {
    let configs = files(&root().join("configs"));
    assert!(configs.len() >= 5, "{configs:?}");
    for path in configs {
        let text = std::fs::read_to_string(&path).unwrap();
        let experiment: Experiment =
            toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        experiment.validate().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let env = envs::find(&experiment.environment.family).unwrap().spec();
        // What the learner would refuse at its start.
        let method = MethodSpec::of(&experiment, &env);
        let method = method.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for networks in [method.inference(), method.critics(), method.targets()] {
            networks.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        }
        method.policy().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}

#[test]
fn every_key_is_explained() {
    let page = std::fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let text = std::fs::read_to_string(root().join("configs/quickstart.toml")).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    for (section, value) in &table {
        match value.as_table() {
            None => assert!(page.contains(&format!("| `{section}` |")), "{section}"),
            Some(keys) => {
                let start = page.find(&format!("`[{section}]`")).unwrap_or_else(|| {
                    panic!("docs/configuration.md has no section for [{section}]")
                });
                let rest = &page[start..];
                let end = rest[1..].find("\n## ").map_or(rest.len(), |end| end + 1);
                for key in keys.keys() {
                    let row = format!("| `{key}` |");
                    assert!(rest[..end].contains(&row), "[{section}] {key} is not explained");
                }
            }
        }
    }
}
