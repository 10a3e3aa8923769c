//! `coordinator tasks`: the actor program knows families and physics; here its answers are put into
//! words.

mod list;
mod play;
mod show;

use super::Failure;
use crate::programs::{self, Error};
use clap::{Args, Subcommand};

/// Options of `tasks`.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  coordinator tasks list
  coordinator tasks show cheetah-vel
  coordinator tasks rollout point-robot --task test-3 --policy oracle
  coordinator tasks render cheetah-dir --task train-1 -o cheetah.gif"
)]
pub(super) struct Tasks {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the task families by suite
    List(list::List),
    /// Tell what a family is: what its agent sees and does, tasks, rewards, source
    Show(show::Show),
    /// Play episodes of a task
    Rollout(play::Rollout),
    /// Play episodes of a task and make a GIF or PNG pictures of them
    Render(play::Render),
}

impl Tasks {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        match &self.command {
            Command::List(options) => options.execute(),
            Command::Show(options) => options.execute(),
            Command::Rollout(options) => options.execute(),
            Command::Render(options) => options.execute(),
        }
    }
}

/// What `actor` answers to these arguments.
fn ask(arguments: &[&str]) -> Result<serde_json::Value, Failure> {
    let actor = programs::find("actor").map_err(classify)?;
    programs::ask(&actor, arguments).map_err(classify)
}

/// What cannot be had is the user's mistake where `actor` says so.
fn classify(error: Error) -> Failure {
    match error {
        Error::Refused { code: Some(64), .. } => Failure::usage(error),
        _ => Failure::run(error),
    }
}

/// Reads an answer of `actor`.
fn understand<T: serde::de::DeserializeOwned>(answer: serde_json::Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|error| {
        Failure::run(anyhow::anyhow!(
            "expected the actor program of this release, got another answer: {error}"
        ))
    })
}
