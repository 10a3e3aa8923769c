//! The documentation says what the registry says.
//!
//! Where it does not, `PROTEUS_BLESS=1 cargo test --release -p envs --test docs` writes it anew.

use anyhow::{Context, Result, ensure};
use envs::{Suite, TaskFamily, suites};
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "\
# Tasks

The task families that come with Proteus, suite by suite. `coordinator tasks show FAMILY` tells the
same of one of them, with its first tasks; `coordinator tasks render FAMILY -o x.gif` draws an
episode; [extending.md](extending.md) adds a family.

An agent acts with numbers in [-1, 1], which are clipped and rescaled to the units below; where an
action is a choice, the largest number decides. Episodes end after the given number of steps at the
latest. *U* is uniform, *N* normal. Task lists are fixed: where a source draws them with NumPy and a
seed, these are the same numbers.

<!-- Generated from the registry; see envs/tests/docs.rs. -->
";

/// Columns of the tables.
const COLUMNS: [&str; 9] =
    ["family", "observation", "action", "tasks", "start", "reward", "end", "source", "differences"];

/// `docs/<name>` is `expected`, or is made so where that is asked for.
fn kept(name: &str, expected: &str) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    if std::env::var_os("PROTEUS_BLESS").is_some() {
        return std::fs::write(&path, expected).context("write the documentation");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differ = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    ensure!(
        found == expected,
        "docs/{name} is not what the code says; write it anew with \
         `PROTEUS_BLESS=1 cargo test --release -p envs --test docs`. First difference: {differ:?}"
    );
    Ok(())
}

fn row(family: &dyn TaskFamily) -> Result<String> {
    let (card, spec) = (family.card(), family.spec());
    let differences = if card.differences.is_empty() { "–" } else { card.differences };
    let cells = [
        &format!("`{}`", family.name()),
        &format!("{}: {}", spec.observation_dim, card.observation),
        &format!("{}: {}", spec.action_dim, card.action),
        card.tasks,
        card.start,
        card.reward,
        &format!("{}; {} steps", card.end, spec.horizon),
        card.source,
        differences,
    ];
    for (cell, column) in cells.iter().zip(COLUMNS) {
        let (name, bars) = (family.name(), cell.matches('|').count());
        ensure!(!cell.trim().is_empty(), "{name}: say what the {column} is");
        ensure!(!cell.contains('\n'), "{name}: {column}: expected one line");
        ensure!(bars == cell.matches("\\|").count(), "{name}: {column}: write | as \\\\|");
    }
    Ok(format!("| {} |", cells.join(" | ")))
}

fn table(suite: &Suite) -> Result<String> {
    let mut text = format!("\n## {}\n\n{}\n\n", suite.name, suite.summary);
    writeln!(text, "| {} |\n|{}", COLUMNS.join(" | "), "---|".repeat(COLUMNS.len()))?;
    for family in suite.families {
        writeln!(text, "{}", row(*family)?)?;
    }
    Ok(text)
}

#[test]
fn the_tables_of_tasks_are_those_of_the_registry() -> Result<()> {
    let mut expected = HEAD.to_owned();
    for suite in suites().iter().filter(|suite| !suite.families.is_empty()) {
        expected += &table(suite)?;
    }
    kept("tasks.md", &expected)
}

#[test]
fn the_family_of_the_walk_through_is_the_one_that_is_compiled_and_tested() -> Result<()> {
    const OPEN: &str = "```rust\n//! `windy-cart`";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/extending.md");
    let text = std::fs::read_to_string(path)?;
    let (before, rest) = text.split_once(OPEN).context("the walk-through has the family")?;
    let (_, after) = rest.split_once("\n```\n").context("the code ends")?;
    let code = include_str!("../src/example.rs").trim_end();
    kept("extending.md", &format!("{before}```rust\n{code}\n```\n{after}"))
}
