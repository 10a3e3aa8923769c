//! `coordinator status`.

use super::Failure;
use super::connect::{Target, refused};
use super::session::block_on;
use crate::output;
use crate::scores::Scores;
use crate::view::{json, text};
use crate::watch::{self, End};
use anyhow::Context as _;
use clap::Args;
use proto::connect::Channel;
use proto::v1::control_client::ControlClient;
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
    /// Keep watching: a full screen on a terminal, a page every second elsewhere; until q, Ctrl-C,
    /// or the end of the run
    #[arg(long)]
    watch: bool,
}

impl Status {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        block_on(async {
            let stop =
                runtime::Stop::on_signals().context("listen to signals").map_err(Failure::run)?;
            let mut control = self.target.connect().await?;
            if self.watch && !self.json && std::io::stdout().is_terminal() {
                return self.full_screen(control, &stop).await;
            }
            let mut seconds = tokio::time::interval(Duration::from_secs(1));
            let mut answered = false;
            while stop.token().run_until_cancelled(seconds.tick()).await.is_some() {
                match control.status(StatusRequest { history: false }).await {
                    Ok(reply) => self.show(reply.get_ref()),
                    Err(status) if answered && gone(&status) => {
                        self.say_end();
                        break;
                    }
                    Err(status) => return Err(refused(&status)),
                }
                answered = true;
                if !self.watch {
                    break;
                }
            }
            Ok(())
        })
    }

    async fn full_screen(
        &self,
        control: ControlClient<Channel>,
        stop: &runtime::Stop,
    ) -> Result<(), Failure> {
        if let End::Gone(last) = watch::watch(control, stop).await.map_err(Failure::run)? {
            if let Some(status) = last {
                self.show(&status);
            }
            self.say_end();
        }
        Ok(())
    }

    /// With `--json` every line is JSON: the last one is the last picture.
    fn say_end(&self) {
        if !self.json {
            output::line("the run has ended");
        }
    }

    fn show(&self, status: &StatusReply) {
        let scores = scores(status);
        if self.json {
            return output::line(json::whole(status, scores.as_ref()));
        }
        output::line(text::page(status, scores.as_ref()).trim_end());
    }
}

/// Whether there is no coordinator any more: the connection broke, or cannot be had again.
pub(crate) fn gone(status: &proto::tonic::Status) -> bool {
    use proto::tonic::Code;
    matches!(
        status.code(),
        Code::Unavailable
            | Code::Unknown
            | Code::Cancelled
            | Code::Internal
            | Code::DeadlineExceeded
    )
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
