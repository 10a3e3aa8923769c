//! `coordinator render`.

use super::Failure;
use crate::output;
use crate::render::kubernetes::Identity;
use crate::render::{self, CredentialPaths, File, Images, Security, compose, kubernetes, slurm};
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use types::Experiment;

/// What a run is made ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Target {
    /// docker-compose: containers on one machine
    Compose,
    /// Slurm: a job for coordinator and learner, a job array of actors
    Slurm,
    /// Kubernetes: manifests, to be applied with kubectl
    Kubernetes,
}

impl Target {
    /// The file without which a folder is not made for it.
    fn manifest(self) -> &'static str {
        match self {
            Self::Compose => compose::MANIFEST,
            Self::Slurm => slurm::RUN,
            Self::Kubernetes => kubernetes::KUSTOMIZATION,
        }
    }
}

/// Options of `render`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  coordinator render --target compose -o out --actors 4 --insecure configs/quickstart.toml
  coordinator submit --target compose out
  coordinator render --target slurm -o out --actors 64 --gpu --sbatch=--partition=long \\
      --tls ~/.proteus/certs --token-file ~/.proteus/token configs/pearl/cheetah-vel.toml
  coordinator render --target kubernetes -o out --actors 64 --max-actors 256 --gpu \\
      --namespace research --image-prefix registry.example.org/team/ configs/pearl/cheetah-vel.toml

docs/operations.md tells more.")]
pub(super) struct Render {
    /// The experiment: a TOML file such as configs/quickstart.toml
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// Folder to write to; made if it is not there
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    options: Options,
}

/// What both `render` and `submit` need to know.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// What to make it ready for
    #[arg(long, value_enum)]
    pub(super) target: Target,
    /// Change a key of the experiment, for example --set budget.env_steps=20000
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Short for --set seed=N
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Short for --set actors.count=N
    #[arg(long, value_name = "N")]
    actors: Option<u32>,
    /// Give the learner a GPU, and the CUDA variant of its image
    #[arg(long)]
    gpu: bool,
    /// Let the processes talk without certificates and without a token: only in a network where
    /// everybody is trusted
    #[arg(long)]
    insecure: bool,
    /// Certificates: a folder with a folder per role, as `coordinator certs` makes it
    #[arg(long, value_name = "DIR", env = "PROTEUS_TLS_DIR")]
    tls: Option<PathBuf>,
    /// File with the join token
    #[arg(long, value_name = "FILE", env = "PROTEUS_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    sizes: Sizes,
    #[command(flatten)]
    containers: Containers,
    #[command(flatten)]
    slurm: Slurm,
    #[command(flatten)]
    kubernetes: Kubernetes,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Sizes (Slurm, Kubernetes)")]
