//! The run that is hit: its processes, and the scheduler that starts them again.

use super::clock::Clocks;
use super::disk::SmallDisk;
use super::network::Network;
use super::plan::{Between, Who};
use crate::process::{self, LEARNER_ENVIRONMENT, Memory, Process, Signal};
use anyhow::{Context as _, bail};
use parking_lot::Mutex;
use proto::v1::StatusReply;
use proto::{Credentials, Role};
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// How long a coordinator may take to be there for the first time.
const FIRST_ANSWER: Duration = Duration::from_secs(20);
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// A status that takes longer is no answer.
const STATUS_PATIENCE: Duration = Duration::from_secs(1);

/// What a run is made of.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The experiment, a TOML file.
    pub config: PathBuf,
    /// Changes to it, each as `key=value`.
    pub settings: Vec<String>,
    /// Actors.
    pub actors: u32,
    /// MiB of the disk of experience log and checkpoints; `None` leaves both where the run directory
    /// is.
    pub disk_mib: Option<u64>,
}

/// A run in progress. Everything of it but its files ends when this is dropped.
#[derive(Debug)]
pub struct World {
    shape: Shape,
    run_dir: PathBuf,
    logs: PathBuf,
    coordinator: SocketAddr,
    learner: SocketAddr,
    processes: Mutex<BTreeMap<Who, Process>>,
    /// All there have been.
    started: Mutex<Vec<(Who, u32)>>,
    /// The links; their ends outlive the processes.
    network: Network,
    /// Wall clocks that can be set, if that is possible here.
    clocks: Option<Clocks>,
    disk: Mutex<Option<SmallDisk>>,
    /// Why there is no small disk.
    no_disk: Option<String>,
}

impl World {
    /// Starts a coordinator, a learner and actors; everything is written below `folder`.
    ///
    /// # Errors
    /// If a program is missing, or there is no answer.
    pub async fn start(shape: Shape, folder: &Path) -> anyhow::Result<Self> {
        let (run_dir, logs) = (folder.join("run"), folder.join("output"));
        fs::create_dir_all(&logs).with_context(|| format!("make {}", logs.display()))?;
        let (coordinator, learner) = fixed_addresses()?;
        let network = Network::start(shape.actors, coordinator, learner).await?;
        let mut world = Self {
            clocks: Clocks::find(folder),
            disk: Mutex::new(None),
            no_disk: None,
            processes: Mutex::default(),
            started: Mutex::default(),
            shape,
            run_dir,
            logs,
            coordinator,
            learner,
            network,
        };
        world.launch(Who::Coordinator)?;
        world.first_answer().await?;
        world.mount();
        world.launch(Who::Learner)?;
        (0..world.shape.actors).try_for_each(|place| world.launch(Who::Actor(place)))?;
        Ok(world)
    }

    fn mount(&mut self) {
        let Some(mib) = self.shape.disk_mib else { return };
        let folders = [self.experience(), self.run_dir.join("checkpoints")];
        match SmallDisk::mount(&self.run_dir.with_extension("disk"), &folders, mib) {
            Ok(disk) => *self.disk.lock() = Some(disk),
            Err(error) => self.no_disk = Some(format!("{error:#}")),
        }
    }

