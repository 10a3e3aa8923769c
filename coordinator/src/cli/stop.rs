//! `coordinator stop`.

use super::Failure;
use super::connect::{Target, refused};
use super::session::block_on;
use crate::output;
use clap::Args;
use proto::v1::StopRequest;

/// Options of `stop`.
#[derive(Debug, Args)]
pub(super) struct Stop {
    #[command(flatten)]
    target: Target,
}

impl Stop {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        block_on(async {
            let mut control = self.target.connect().await?;
            control.stop(StopRequest {}).await.map_err(|status| refused(&status))?;
            output::line("stopping: actors hand over what they hold, then the learner leaves");
            Ok(())
        })
    }
}
