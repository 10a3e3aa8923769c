//! `coordinator tasks show`.

use super::{Failure, ask, understand};
use crate::output;
use crate::view::text;
use clap::Args;
use serde::Deserialize;
use types::{FamilySpec, Task};

/// Options of `tasks show`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  coordinator tasks show cheetah-vel
  coordinator tasks show cheetah-vel --json | jq '.test[].parameters'")]
pub(super) struct Show {
    /// Name of the family; `coordinator tasks list` lists them
    family: String,
    /// How many tasks of each split to list
    #[arg(long, value_name = "N", default_value_t = 5)]
    tasks: usize,
    /// Everything as JSON, one line
    #[arg(long)]
    json: bool,
}

/// What `actor show` prints.
#[derive(Debug, Deserialize)]
struct Portrait {
    suite: String,
    #[serde(flatten)]
    family: FamilySpec,
    card: Card,
    traits: Traits,
}

#[derive(Debug, Deserialize)]
struct Card {
    observation: String,
    action: String,
    tasks: String,
    start: String,
    reward: String,
    end: String,
    source: String,
    differences: String,
}

#[derive(Debug, Deserialize)]
struct Traits {
    place: bool,
    picture: Picture,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Picture {
    Physics,
    Drawing,
    None,
}

impl Show {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        let answer = ask(&["show", &self.family])?;
        if self.json {
            output::line(answer);
            return Ok(());
        }
        let portrait: Portrait = understand(answer)?;
        output::line(page(&portrait, self.tasks));
        Ok(())
    }
}

/// What there is to know, with the first `count` tasks of each split.
fn page(portrait: &Portrait, count: usize) -> String {
    let Portrait { suite, family, card, .. } = portrait;
    let env = &family.env;
    let kind = if env.choice { "choices" } else { "controls" };
    let differences = match card.differences.as_str() {
        "" => "none",
        told => told,
    };
    let rows = [
        ("observation", format!("{} numbers: {}", env.observation_dim, card.observation)),
        ("action", format!("{} {kind}: {}", env.action_dim, card.action)),
        ("tasks", card.tasks.clone()),
        ("start", card.start.clone()),
        ("reward", card.reward.clone()),
        ("end", format!("{}; at most {} steps", card.end, env.horizon)),
        ("source", card.source.clone()),
        ("differences", differences.to_owned()),
        ("traits", traits(portrait)),
    ];
    let mut lines = vec![format!("{} ({suite}): {}\n", family.name, family.summary)];
    // Cards are written for Markdown tables, where a bar has to be escaped.
    let row = |(name, value): &(&str, String)| format!("{name:<12} {}", value.replace("\\|", "|"));
    lines.extend(rows.iter().map(row));
    if let Some(reference) = &family.reference {
        let (random, oracle) = (text::short(reference.random), text::short(reference.oracle));
        lines.push(format!("{:<12} random actions {random}, oracle {oracle}", "returns"));
    }
    lines.push(String::new());
    lines.extend([&family.train, &family.test].map(|tasks| excerpt(tasks, count)));
    lines.join("\n")
}

fn traits(portrait: &Portrait) -> String {
    let Traits { place, picture } = &portrait.traits;
    let env = &portrait.family.env;
    let picture = match picture {
        Picture::Physics => "pictures by MuJoCo",
        Picture::Drawing => "drawings",
        Picture::None => "no pictures",
    };
    let told = [
        (env.shaped_reward, "a shaped reward for learning"),
        (env.task_changes, "tasks that change within an episode"),
        (*place, "tasks can change by place"),
        (true, picture),
    ];
    let told: Vec<&str> = told.iter().filter(|(is, _)| *is).map(|(_, text)| *text).collect();
    told.join(", ")
}

fn excerpt(tasks: &[Task], count: usize) -> String {
    let mut lines: Vec<String> = tasks.iter().take(count).map(describe).collect();
    if let Some(left) = tasks.len().checked_sub(count).filter(|left| *left > 0) {
        lines.push(format!("… and {left} more; --tasks {} or --json lists all", tasks.len()));
    }
    lines.join("\n")
}

fn describe(task: &Task) -> String {
    let parameters = task.parameters.iter();
    let parameters = parameters.map(|p| format!("{} {:.4}", p.name, p.value));
    let parameters: Vec<String> = parameters.collect();
    format!("{:<10} {}", task.id.to_string(), parameters.join(", "))
}
