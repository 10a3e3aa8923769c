//! One learner process from start to end.

use crate::board::Board;
use crate::checkpoint::Checkpoints;
use crate::error::{Error, Result};
use crate::link::{self, Control, Counts};
use crate::replay::{Insertion, RowLayout, Store, StoreSettings};
use crate::service::experience::Counters;
use crate::trainer::{Links, Resumed, Setup, Trainer};
use crate::{progress, publish, service};
use proto::Credentials;
use proto::connect::{Exposure, ListenError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use types::experiment::Mode;
use types::{Experiment, FamilySpec};

/// Submissions of trials on their way to the coordinator.
const SUBMISSIONS: usize = 64;
/// Outcomes on their way to the trainer.
const OUTCOMES: usize = 1024;

/// How a learner begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// From nothing; a run that is there already is refused.
    Anew,
    /// With the newest good checkpoint and the log behind it, as far as there are any.
    Resume,
}

/// Where a learner finds and leaves things.
#[derive(Debug, Clone)]
pub struct Options {
    /// host:port of the coordinator.
    pub coordinator: String,
    /// How long the coordinator may take to answer for the first time.
    pub connect_timeout: Duration,
    /// For the coordinator and for actors.
    pub credentials: Credentials,
    /// Where to listen for actors: `host:port`.
    pub listen: String,
    /// Who may be able to reach that address.
    pub exposure: Exposure,
    /// host or host:port at which actors reach it, where that differs from `listen`.
    pub advertise: Option<String>,
    /// Where checkpoints and the experience log go.
    pub run_dir: PathBuf,
    /// What to make of a run that is there already.
    pub start: Start,
    /// Where its numbers are shown.
    pub board: Arc<Board>,
}

/// Joins the run, trains, and leaves when done or when `stop` is cancelled.
///
/// # Errors
/// What ended the run before its time.
pub async fn run(options: Options, stop: CancellationToken) -> Result<()> {
    let Options { listen, credentials, exposure, .. } = &options;
    let listener = proto::connect::listen(listen, credentials, *exposure).await?;
    let address = listener
        .local_addr()
        .map_err(|source| Error::Listen(ListenError::Bind { address: listen.clone(), source }))?;
    let (control, experiment, family, life) = tokio::select! {
        joined = join(&options, address) => joined?,
        () = stop.cancelled() => return Ok(()),
    };
    tracing::info!(%address, experiment = experiment.name, family = family.name, "joined");

    let settings = store_settings(&experiment, &family, &options.run_dir)?;
    let (store, resumed) = open(options.start, &experiment, settings, &options.run_dir)?;
    let store = Arc::new(store);
    options.board.begin(store.clone());
    let counters = Arc::new(Counters::after(&store.accounts()));
    let (publisher, weights) = publish::channel();
    let (reporter, reports) = progress::channel();
    let (trials_sender, trials) = mpsc::channel(SUBMISSIONS);
    let (outcomes_sender, outcomes) = mpsc::channel(OUTCOMES);
    let ended = CancellationToken::new();
    let read = resumed.as_ref().map_or(0, Resumed::outcomes);

    let mut tasks = JoinSet::new();
    let serving = CancellationToken::new();
    let served = service::Served {
        store: store.clone(),
        counters: counters.clone(),
        durability: experiment.replay.durability,
        weights,
    };
    let server = service::serve(listener, credentials.clone(), served, serving.clone());
    tasks.spawn(server);
    tasks.spawn(link::submit(control.clone(), trials));
    tasks.spawn(link::outcomes(control.clone(), read, outcomes_sender, store.clone()));
    let board = options.board.clone();
    let counts = Counts { store: store.clone(), service: counters, life, board };
    let reporting = link::progress(control, reports, counts, stop.clone(), ended.clone());
    let mut reporting = tokio::spawn(reporting);

    let setup = Setup {
        links: Links { trials: trials_sender, outcomes, reporter: reporter.clone() },
        run_dir: options.run_dir,
        stop: stop.clone(),
        experiment,
        family,
        store,
        resumed,
        publisher,
    };
    let result = tokio::select! {
        result = train_beside(setup, tasks, &stop) => result,
        // It ends by itself only when the coordinator refuses it or is away for too long.
        refused = &mut reporting => {
            stop.cancel();
            return refused.map_err(|error| Error::Crashed(error.to_string()))?;
        }
    };
    if let Err(error) = &result {
        reporter.failed(error.to_string());
    }
    serving.cancel();
    ended.cancel();
    let reported = reporting.await.map_err(|error| Error::Crashed(error.to_string()))?;
    result.and(reported)
}

