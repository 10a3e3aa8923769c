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
    features: Vec<Feature>,
}

#[derive(Debug, Deserialize)]
struct Feature {
    name: String,
    default: f64,
    low: Option<f64>,
    high: Option<f64>,
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
    lines.extend(portrait.features.iter().map(feature));
    lines.push(String::new());
    let names = telling(family);
    lines.extend([&family.train, &family.test].map(|tasks| excerpt(tasks, count, &names)));
    lines.join("\n")
}

/// What an experiment may vary with contexts of its own.
fn feature(Feature { name, default, low, high }: &Feature) -> String {
    let bound = |bound: &Option<f64>, none: &str| bound.map_or(none.to_owned(), |b| b.to_string());
    let (low, high) = (bound(low, "-∞"), bound(high, "∞"));
    format!("{:<12} {name} {default}, from {low} to {high}", "feature")
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

/// The parameters that differ between tasks; all of them where none does.
fn telling(family: &FamilySpec) -> Vec<&str> {
    let first = family.train.iter().chain(&family.test).next();
    let all = first.map(|task| task.parameters.as_slice()).unwrap_or_default();
    let same = |name: &str, value: f64| {
        family.train.iter().chain(&family.test).all(|task| task.parameter(name) == Some(value))
    };
    let differing = all.iter().filter(|p| !same(&p.name, p.value));
    let names: Vec<&str> = differing.map(|parameter| parameter.name.as_str()).collect();
    match names.is_empty() {
        true => all.iter().map(|parameter| parameter.name.as_str()).collect(),
        false => names,
    }
}

fn excerpt(tasks: &[Task], count: usize, names: &[&str]) -> String {
    let line = |task| describe(task, names);
    let mut lines: Vec<String> = tasks.iter().take(count).map(line).collect();
    if let Some(left) = tasks.len().checked_sub(count).filter(|left| *left > 0) {
        lines.push(format!("… and {left} more; --tasks {} or --json lists all", tasks.len()));
    }
    lines.join("\n")
}

/// Parameters in a line; some families have dozens.
const IN_A_LINE: usize = 6;

fn describe(task: &Task, names: &[&str]) -> String {
    let value = |name: &str| task.parameter(name).unwrap_or(f64::NAN);
    let shown = names.iter().take(IN_A_LINE).map(|name| format!("{name} {:.4}", value(name)));
    let mut shown: Vec<String> = shown.collect();
    if names.len() > IN_A_LINE {
        shown.push(format!("and {} more", names.len() - IN_A_LINE));
    }
    format!("{:<10} {}", task.id.to_string(), shown.join(", "))
}