struct Sizes {
    /// Cores of the learner
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    cpus: u32,
    /// Memory of the learner, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 8192, value_parser = clap::value_parser!(u32).range(64..))]
    memory: u32,
    /// Memory of an actor, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 512, value_parser = clap::value_parser!(u32).range(64..))]
    actor_memory: u32,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Slurm")]
struct Slurm {
    /// Longest time of a job; a run that needs longer goes on in the next one
    #[arg(long, value_name = "TIME", default_value = "24:00:00")]
    time: String,
    /// Another option for both jobs, for example --sbatch=--partition=long
    #[arg(long = "sbatch", value_name = "OPTION", allow_hyphen_values = true)]
    sbatch: Vec<String>,
    /// Folder of the programs, as the nodes see it [default: that of this program]
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// The run directory, as the nodes see it [default: `run` in the folder that is rendered into]
    #[arg(long, value_name = "DIR")]
    run_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Kubernetes")]
struct Kubernetes {
    /// Name of the run in the cluster [default: made of the experiment's]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Namespace [default: kubectl's]
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// Size of each of the two volumes
    #[arg(long, value_name = "SIZE", default_value = "20Gi")]
    storage: String,
    /// Storage class of the volumes [default: the cluster's]
    #[arg(long, value_name = "NAME")]
    storage_class: Option<String>,
    /// Namespace whose pods may read the metrics
    #[arg(long, value_name = "NAMESPACE", default_value = "monitoring")]
    monitoring: String,
    /// Let an autoscaler go from actors.count up to this many actors
    #[arg(long, value_name = "N")]
    max_actors: Option<u32>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Containers (compose, Kubernetes)")]
struct Containers {
    /// In front of the names of the images, for example registry.example.org/team/
    #[arg(long, value_name = "PREFIX", default_value = "")]
    image_prefix: String,
    /// Tag of the images
    #[arg(long, value_name = "TAG", default_value = "latest")]
    image_tag: String,
    /// compose: who owns the run directory and may read the credentials [default: whoever renders]
    #[arg(long, value_name = "UID:GID")]
    user: Option<String>,
}

impl Render {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        self.options.render(&self.config, &self.out)?;
        let folder = self.out.display();
        let target = self.options.target.to_possible_value();
        let target = target.as_ref().map_or("", |target| target.get_name());
        output::line(format!(
            "{folder} is ready; look at it, then: coordinator submit --target {target} {folder}"
        ));
        Ok(())
    }
}

impl Options {
    /// Renders the experiment in `config` into the folder `out`.
    pub(super) fn render(&self, config: &Path, out: &Path) -> Result<(), Failure> {
        let experiment = self.experiment(config)?;
        let made = std::fs::create_dir_all(out);
        made.with_context(|| format!("make the folder {}", out.display())).map_err(Failure::run)?;
        let files = match self.target {
            Target::Compose => compose::render(&experiment, &self.compose(out)?),
            Target::Slurm => slurm::render(&experiment, &self.slurm(out)?),
            Target::Kubernetes => kubernetes::render(&experiment, &self.kubernetes()),
        };
        for file in files.map_err(Failure::usage)? {
            write(out, &file).map_err(Failure::run)?;
        }
        if self.target == Target::Compose {
            // Made by whoever owns it; the engine would make it as root.
            let run = out.join(compose::RUN);
            let made = std::fs::create_dir_all(&run);
            made.with_context(|| format!("make {}", run.display())).map_err(Failure::run)?;
        }
        Ok(())
    }

    fn experiment(&self, config: &Path) -> Result<Experiment, Failure> {
        let mut set = self.set.clone();
        set.extend(self.seed.map(|seed| format!("seed={seed}")));
        set.extend(self.actors.map(|actors| format!("actors.count={actors}")));
        let experiment: Experiment = runtime::config::load(config, &set).map_err(Failure::usage)?;
        let valid = experiment.validate();
        valid.map_err(|error| Failure::usage(anyhow::anyhow!("{}: {error}", config.display())))?;
        Ok(experiment)
    }

    fn compose(&self, out: &Path) -> Result<compose::Settings, Failure> {
        let user = match &self.containers.user {
            Some(user) => user.clone(),
            None => owner(out).map_err(Failure::run)?,
        };
        let security = self.credential_paths()?;
        Ok(compose::Settings { images: self.images(), user, gpu: self.gpu, security })
    }

    fn slurm(&self, out: &Path) -> Result<slurm::Settings, Failure> {
        let Slurm { time, sbatch, programs, run_dir } = &self.slurm;
        let folder = absolute(out)?;
        let programs = match programs {
            Some(programs) => text(programs)?,
            None => {
                let own = std::env::current_exe().context("find this program");
                let own = own.map_err(Failure::run)?;
                absolute(own.parent().unwrap_or(Path::new("/")))?
            }
        };
        let run = match run_dir {
            Some(run) => text(run)?,
            None => format!("{folder}/run"),
        };
        Ok(slurm::Settings {
            folder,
            programs,
            run,
            time: time.clone(),
            cpus: self.sizes.cpus,
            memory: format!("{}M", self.sizes.memory),
            actor_memory: format!("{}M", self.sizes.actor_memory),
            options: sbatch.clone(),
            gpu: self.gpu,
            security: self.credential_paths()?,
        })
    }

