//! `coordinator tasks`.

use super::Failure;
use crate::output;
use crate::programs;
use crate::view::text;
use clap::Args;
use serde::{Deserialize, Serialize};
use types::{FamilySpec, Task};

/// Options of `tasks`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  coordinator tasks
  coordinator tasks cheetah-vel
  coordinator tasks cheetah-vel --json | jq '.test[].parameters'")]
pub(super) struct Tasks {
    /// Show the tasks of this family; without it, all families are listed
    family: Option<String>,
    /// As JSON, one line
    #[arg(long)]
    json: bool,
}

/// What `actor families` prints.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    name: String,
    summary: String,
    observation_dim: usize,
    action_dim: usize,
    horizon: usize,
    train_tasks: usize,
    test_tasks: usize,
}

impl Tasks {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        match &self.family {
            Some(name) => self.show(&programs::describe(name).map_err(classify)?),
            None => {
                let actor = programs::find("actor").map_err(classify)?;
                self.list(&programs::ask(&actor, ["families"]).map_err(classify)?)
            }
        }
    }

    fn list(&self, families: &Vec<Line>) -> Result<(), Failure> {
        if self.json {
            output::line(serde_json::to_string(families).map_err(Failure::run)?);
            return Ok(());
        }
        let width = families.iter().map(|f| f.name.len()).max().unwrap_or(0);
        for family in families {
            output::line(format!(
                "{:<width$}  {} → {} numbers, {} steps, {} train + {} test tasks\n{:<width$}  {}",
                family.name,
                family.observation_dim,
                family.action_dim,
                family.horizon,
                family.train_tasks,
                family.test_tasks,
                "",
                family.summary,
            ));
        }
        Ok(())
    }

    fn show(&self, family: &FamilySpec) -> Result<(), Failure> {
        if self.json {
            output::line(serde_json::to_string(family).map_err(Failure::run)?);
            return Ok(());
        }
        let env = &family.env;
        output::line(format!(
            "{}: {}\nobservations {}, actions {}, at most {} steps per episode",
            family.name, family.summary, env.observation_dim, env.action_dim, env.horizon
        ));
        if let Some(reference) = &family.reference {
            output::line(format!(
                "return of random actions {}, of an oracle {}",
                text::short(reference.random),
                text::short(reference.oracle)
            ));
        }
        for task in family.train.iter().chain(&family.test) {
            output::line(describe(task));
        }
        Ok(())
    }
}

fn describe(task: &Task) -> String {
    let parameters = task.parameters.iter();
    let parameters = parameters.map(|p| format!("{} {:.4}", p.name, p.value));
    let parameters: Vec<String> = parameters.collect();
    format!("{:<10} {}", task.id.to_string(), parameters.join(", "))
}

/// A family that does not exist is the user's mistake.
fn classify(error: programs::Error) -> Failure {
    match error {
        programs::Error::Refused { .. } => Failure::usage(error),
        _ => Failure::run(error),
    }
}