/// Finds the coordinator and registers with it.
async fn join(
    options: &Options,
    address: SocketAddr,
) -> Result<(Control, Experiment, FamilySpec, u64)> {
    let channel =
        link::connect(&options.coordinator, &options.credentials, options.connect_timeout).await?;
    let control = proto::connect::control(channel);
    let reachable = advertised(options.advertise.as_deref(), address);
    let (experiment, family, life) = link::register(&control, reachable).await?;
    Ok((control, experiment, family, life))
}

/// The address that actors are told: a host without a port has the one that is listened on.
fn advertised(wanted: Option<&str>, bound: SocketAddr) -> String {
    match wanted {
        None => bound.to_string(),
        Some(host) if host.ends_with(']') || !host.contains(':') => {
            format!("{host}:{}", bound.port())
        }
        Some(address) => address.to_owned(),
    }
}

/// Runs the trainer on its thread. An error of the trainer or of any task ends both; otherwise the
/// services stay up until `stop`, so that actors can hand over the rest.
async fn train_beside(
    setup: Setup,
    mut tasks: JoinSet<Result<()>>,
    stop: &CancellationToken,
) -> Result<()> {
    let mut training = tokio::task::spawn_blocking(move || train(setup));
    loop {
        tokio::select! {
            trained = &mut training => {
                trained.map_err(|error| Error::Crashed(error.to_string()))??;
                stop.cancelled().await;
                return Ok(());
            }
            Some(task) = tasks.join_next() => {
                let ended = task.map_err(|error| Error::Crashed(error.to_string()));
                if let Err(error) = ended.and_then(|result| result) {
                    stop.cancel();
                    return Err(error);
                }
            }
        }
    }
}

fn train(setup: Setup) -> Result<()> {
    let threads = match setup.experiment.learner.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    // Thread counts of tensor operations belong to the thread that runs them.
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
    Trainer::new(setup)?.run()
}

/// An empty store, or the one that is there with what training needs to go on.
fn open(
    start: Start,
    experiment: &Experiment,
    settings: StoreSettings,
    run_dir: &Path,
) -> Result<(Store, Option<Resumed>)> {
    match start {
        Start::Anew => Ok((Store::create(settings)?, None)),
        Start::Resume => {
            let kept = experiment.learner.checkpoints as usize;
            let checkpoints = Checkpoints::in_run(run_dir, kept)?;
            let (store, resumed) = Resumed::load(&checkpoints, &settings)?;
            Ok((store, Some(resumed)))
        }
    }
}

fn store_settings(
    experiment: &Experiment,
    family: &FamilySpec,
    run_dir: &Path,
) -> Result<StoreSettings> {
    let collection = &experiment.collection;
    // The wire and `Experiment::validate` bound episodes far below what u32 can hold.
    let explored = collection.explore.map_or(0, |explore| explore.episodes);
    let episodes = (collection.prior_episodes + collection.posterior_episodes + explored).max(1);
    let settings = StoreSettings {
        folder: run_dir.join("experience"),
        segment_bytes: experiment.replay.segment_mib as usize * 1024 * 1024,
        spec: family.env,
        layout: RowLayout::new(&family.env, experiment.inference.next_observation),
        tasks: family.train.len(),
        transitions: experiment.replay.transitions_per_task,
        context: episodes as usize * family.env.horizon,
        insertion: match collection.mode {
            Mode::Async => Insertion::AtOnce,
            Mode::Lockstep => Insertion::InTurn,
        },
    };
    settings.check_chunk(experiment.actors.chunk as usize)?;
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_are_told_a_host_and_a_port() {
        let bound = SocketAddr::from(([0, 0, 0, 0], 7001));
        let told = |wanted| advertised(wanted, bound);
        assert_eq!(told(None), "0.0.0.0:7001");
        assert_eq!(told(Some("node-3")), "node-3:7001");
        assert_eq!(told(Some("[fe80::1]")), "[fe80::1]:7001");
        assert_eq!(told(Some("node-3:17001")), "node-3:17001");
    }
}