    fn kubernetes(&self) -> kubernetes::Settings {
        let Kubernetes { name, namespace, storage, storage_class, monitoring, max_actors } =
            &self.kubernetes;
        let security = if self.insecure { Security::Insecure } else { Security::Guarded(()) };
        kubernetes::Settings {
            name: name.clone(),
            namespace: namespace.clone(),
            images: self.images(),
            gpu: self.gpu,
            storage: storage.clone(),
            storage_class: storage_class.clone(),
            memory: format!("{}Mi", self.sizes.memory),
            cpus: self.sizes.cpus,
            actor_memory: format!("{}Mi", self.sizes.actor_memory),
            max_actors: *max_actors,
            monitoring: monitoring.clone(),
            security,
        }
    }

    /// The run that is rendered in `folder`, which is the one that was asked for.
    pub(super) fn identity(&self, folder: &Path) -> Result<Identity, Failure> {
        let path = folder.join(kubernetes::KUSTOMIZATION);
        let shown = || path.display().to_string();
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", shown()));
        let identity = Identity::read(&text.map_err(Failure::run)?).with_context(shown);
        let identity = identity.map_err(Failure::usage)?;
        let Kubernetes { name, namespace, .. } = &self.kubernetes;
        let same = identity.check(name.as_deref(), namespace.as_deref());
        same.with_context(shown).map_err(Failure::usage)?;
        Ok(identity)
    }

    /// The secrets that `submit` makes for the run `name`: those whose files it was told of.
    /// Without, they are expected to be there.
    pub(super) fn secrets(&self, name: &str) -> Result<Vec<SecretFiles>, Failure> {
        let (Some(tls), Some(token)) = (&self.tls, &self.token_file) else {
            return Ok(Vec::new());
        };
        let files = |secret: kubernetes::Secret| {
            let source = match secret.role {
                Some(role) => absolute(&tls.join(role))?,
                None => format!("{}={}", kubernetes::TOKEN_KEY, absolute(token)?),
            };
            Ok(SecretFiles { name: secret.name, source })
        };
        kubernetes::secrets(name).into_iter().map(files).collect()
    }

    fn images(&self) -> Images {
        let Containers { image_prefix: prefix, image_tag: tag, .. } = &self.containers;
        Images { prefix: prefix.clone(), tag: tag.clone() }
    }

    /// For processes that read the files where they are.
    fn credential_paths(&self) -> Result<Security<CredentialPaths>, Failure> {
        match (&self.tls, &self.token_file) {
            _ if self.insecure => Ok(Security::Insecure),
            (Some(tls), Some(token)) => {
                let (tls, token) = (absolute(tls)?, absolute(token)?);
                Ok(Security::Guarded(CredentialPaths { tls, token }))
            }
            _ => Err(Failure::usage(anyhow::anyhow!(
                "expected --tls DIR and --token-file FILE, which `coordinator certs` makes; \
                 --insecure goes without, where everybody in the network is trusted"
            ))),
        }
    }
}

/// A secret and where its content is, as kubectl takes it.
pub(super) struct SecretFiles {
    pub(super) name: String,
    pub(super) source: String,
}

/// The whole path of something that is there.
fn absolute(path: &Path) -> Result<String, Failure> {
    let whole = path.canonicalize().with_context(|| format!("look for {}", path.display()));
    let whole = whole.map_err(Failure::usage)?;
    text(&whole)
}

fn text(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().with_context(|| format!("{} is not text", path.display()));
    Ok(text.map_err(Failure::usage)?.to_owned())
}

/// `uid:gid` of a folder.
fn owner(folder: &Path) -> anyhow::Result<String> {
    let metadata = folder.metadata().with_context(|| format!("look at {}", folder.display()))?;
    Ok(format!("{}:{}", metadata.uid(), metadata.gid()))
}

fn write(folder: &Path, file: &File) -> anyhow::Result<()> {
    let path = folder.join(file.name);
    std::fs::write(&path, &file.content).with_context(|| format!("write {}", path.display()))
}

/// Whether `folder` holds what `target` needs.
pub(super) fn is_rendered(folder: &Path, target: Target) -> bool {
    folder.join(target.manifest()).is_file() && folder.join(render::EXPERIMENT).is_file()
}
