//! `coordinator tasks list`.

use super::{Failure, ask, understand};
use crate::output;
use clap::Args;
use serde::{Deserialize, Serialize};

/// Options of `tasks list`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  coordinator tasks list
  coordinator tasks list --suite pearl
  coordinator tasks list --json | jq -r '.[].families[].name'")]
pub(super) struct List {
    /// Only this suite
    #[arg(long)]
    suite: Option<String>,
    /// As JSON, one line
    #[arg(long)]
    json: bool,
}

/// What `actor families` prints.
#[derive(Debug, Serialize, Deserialize)]
struct Suite {
    name: String,
    summary: String,
    families: Vec<Family>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Family {
    name: String,
    summary: String,
    observation_dim: usize,
    action_dim: usize,
    horizon: usize,
    train_tasks: usize,
    test_tasks: usize,
}

impl List {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        let mut suites: Vec<Suite> = understand(ask(&["families"])?)?;
        if let Some(wanted) = &self.suite {
            suites = only(suites, wanted)?;
        }
        if self.json {
            output::line(serde_json::to_string(&suites).map_err(Failure::run)?);
            return Ok(());
        }
        output::line(table(&suites));
        Ok(())
    }
}

fn only(suites: Vec<Suite>, wanted: &str) -> Result<Vec<Suite>, Failure> {
    let names: Vec<&str> = suites.iter().map(|suite| suite.name.as_str()).collect();
    let names = names.join(", ");
    let found: Vec<Suite> = suites.into_iter().filter(|suite| suite.name == wanted).collect();
    if found.is_empty() {
        let problem = anyhow::anyhow!("--suite: expected one of {names}; got \"{wanted}\"");
        return Err(Failure::usage(problem));
    }
    Ok(found)
}

/// A block for each suite that has families, with columns alike in all of them.
fn table(suites: &[Suite]) -> String {
    let names = suites.iter().flat_map(|suite| &suite.families).map(|family| family.name.len());
    let width = names.max().unwrap_or(0);
    let row = |family: &Family| {
        let Family { name, summary, observation_dim, action_dim, horizon, .. } = family;
        let tasks = format!("{}+{}", family.train_tasks, family.test_tasks);
        format!(
            "  {name:<width$} {observation_dim:>4} {action_dim:>4} {horizon:>6} {tasks:>9}  {summary}"
        )
    };
    let block = |suite: &Suite| {
        let head = format!("{}: {}", suite.name, suite.summary);
        let columns = format!(
            "  {:<width$} {:>4} {:>4} {:>6} {:>9}",
            "family", "obs", "act", "steps", "tasks"
        );
        let mut lines = vec![head, columns];
        lines.extend(suite.families.iter().map(row));
        lines.join("\n")
    };
    let known = suites.iter().filter(|suite| !suite.families.is_empty());
    known.map(block).collect::<Vec<_>>().join("\n\n")
}
