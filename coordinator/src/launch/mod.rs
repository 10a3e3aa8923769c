//! Processes on this machine: one learner and some actors, watched until the run is over, and
//! started again when they die.
//!
//! Every child has a pipe as its standard input and is started with `--exit-with-parent`: when the
//! coordinator ends, even by `kill -9`, the pipe closes and the child leaves. Its output goes to
//! `logs/<name>.log`, of which the end is part of the error when it dies.

mod child;
mod respawn;
mod watch;

pub use respawn::{Respawn, Verdict};

use crate::programs;
use crate::server::Handle;
use child::{Program, Reaper};
use proto::connect::Exposure;
use runtime::CredentialFiles;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tokio::task::JoinSet;

/// What went wrong with a process.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is missing.
    #[error(transparent)]
    Program(#[from] programs::Error),
    /// It could not be started.
    #[error("start {name}: {source}")]
    Start {
        /// Which process.
        name: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The learner reported why.
    #[error("the learner failed: {why}")]
    LearnerFailed {
        /// In its own words.
        why: String,
    },
    /// The learner ended before it had done anything: what it says is the user's to read.
    #[error("the learner ended with {status} before the run was over; the end of {}:\n{tail}", log.display())]
    LearnerDied {
        /// Exit code or signal.
        status: String,
        /// Its log.
        log: PathBuf,
        /// Last lines of it.
        tail: String,
    },
    /// The learner dies again and again, and gets nothing done.
    #[error("the learner died {deaths} times in a row before it had come any further, at last with {status}; the end of {}:\n{tail}", log.display())]
    LearnerCrashLoop {
        /// How often.
        deaths: u32,
        /// Exit code or signal.
        status: String,
        /// Its log.
        log: PathBuf,
        /// Last lines of it.
        tail: String,
    },
    /// The learner did not leave.
    #[error("the learner had to be killed: it had not left when its time was up; the end of {}:\n{tail}", log.display())]
    LearnerKilled {
        /// Its log.
        log: PathBuf,
        /// Last lines of it.
        tail: String,
    },
    /// An actor dies again and again, and gets nothing done.
    #[error("actor {actor} died {deaths} times in a row before it had done a trial or handed over a transition, at last with {status}; the end of {}:\n{tail}", log.display())]
    CrashLoop {
        /// Its place.
        actor: u32,
        /// How often.
        deaths: u32,
        /// Exit code or signal.
        status: String,
        /// Its log.
        log: PathBuf,
        /// Last lines of it.
        tail: String,
    },
    /// The watch over a process broke off.
    #[error("watch a process: {0}")]
    Watch(#[from] tokio::task::JoinError),
}

/// Has the learner continue from its newest checkpoint and its log.
const RESUME: &str = "--resume";

/// What is to be started.
#[derive(Debug, Clone)]
pub struct Plan {
    /// `host:port` at which children reach the coordinator.
    pub coordinator: String,
    /// Number of actors.
    pub actors: u32,
    /// Where the learner listens.
    pub learner: String,
    /// Certificates and token: a folder with one folder for each role, if there is TLS.
    pub credentials: CredentialFiles,
    /// Who may be able to reach the learner.
    pub exposure: Exposure,
    /// Host by which other machines reach the learner.
    pub advertise: Option<String>,
    /// What the learner can continue from.
    pub learner_saved: Saved,
    /// Where the learner writes checkpoints.
    pub run_dir: PathBuf,
    /// Where logs go.
    pub logs: PathBuf,
}

/// What a learner that is started finds in the run directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// Nothing: the run begins.
    Nothing,
    /// What an earlier life of it has left.
    ByEarlierLife,
}

/// Which process has ended for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    /// The learner.
    Learner,
    /// The actor of this place.
    Actor(u32),
}

/// The processes of a run. Dropping it kills them.
#[derive(Debug)]
pub struct Fleet {
    watches: JoinSet<Result<Member, Error>>,
    reaper: Reaper,
}

impl Fleet {
    /// Starts the learner and the actors.
    ///
    /// # Errors
    /// If a program is missing.
    pub fn start(plan: &Plan, handle: &Handle) -> Result<Self, Error> {
        let (learner, actor) = (programs::find("learner")?, programs::find("actor")?);
        let reaper = Reaper::default();
        let mut watches = JoinSet::new();
        let program = learner_program(plan, learner);
        watches.spawn(watch::learner(program, handle.clone(), reaper.clone()));
        for place in 0..plan.actors {
            let program = actor_program(plan, &actor, place);
            watches.spawn(watch::actor(place, program, handle.clone(), reaper.clone()));
        }
        Ok(Self { watches, reaper })
    }

    /// Waits until one more process has ended for good. `None` when none is left.
    pub async fn ended(&mut self) -> Option<Result<Member, Error>> {
        let ended = self.watches.join_next().await?;
        Some(ended.unwrap_or_else(|broken| Err(broken.into())))
    }

    /// Kills what still runs.
    pub fn kill(&self) {
        self.reaper.token.cancel();
    }

    /// Who had to be killed so far, by name.
    #[must_use]
    pub fn killed(&self) -> Vec<String> {
        let mut killed = self.reaper.killed.lock().clone();
        killed.sort();
        killed
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What libraries read when they are loaded, and so must come from whoever starts the learner.
///
/// Threads of libgomp spin for milliseconds before they sleep: on cores shared with actors, two
/// threads were 3 to 100 times slower than one. Without any spinning two were no faster than one,
/// with some 3,000 turns 1.6 times as fast. glibc gives large blocks back to the system each time
/// they are freed, and an update allocates dozens of them.
const LEARNER_ENVIRONMENT: &[(&str, &str)] = &[
    ("GOMP_SPINCOUNT", "3000"),
    ("MALLOC_MMAP_THRESHOLD_", "1073741824"),
    ("MALLOC_TRIM_THRESHOLD_", "4294967296"),
];

fn learner_program(plan: &Plan, path: PathBuf) -> Program {
    let run_dir = plan.run_dir.as_os_str().to_owned();
    let mut arguments = common_arguments(plan);
    arguments.extend(["--listen".into(), plan.learner.clone().into()]);
    arguments.extend(["--run-dir".into(), run_dir]);
    if plan.exposure == Exposure::Insecure {
        arguments.push("--insecure".into());
    }
    if plan.learner_saved == Saved::ByEarlierLife {
        arguments.push(RESUME.into());
    }
    if let Some(host) = &plan.advertise {
        arguments.extend(["--advertise".into(), host.into()]);
    }
    Program {
        name: "learner".to_owned(),
        path,
        arguments,
        environment: LEARNER_ENVIRONMENT,
        log: plan.logs.join("learner.log"),
    }
}

fn actor_program(plan: &Plan, path: &Path, place: u32) -> Program {
    let mut arguments = common_arguments(plan);
    arguments.extend(["--slot".into(), place.to_string().into()]);
    Program {
        name: format!("actor-{place}"),
        path: path.to_owned(),
        arguments,
        environment: &[],
        log: plan.logs.join(format!("actor-{place}.log")),
    }
}

fn common_arguments(plan: &Plan) -> Vec<OsString> {
    let arguments = ["run", "--exit-with-parent", "--coordinator", &plan.coordinator];
    let mut arguments = arguments.map(OsString::from).to_vec();
    let CredentialFiles { tls, token_file } = &plan.credentials;
    let files = [("--tls", tls), ("--token-file", token_file)];
    for (option, file) in
        files.into_iter().filter_map(|(option, file)| Some((option, file.as_ref()?)))
    {
        arguments.extend([option.into(), file.into()]);
    }
    arguments
}
