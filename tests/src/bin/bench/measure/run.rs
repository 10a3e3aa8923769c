//! A run without actors: a real coordinator and a real learner, as processes of their own.

use anyhow::{Context as _, bail};
use proto::connect::Channel;
use proto::v1::control_client::ControlClient;
use proto::v1::{StatusReply, StatusRequest};
use proto::{Credentials, Role};
use std::path::Path;
use std::time::{Duration, Instant};
use tests::process::{LEARNER_ENVIRONMENT, Process, memory, program};

const PATIENCE: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(50);

/// Ends when this is dropped, files included.
#[derive(Debug)]
pub(crate) struct Run {
    coordinator: Process,
    learner: Process,
    address: String,
    folder: std::path::PathBuf,
}

impl Run {
    /// Starts both with the quickstart, changed by `settings`, and waits until the learner works.
    pub(crate) async fn start(settings: &[&str]) -> anyhow::Result<Self> {
        let name = format!("proteus-bench-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        let run_dir = folder.join("run");
        let run_name = run_dir.display().to_string();
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/quickstart.toml");
        let mut arguments: Vec<String> =
            ["serve", "--quiet", "--run-dir", &run_name].map(str::to_owned).to_vec();
        arguments.push(config.display().to_string());
        let settings = settings.iter().chain(&["learner.device=cpu"]);
        arguments.extend(settings.flat_map(|setting| ["--set".to_owned(), (*setting).to_owned()]));
        let log = |name: &str| folder.join(format!("{name}.log"));
        let coordinator =
            Process::start(&program("coordinator")?, arguments, &[], &log("coordinator"))?;
        let address = wait_for_address(&run_dir.join("coordinator.addr")).await?;
        let environment = LEARNER_ENVIRONMENT.map(|(name, value)| (name.into(), value.into()));
        let arguments =
            ["run", "--exit-with-parent", "--coordinator", &address, "--run-dir", &run_name];
        let learner =
            Process::start(&program("learner")?, arguments, &environment, &log("learner"))?;
        let run = Self { coordinator, learner, address, folder };
        run.wait_for_learner().await?;
        Ok(run)
    }

    async fn wait_for_learner(&self) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            let phase = self.status().await?.learner.unwrap_or_default().phase;
            match phase.as_str() {
                "collecting" | "training" => return Ok(()),
                _ if start.elapsed() > PATIENCE => {
                    bail!("expected a learner at work, got: {}", self.learner.tail(5))
                }
                _ => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    /// `host:port` for actors.
    pub(crate) fn coordinator(&self) -> &str {
        &self.address
    }

    /// A connection to the coordinator.
    pub(crate) async fn connect(&self) -> anyhow::Result<ControlClient<Channel>> {
        Ok(proto::connect::control(
            proto::connect::connect(&self.address, Role::Coordinator, &Credentials::none()).await?,
        ))
    }

    /// The status, now.
    pub(crate) async fn status(&self) -> anyhow::Result<StatusReply> {
        Ok(self.connect().await?.status(StatusRequest::default()).await?.into_inner())
    }

    /// What the learner holds in memory.
    pub(crate) fn learner_memory(&self) -> anyhow::Result<u64> {
        Ok(memory(self.learner.pid())?.resident)
    }

    /// What the coordinator holds in memory.
    pub(crate) fn coordinator_memory(&self) -> anyhow::Result<u64> {
        Ok(memory(self.coordinator.pid())?.resident)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Either may have ended already.
        self.learner.kill().ok();
        self.coordinator.kill().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

async fn wait_for_address(file: &Path) -> anyhow::Result<String> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Ok(address) = std::fs::read_to_string(file) {
            return Ok(address.trim().to_owned());
        }
        tokio::time::sleep(AGAIN).await;
    }
    bail!("expected the coordinator to write {}, it did not", file.display())
}
