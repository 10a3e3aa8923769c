//! One experiment, made ready for a cluster: the files that docker-compose, Slurm or Kubernetes
//! take. Pure: an experiment and options in, files out.
//!
//! Placing processes on machines, starting them again and giving them storage is the job of those
//! engines. What is rendered says which program runs where, how the programs find each other, and
//! where their credentials are; secrets themselves are never in it.

pub mod compose;
pub mod kubernetes;
pub mod slurm;
mod template;

pub use template::Error as TemplateError;

use std::net::SocketAddr;
use types::Experiment;

/// Ports that processes listen on in containers, unless the experiment names others.
const COORDINATOR_PORT: u16 = 7000;
const LEARNER_PORT: u16 = 7001;
/// Name of the effective experiment beside the manifests.
pub const EXPERIMENT: &str = "experiment.toml";

/// An experiment that cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value that the engine would not take, or take for something else.
    #[error("{option}: expected {expected}, got {got:?}")]
    Value {
        /// Which option.
        option: &'static str,
        /// What would be right.
        expected: &'static str,
        /// What was there.
        got: String,
    },
    /// The experiment cannot be written down.
    #[error("write the effective experiment: {0}")]
    Toml(#[from] toml::ser::Error),
    /// A mistake in this program.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Below the folder that is rendered into.
    pub name: &'static str,
    /// What is in it.
    pub content: String,
}

/// Where the container images are.
#[derive(Debug, Clone)]
pub struct Images {
    /// In front of the names, for example `registry.example.org/team/`.
    pub prefix: String,
    /// Their tag.
    pub tag: String,
}

/// How processes prove who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Security<T> {
    /// Mutual TLS and a join token, which are found here.
    Guarded(T),
    /// Not at all: nothing is encrypted.
    Insecure,
}

/// Where certificates and token are on the machine that starts the processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialPaths {
    /// Folder with a folder per role.
    pub tls: String,
    /// File with the join token.
    pub token: String,
}

impl Images {
    /// The image of `program`; `suffix` tells variants apart.
    fn of(&self, program: &str, suffix: &str) -> Result<String, Error> {
        let Self { prefix, tag } = self;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let good = |text: &str, more: &str| text.chars().all(|c| plain(c) || more.contains(c));
        check(good(prefix, "/:"), "--image-prefix", "the start of an image's name", prefix)?;
        let tag_fits = (1..100).contains(&tag.len()) && good(tag, "");
        check(tag_fits, "--image-tag", "letters, digits, '-', '_' or '.'", tag)?;
        Ok(format!("{prefix}proteus-{program}:{tag}{suffix}"))
    }
}

/// The learner's image with or without CUDA.
fn learner_variant(gpu: bool) -> &'static str {
    if gpu { "-cuda" } else { "" }
}

fn check(
    good: bool,
    option: &'static str,
    expected: &'static str,
    got: impl ToString,
) -> Result<(), Error> {
    if good { Ok(()) } else { Err(Error::Value { option, expected, got: got.to_string() }) }
}

/// The experiment as the processes in containers need it: they listen on every address of theirs.
fn in_containers(experiment: &Experiment) -> (Experiment, u16, u16) {
    let port = |address: &str, otherwise: u16| {
        let named = address.parse::<SocketAddr>().map_or(0, |address| address.port());
        if named == 0 { otherwise } else { named }
    };
    let mut experiment = experiment.clone();
    let network = &mut experiment.network;
    let coordinator = port(&network.coordinator, COORDINATOR_PORT);
    let learner = port(&network.learner, LEARNER_PORT);
    network.coordinator = format!("0.0.0.0:{coordinator}");
    network.learner = format!("0.0.0.0:{learner}");
    (experiment, coordinator, learner)
}

fn experiment_file(experiment: &Experiment) -> Result<File, Error> {
    Ok(File { name: EXPERIMENT, content: toml::to_string_pretty(experiment)? })
}

/// Words of a command line.
fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}
