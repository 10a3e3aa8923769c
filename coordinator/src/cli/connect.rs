//! Finding a running coordinator.

use super::Failure;
use crate::run::directory::ADDRESS;
use clap::Args;
use proto::connect::Channel;
use proto::v1::control_client::ControlClient;
use proto::{Credentials, Role};
use runtime::CredentialFiles;
use std::path::PathBuf;

/// Which one.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// Address of the coordinator; without it, the one that the run directory names
    #[arg(long, value_name = "HOST:PORT")]
    coordinator: Option<String>,
    /// Run directory whose coordinator is meant
    #[arg(long, value_name = "DIR", default_value = "runs/latest")]
    run_dir: PathBuf,
    #[command(flatten)]
    credentials: CredentialFiles,
}

impl Target {
    fn address(&self) -> Result<String, Failure> {
        if let Some(address) = &self.coordinator {
            return Ok(address.clone());
        }
        let file = self.run_dir.join(ADDRESS);
        let read = std::fs::read_to_string(&file);
        read.map(|text| text.trim().to_owned()).map_err(|error| {
            Failure::run(anyhow::anyhow!(
                "expected a running coordinator, found none ({}: {error}); start one with \
                 `coordinator train`, or name it with --coordinator HOST:PORT",
                file.display()
            ))
        })
    }

    /// Those of a user; on the machine of the coordinator, its own will do.
    fn credentials(&self) -> Result<Credentials, Failure> {
        let CredentialFiles { tls, token_file } = &self.credentials;
        let open = |role| Credentials::open(role, tls.as_deref(), token_file.as_deref());
        open(Role::User)
            .or_else(|error| open(Role::Coordinator).map_err(|_other| error))
            .map_err(Failure::usage)
    }

    /// Connects to it.
    pub(super) async fn connect(&self) -> Result<ControlClient<Channel>, Failure> {
        let address = self.address()?;
        let credentials = self.credentials()?;
        match proto::connect::connect(&address, Role::Coordinator, &credentials).await {
            Ok(channel) => Ok(proto::connect::control(channel)),
            Err(error) => Err(Failure::run(anyhow::anyhow!(
                "expected a coordinator at {address}, got no answer ({}); it may have ended: \
                 `coordinator train` starts one, --coordinator HOST:PORT names another",
                root(&error)
            ))),
        }
    }
}

/// What an error comes from in the end.
fn root(error: &dyn std::error::Error) -> String {
    let mut root = error;
    while let Some(cause) = root.source() {
        root = cause;
    }
    root.to_string()
}

/// A refusal by the coordinator, in its words.
pub(super) fn refused(status: &proto::tonic::Status) -> Failure {
    let (code, message) = (status.code(), status.message());
    Failure::run(anyhow::anyhow!("the coordinator answered {code}: {message}"))
}
