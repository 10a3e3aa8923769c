//! `coordinator status`.

use super::Failure;
use super::connect::{Target, refused};
use super::session::block_on;
use crate::output;
use crate::scores::Scores;
use crate::view::text;
use anyhow::Context as _;
use clap::Args;
use proto::v1::{StatusReply, StatusRequest};
use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;
use types::FamilySpec;

/// Options of `status`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  coordinator status
  coordinator status --watch
  coordinator status --json | jq '.learner.metrics'")]
pub(super) struct Status {
    #[command(flatten)]
    target: Target,
    /// As JSON, one line
    #[arg(long)]
    json: bool,
    /// Again every second, until Ctrl-C or until the run ends
    #[arg(long)]
    watch: bool,
}

impl Status {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        block_on(async {
            let stop =
                runtime::Stop::on_signals().context("listen to signals").map_err(Failure::run)?;
            let mut control = self.target.connect().await?;
            let mut seconds = tokio::time::interval(Duration::from_secs(1));
            while stop.token().run_until_cancelled(seconds.tick()).await.is_some() {
                let reply = control.status(StatusRequest {}).await;
                self.show(&reply.map_err(|status| refused(&status))?.into_inner());
                if !self.watch {
                    break;
                }
            }
            Ok(())
        })
    }

    fn show(&self, status: &StatusReply) {
        let scores = scores(status);
        if self.json {
            return output::line(text::json(status, scores.as_ref()));
        }
        let clear = match self.watch && std::io::stdout().is_terminal() {
            true => "\x1b[2J\x1b[H",
            false => "",
        };
        let page = text::page(status, scores.as_ref());
        output::line(format!("{clear}{}", page.trim_end()));
    }
}

/// Normalised if the run directory can be read from here.
fn scores(status: &StatusReply) -> Option<Scores> {
    let evaluation = status.newest_evaluation.as_ref()?;
    let file = Path::new(&status.run_dir).join("family.json");
    let family: Option<FamilySpec> =
        std::fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let reference = family.and_then(|family| family.reference);
    Some(Scores::of(evaluation, reference.as_ref()))
}
