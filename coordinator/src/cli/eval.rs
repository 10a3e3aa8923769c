//! `coordinator eval`.

use super::Failure;
use crate::output;
use crate::programs;
use crate::view::text;
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Deserialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use types::{Parameter, TaskRef};

/// Options of `eval`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  coordinator eval runs/latest
  coordinator eval runs/latest --split test --episodes 5 --repeats 10
  coordinator eval runs/latest --json | jq .test_return")]
pub(super) struct Eval {
    /// The run directory
    #[arg(value_name = "RUN_DIR")]
    run_dir: PathBuf,
    /// As JSON, one line
    #[arg(long)]
    json: bool,
    /// Adaptation episodes per task; the return of the last one counts [default: as configured]
    #[arg(long, value_name = "N")]
    episodes: Option<u32>,
    /// Trials per task whose returns are averaged [default: as configured]
    #[arg(long, value_name = "N")]
    repeats: Option<u32>,
    /// Seed of everything random in it [default: the experiment's]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Which weights
    #[arg(long, value_enum, default_value = "latest")]
    checkpoint: Which,
    /// Which tasks
    #[arg(long, value_enum, default_value = "both")]
    split: Splits,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// Those of the newest checkpoint.
    Latest,
    /// Those that did best in the evaluations of the run.
    Best,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Splits {
    Train,
    Test,
    Both,
}

/// What `actor evaluate` prints.
#[derive(Debug, Deserialize)]
struct Answer {
    tasks: Vec<TaskReturns>,
    train_return: Option<f64>,
    test_return: Option<f64>,
    test_normalised: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct TaskReturns {
    task: TaskRef,
    parameters: Vec<Parameter>,
    returns: Vec<f64>,
}

impl Eval {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        let experiment = self.run_dir.join("experiment.json");
        if !experiment.is_file() {
            return Err(Failure::usage(anyhow::anyhow!(
                "{}: expected a run directory, found no experiment.json in it; runs are under \
                 runs/<name>/, the newest is runs/latest",
                self.run_dir.display()
            )));
        }
        let checkpoint = checkpoint(&self.run_dir, self.checkpoint)?;
        let actor = programs::find("actor").map_err(Failure::run)?;
        let arguments = self.arguments(&checkpoint, &experiment);
        let value: serde_json::Value = programs::ask(&actor, arguments).map_err(Failure::run)?;
        if self.json {
            output::line(value);
            return Ok(());
        }
        let answer: Answer = serde_json::from_value(value)
            .context("read the answer of `actor evaluate`")
            .map_err(Failure::run)?;
        output::line(table(&answer));
        Ok(())
    }

    fn arguments(&self, checkpoint: &Path, experiment: &Path) -> Vec<OsString> {
        let split = match self.split {
            Splits::Train => "train",
            Splits::Test => "test",
            Splits::Both => "both",
        };
        let mut arguments: Vec<OsString> = vec!["evaluate".into()];
        let mut add = |name: &str, value: OsString| arguments.extend([name.into(), value]);
        add("--checkpoint", checkpoint.into());
        add("--experiment", experiment.into());
        add("--split", split.into());
        let numbers = [
            ("--episodes", self.episodes.map(u64::from)),
            ("--repeats", self.repeats.map(u64::from)),
            ("--seed", self.seed),
        ];
        for (name, value) in numbers {
            if let Some(value) = value {
                add(name, value.to_string().into());
            }
        }
        arguments
    }
}

/// The weights of the newest checkpoint of a run.
pub(super) fn newest(run_dir: &Path) -> Result<PathBuf, Failure> {
    checkpoint(run_dir, Which::Latest)
}

/// The weights. `checkpoints/best` is a folder of its own; `checkpoints/latest` is a link to one, or
/// a file with its name.
fn checkpoint(run_dir: &Path, which: Which) -> Result<PathBuf, Failure> {
    let all = run_dir.join("checkpoints");
    let latest = all.join("latest");
    let folder = match (which, std::fs::read_to_string(&latest)) {
        (Which::Best, _) => all.join("best"),
        (Which::Latest, Ok(name)) => all.join(name.trim()),
        (Which::Latest, Err(_)) => latest,
    };
    let weights = folder.join("weights.safetensors");
    if weights.is_file() {
        return Ok(weights);
    }
    Err(Failure::run(anyhow::anyhow!(
        "{}: expected the weights of a checkpoint, found none; the learner writes one every \
         learner.checkpoint_seconds and at the end of a run, and keeps the best after each evaluation",
        weights.display()
    )))
}

fn table(answer: &Answer) -> String {
    let mut lines = Vec::new();
    let episodes = answer.tasks.iter().map(|t| t.returns.len()).max();
    let heads: Vec<String> =
        (1..=episodes.unwrap_or(0)).map(|n| format!("{:>10}", format!("episode {n}"))).collect();
    let names: Vec<String> = answer.tasks.iter().map(parameters).collect();
    let width = names.iter().map(|n| n.chars().count()).max().unwrap_or(0);
    lines.push(format!("{:<10} {:<width$} {}", "task", "", heads.join(" ")));
    for (task, name) in answer.tasks.iter().zip(&names) {
        let returns: Vec<String> = task.returns.iter().map(|r| format!("{r:>10.2}")).collect();
        let id = task.task.to_string();
        lines.push(format!("{id:<10} {name:<width$} {}", returns.join(" ")));
    }
    lines.push(format!(
        "\nreturn of the last episode: train {}, test {}, test normalised {}",
        text::maybe(answer.train_return),
        text::maybe(answer.test_return),
        text::maybe(answer.test_normalised)
    ));
    lines.join("\n")
}

fn parameters(task: &TaskReturns) -> String {
    let named = task.parameters.iter();
    let named: Vec<String> = named.map(|p| format!("{} {:.3}", p.name, p.value)).collect();
    named.join(", ")
}
