//! `cargo xtask images`: container images of the three programs.
//!
//! The programs built here are staged into `target/images/<image>/` as they shall lie in the image,
//! and `docker build` copies them. Libraries are found by the rpath the programs have anyway,
//! relative to themselves: `/opt/proteus/usr/bin/actor` looks into `/opt/proteus/.deps/`.

mod base;
mod stage;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::setup::{self, Scope};
use crate::{cargo, shell, workspace};

/// Says that the base is to be made from this machine's libraries.
const LOCAL: &str = "local";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Image the actor and the learner build on; `local` makes one from this machine's C library,
    /// for machines that reach no registry [default: the BASE of the Dockerfiles]
    #[arg(long, value_name = "IMAGE")]
    base: Option<String>,

    /// Put in front of the names, for example registry.example.org/team/
    #[arg(long, value_name = "PREFIX", default_value = "")]
    prefix: String,

    /// Tag of the images
    #[arg(long, default_value = "latest")]
    tag: String,

    /// Build the learner with the CUDA libraries as well, tagged TAG-cuda (several GiB)
    #[arg(long)]
    cuda: bool,

    /// Take the programs as they are in target/release
    #[arg(long)]
    no_build: bool,

    /// Only fill the build contexts below target/images/
    #[arg(long)]
    stage_only: bool,
}

/// One image of ours.
struct Image {
    program: &'static str,
    reference: String,
    arguments: Vec<String>,
    /// Something the program does by itself: shows that the loader finds everything.
    trial: &'static [&'static str],
}

/// Builds the programs and their images, and starts each once.
pub(crate) fn run(options: &Options) -> Result<()> {
    let scope = if options.cuda { Scope::Cuda } else { Scope::Cpu };
    if !options.no_build {
        setup::run(scope)?;
        cargo::build(&cargo::PROCESSES)?;
    }
    let contexts = workspace::images()?;
    stage::programs(&contexts, scope)?;
    if options.stage_only {
        eprintln!("xtask: staged into {}", contexts.display());
        return Ok(());
    }
    if workspace::on_path("docker").is_none() {
        bail!("expected the program `docker` on the PATH, found none; install a Docker engine");
    }
    let base = options.base(&contexts)?;
    for image in options.images(base.as_deref()) {
        image.build(&contexts)?;
        shell::read(
            docker(&["run", "--rm", "--network=none", "--read-only"])
                .arg(&image.reference)
                .args(image.trial),
        )
        .with_context(|| format!("{} does not start", image.reference))?;
        eprintln!("xtask: {} is built: {}", image.reference, image.size()?);
    }
    Ok(())
}

impl Options {
    /// The base to name to docker, made first if it is to be local.
    fn base(&self, contexts: &Path) -> Result<Option<String>> {
        if self.base.as_deref() != Some(LOCAL) {
            return Ok(self.base.clone());
        }
        base::stage(&contexts.join("base/root"))?;
        let reference = self.reference("base", "");
        build("base", &reference, &[], contexts)?;
        Ok(Some(reference))
    }

    fn images(&self, base: Option<&str>) -> Vec<Image> {
        let base: Vec<String> = base.map(|base| format!("BASE={base}")).into_iter().collect();
        let (actor, coordinator) = (self.reference("actor", ""), self.reference("coordinator", ""));
        let on_actor = vec![format!("ACTOR={actor}")];
        let learner = |variant: &str, suffix| Image {
            program: "learner",
            reference: self.reference("learner", suffix),
            arguments: [base.clone(), vec![format!("VARIANT={variant}")]].concat(),
            trial: &["--version"],
        };
        let mut images = vec![
            Image {
                program: "actor",
                reference: actor,
                arguments: base.clone(),
                trial: &["describe", "cheetah-vel"],
            },
            Image {
                program: "coordinator",
                reference: coordinator,
                arguments: on_actor,
                trial: &["tasks", "show", "cheetah-vel"],
            },
            learner("cpu", ""),
        ];
        images.extend(self.cuda.then(|| learner("cuda", "-cuda")));
        images
    }

    fn reference(&self, program: &str, suffix: &str) -> String {
        let Self { prefix, tag, .. } = self;
        format!("{prefix}proteus-{program}:{tag}{suffix}")
    }
}

impl Image {
    fn build(&self, contexts: &Path) -> Result<()> {
        build(self.program, &self.reference, &self.arguments, contexts)
    }

    fn size(&self) -> Result<String> {
        let format = "--format={{.Size}}";
        let bytes = shell::read(docker(&["image", "inspect", format]).arg(&self.reference))?;
        let bytes: f64 = bytes.trim().parse().context("docker gave no size")?;
        Ok(format!("{:.1} MB, uncompressed", bytes / 1e6))
    }
}

fn build(name: &str, reference: &str, arguments: &[String], contexts: &Path) -> Result<()> {
    let file = workspace::root()?.join(format!("deploy/{name}.Dockerfile"));
    let mut command = docker(&["build", "--quiet", "--tag", reference, "--file"]);
    command.arg(file);
    command.args(arguments.iter().flat_map(|argument| ["--build-arg", argument]));
    command.arg(contexts.join(name));
    shell::run(&mut command)
}

fn docker(words: &[&str]) -> Command {
    let mut docker = Command::new("docker");
    docker.args(words);
    docker
}
