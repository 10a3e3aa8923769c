//! Options of `train` and `serve`, and the experiment that they lead to.

use super::Failure;
use super::resume::{self, Past};
use crate::learner::PATIENCE;
use crate::run::Place;
use clap::Args;
use proto::connect::Exposure;
use proto::{Credentials, Role};
use runtime::CredentialFiles;
use runtime::metrics::Listen;
use std::path::{Path, PathBuf};
use types::Experiment;

/// What both need to know.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The experiment: a TOML file such as configs/quickstart.toml
    #[arg(value_name = "CONFIG", required_unless_present = "resume")]
    pub(crate) config: Option<PathBuf>,
    /// Continue the run in this directory, with its own configuration. Only budget.env_steps (a
    /// larger one) and actors.count may change
    #[arg(long, value_name = "RUN_DIR", conflicts_with_all = ["config", "run_dir", "seed"])]
    pub(crate) resume: Option<PathBuf>,
    /// Change a key of it, for example --set budget.env_steps=20000. Wins over the environment
    /// (PROTEUS_BUDGET__ENV_STEPS=20000), which wins over the file
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Short for --set seed=N
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Use exactly this run directory
    #[arg(long, value_name = "DIR", conflicts_with = "runs")]
    pub(crate) run_dir: Option<PathBuf>,
    /// Continue the run in --run-dir if there is one, begin it if there is none: for schedulers,
    /// which start the same command again and again
    #[arg(long = "continue", requires = "run_dir", conflicts_with = "resume")]
    pub(crate) go_on: bool,
    /// Make the run directory under this one: DIR/<name>/<time>-s<seed>
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub(crate) runs: PathBuf,
    /// Host by which other machines reach this one, when it listens for them: coordinator.addr in
    /// the run directory and the learner's address name it
    #[arg(long, value_name = "HOST")]
    pub(crate) advertise: Option<String>,
    /// Show no progress, only the result
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Answer /metrics (for Prometheus) and /healthz here: a port of this machine, or an address
    /// such as 0.0.0.0:9100 to be reached from others
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics: Option<Listen>,
    #[command(flatten)]
    pub(crate) credentials: CredentialFiles,
    /// Listen beyond this machine although nothing is encrypted and nobody has to prove who they
    /// are: only in a network where everybody is trusted
    #[arg(long)]
    pub(crate) insecure: bool,
}

/// Options of `train`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  coordinator train configs/quickstart.toml
  coordinator train configs/pearl/cheetah-vel.toml --seed 3 --actors 8
  coordinator train configs/quickstart.toml --set budget.env_steps=20000 --set agent.hidden=[64,64]
  coordinator train --resume runs/latest                    go on where a run was interrupted

While it trains, `coordinator status` tells more, and Ctrl-C (or `coordinator stop`) ends it in order.")]
pub(crate) struct Train {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Short for --set actors.count=N
    #[arg(long, value_name = "N")]
    pub(crate) actors: Option<u32>,
}

/// Options of `serve`.
#[derive(Debug, Args)]
#[command(after_help = "Example, three terminals (or machines, with an address they can reach):
  coordinator serve configs/quickstart.toml --set network.coordinator=127.0.0.1:7000
  learner run --coordinator 127.0.0.1:7000 --run-dir runs/latest
  actor run --coordinator 127.0.0.1:7000

It ends when the learner is done, or with Ctrl-C. Should it die, learner and actors go on; this takes
their coordination up again:
  coordinator serve --resume runs/latest")]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Seconds to wait for a learner that has gone, or another one, before the run fails
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE.as_secs())]
    pub(crate) learner_timeout: u64,
}

impl Common {
    /// The effective experiment, checked; and the run that is to be continued, if it is. `None` if
    /// there is nothing left to do.
    pub(crate) fn begin(
        &self,
        actors: Option<u32>,
    ) -> Result<Option<(Experiment, Option<Past>)>, Failure> {
        let begun = |run: &&PathBuf| self.go_on && run.join("experiment.json").exists();
        match (self.resume.as_ref().or(self.run_dir.as_ref().filter(begun)), &self.config) {
            (Some(run), _) => {
                let open = resume::open(run, self, actors)?;
                Ok(open.map(|(experiment, past)| (experiment, Some(past))))
            }
            (None, Some(config)) => Ok(Some((self.experiment_of(config, actors)?, None))),
            (None, None) => Err(Failure::usage(anyhow::anyhow!("expected CONFIG or --resume"))),
        }
    }

    /// The effective experiment of a file, checked.
    pub(crate) fn experiment_of(
        &self,
        config: &Path,
        actors: Option<u32>,
    ) -> Result<Experiment, Failure> {
        let mut set = self.set.clone();
        set.extend(self.seed.map(|seed| format!("seed={seed}")));
        set.extend(actors.map(|actors| format!("actors.count={actors}")));
        let experiment: Experiment = runtime::config::load(config, &set).map_err(Failure::usage)?;
        let file = config.display();
        experiment
            .validate()
            .map_err(|invalid| Failure::usage(anyhow::anyhow!("{file}: {invalid}")))?;
        Ok(experiment)
    }

    /// What the coordinator shows and asks of others.
    pub(crate) fn credentials(&self) -> Result<Credentials, Failure> {
        let CredentialFiles { tls, token_file } = &self.credentials;
        Credentials::open(Role::Coordinator, tls.as_deref(), token_file.as_deref())
            .map_err(Failure::usage)
    }

    /// Who may be able to reach the services of the run.
    pub(crate) fn exposure(&self) -> Exposure {
        if self.insecure { Exposure::Insecure } else { Exposure::Guarded }
    }

    pub(crate) fn place(&self) -> Place {
        match &self.run_dir {
            Some(exactly) => Place::Exactly(exactly.clone()),
            None => Place::Under(self.runs.clone()),
        }
    }
}