    async fn first_answer(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.status().await.is_err() {
            if let Some(coordinator) = self.processes.lock().get_mut(&Who::Coordinator)
                && (coordinator.ended()?.is_some() || began.elapsed() > FIRST_ANSWER)
            {
                bail!("expected a coordinator that answers, got: {}", coordinator.tail(5));
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
        Ok(())
    }

    /// Where the run writes.
    #[must_use]
    pub fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// Where the learner logs experience.
    #[must_use]
    pub fn experience(&self) -> PathBuf {
        self.run_dir.join("experience")
    }

    /// The links.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The clocks, or why there are none.
    ///
    /// # Errors
    /// What is missing.
    pub fn clocks(&self) -> Result<&Clocks, String> {
        self.clocks.as_ref().ok_or_else(|| "libfaketime is not installed".to_owned())
    }

    /// Does something with the small disk.
    ///
    /// # Errors
    /// Why there is none.
    pub fn with_disk<T>(&self, work: impl FnOnce(&SmallDisk) -> T) -> Result<T, String> {
        let disk = self.disk.lock();
        let why = || self.no_disk.clone().unwrap_or_else(|| "it was not asked for".to_owned());
        disk.as_ref().map(work).ok_or_else(why)
    }

    /// Where the learner listens, without a proxy between.
    #[must_use]
    pub fn learner(&self) -> SocketAddr {
        self.learner
    }

    /// Number of actors.
    #[must_use]
    pub fn actors(&self) -> u32 {
        self.shape.actors
    }

    /// Asks the coordinator, without a proxy between.
    ///
    /// # Errors
    /// If it does not answer in time.
    pub async fn status(&self) -> anyhow::Result<StatusReply> {
        let address = self.coordinator.to_string();
        let ask = async {
            let channel =
                proto::connect::connect(&address, Role::Coordinator, &Credentials::none()).await?;
            let reply = proto::connect::control(channel)
                .status(proto::v1::StatusRequest::default())
                .await?;
            anyhow::Ok(reply.into_inner())
        };
        tokio::time::timeout(STATUS_PATIENCE, ask).await.context("no status in time")?
    }

    /// Tells the run to end.
    ///
    /// # Errors
    /// If the coordinator does not take it.
    pub async fn stop(&self) -> anyhow::Result<()> {
        let channel = proto::connect::connect(
            &self.coordinator.to_string(),
            Role::Coordinator,
            &Credentials::none(),
        )
        .await?;
        proto::connect::control(channel).stop(proto::v1::StopRequest {}).await?;
        Ok(())
    }

    /// Starts `who`, for the first time or again.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub fn launch(&self, who: Who) -> anyhow::Result<()> {
        let name = match who {
            Who::Coordinator => "coordinator",
            Who::Learner => "learner",
            Who::Actor(_) => "actor",
        };
        let log = self.logs.join(format!("{}.log", who.to_string().replace(' ', "-")));
        let environment = self.environment(who)?;
        let program = process::program(name)?;
        let process = Process::start(&program, self.arguments(who), &environment, &log)?;
        self.started.lock().push((who, process.pid()));
        if let Who::Actor(place) = who {
            self.network.introduce(place, process.pid());
        }
        self.processes.lock().insert(who, process);
        Ok(())
    }

    fn environment(&self, who: Who) -> anyhow::Result<Vec<(String, String)>> {
        let mut all = match &self.clocks {
            Some(clocks) => clocks.environment(who)?,
            None => Vec::new(),
        };
        if who == Who::Learner {
            all.extend(LEARNER_ENVIRONMENT.map(|(name, value)| (name.into(), value.into())));
        }
        Ok(all)
    }

    fn arguments(&self, who: Who) -> Vec<String> {
        let run_dir = self.run_dir.display().to_string();
        let again = self.started.lock().iter().any(|(before, _)| *before == who);
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        match who {
            Who::Coordinator if again => texts(&["serve", "--quiet", "--resume", &run_dir]),
            Who::Coordinator => {
                let mut all: Vec<String> = texts(&["serve", "--quiet", "--run-dir", &run_dir]);
                all.push(self.shape.config.display().to_string());
                let address = format!("network.coordinator={}", self.coordinator);
                let settings = self.shape.settings.iter().cloned().chain([address]);
                all.extend(settings.flat_map(|setting| ["--set".to_owned(), setting]));
                all
            }
            Who::Learner => {
                let coordinator = self.network.coordinator_for_learner().to_string();
                let (listen, advertised) =
                    (self.learner.to_string(), self.network.learner().to_string());
                let mut all: Vec<String> =
                    texts(&["run", "--exit-with-parent", "--run-dir", &run_dir]);
                all.extend(texts(&["--coordinator", &coordinator, "--listen", &listen]));
                all.extend(texts(&["--advertise", &advertised]));
                all.extend(again.then(|| "--resume".to_owned()));
                all
            }
            Who::Actor(place) => {
                let coordinator = self.network.coordinator_for_actor(place).to_string();
                let place = place.to_string();
                texts(&[
                    "run",
                    "--exit-with-parent",
                    "--coordinator",
                    &coordinator,
                    "--slot",
                    &place,
                ])
            }
        }
    }

    /// `kill -9`. It is not started again before [`World::launch`].
    ///
    /// # Errors
    /// If there is nothing to kill.
    pub fn kill(&self, who: Who) -> anyhow::Result<()> {
        let process = self.processes.lock().remove(&who);
        let mut process = process.with_context(|| format!("expected a running {who}"))?;
        process.kill().with_context(|| format!("kill the {who}"))
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// If there is nobody to send it to.
    pub fn signal(&self, who: Who, signal: Signal) -> anyhow::Result<()> {
        let processes = self.processes.lock();
        processes.get(&who).with_context(|| format!("expected a running {who}"))?.signal(signal)
    }

    /// Takes out those that have ended although nobody killed them, with how, and their last words.
    pub fn ended(&self) -> Vec<(Who, ExitStatus, String)> {
        let mut processes = self.processes.lock();
        let mut ended = Vec::new();
        for (who, process) in processes.iter_mut() {
            if let Ok(Some(status)) = process.ended() {
                ended.push((*who, status, process.tail(1)));
            }
        }
        ended.iter().for_each(|(who, ..)| drop(processes.remove(who)));
        ended
    }

    /// Who runs now, or has ended by itself since [`World::ended`].
    pub fn running(&self) -> Vec<Who> {
        self.processes.lock().keys().copied().collect()
    }

    /// Who runs now, and what it holds in memory.
    pub fn memory(&self) -> Vec<(Who, Memory)> {
        let processes = self.processes.lock();
        let read = |(who, process): (&Who, &Process)| {
            // One that has just ended is for `ended` to tell.
            process::memory(process.pid()).ok().map(|memory| (*who, memory))
        };
        processes.iter().filter_map(read).collect()
    }

    /// Every link there is.
    pub fn links(&self) -> impl Iterator<Item = Between> + use<> {
        let actors = 0..self.shape.actors;
        let of_actor = |place| [Between::ActorLearner(place), Between::ActorCoordinator(place)];
        actors.flat_map(of_actor).chain([Between::LearnerCoordinator])
    }

    /// What is left of the run once everybody should have ended: processes, and files that were
    /// never finished. Puts what the learner wrote onto the disk of the run directory.
    ///
    /// # Errors
    /// If that cannot be found out.
    pub fn leftovers(&self) -> anyhow::Result<Vec<String>> {
        if let Some(disk) = self.disk.lock().take() {
            disk.keep()?;
        }
        if let Some(clocks) = &self.clocks {
            self.started.lock().iter().for_each(|(_, pid)| clocks.forget(*pid));
        }
        let word = self.run_dir.display().to_string();
        let pids = process::mentioning(&word)?;
        let mut left: Vec<String> = pids.iter().map(|pid| format!("process {pid}")).collect();
        unfinished(&self.run_dir, &mut left)?;
        Ok(left)
    }
}

/// Files that are written beside and renamed carry such names until then.
fn unfinished(folder: &Path, found: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            unfinished(&entry.path(), found)?;
        }
        if name.starts_with('.') || [".tmp", ".new", ".part"].iter().any(|end| name.ends_with(end))
        {
            found.push(entry.path().display().to_string());
        }
    }
    Ok(())
}

/// Two addresses on which a process can listen, be killed, and listen again: below the ports that
/// the system gives to connections that go out.
fn fixed_addresses() -> anyhow::Result<(SocketAddr, SocketAddr)> {
    let start = std::process::id() % 10_000;
    let ports = (0..10_000u32).filter_map(|n| u16::try_from(20_000 + (start + n) % 10_000).ok());
    let free = ports
        .map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
        .filter(|address| std::net::TcpListener::bind(address).is_ok());
    let pair: Vec<SocketAddr> = free.take(2).collect();
    match pair[..] {
        [first, second] => Ok((first, second)),
        _ => bail!("expected two free ports between 20000 and 29999, got {}", pair.len()),
    }
}
