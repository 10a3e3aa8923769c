//! `coordinator submit`: hands a rendered run to the engine's own tool.

use super::Failure;
use super::render::{Options, SecretFiles, Target, is_rendered};
use crate::output;
use crate::render::slurm;
use anyhow::Context as _;
use clap::Args;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// Options of `submit`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  coordinator submit --target compose --insecure --actors 4 configs/quickstart.toml
  coordinator submit --target compose out                 what `render -o out` has made")]
pub(super) struct Submit {
    /// An experiment, which is rendered first, or a folder that `render` has made
    #[arg(value_name = "CONFIG|DIR")]
    what: PathBuf,
    /// Folder to render into [default: rendered/<name of CONFIG>]
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

impl Submit {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        let folder = self.folder()?;
        match self.options.target {
            Target::Compose => compose(&folder),
            Target::Slurm => slurm(&folder),
            Target::Kubernetes => kubernetes(&folder, &self.options),
        }
    }

    /// The rendered folder, made unless it is there.
    fn folder(&self) -> Result<PathBuf, Failure> {
        if self.what.is_dir() {
            if !is_rendered(&self.what, self.options.target) {
                return Err(Failure::usage(anyhow::anyhow!(
                    "{}: expected a folder made by `coordinator render` for this target, found \
                     something else",
                    self.what.display()
                )));
            }
            return Ok(self.what.clone());
        }
        let stem = self.what.file_stem().unwrap_or(self.what.as_os_str());
        let default = || Path::new("rendered").join(stem);
        let folder = self.out.clone().unwrap_or_else(default);
        self.options.render(&self.what, &folder)?;
        Ok(folder)
    }
}

fn compose(folder: &Path) -> Result<(), Failure> {
    let mut tool = match (on_path("docker"), on_path("docker-compose")) {
        (Some(docker), _) if has_compose(&docker) => {
            let mut tool = Command::new(docker);
            tool.arg("compose");
            tool
        }
        (_, Some(tool)) => Command::new(tool),
        _ => return Err(missing("docker compose` or `docker-compose", "docker-compose")),
    };
    run(tool.args(["up", "--detach"]).current_dir(folder))?;
    let folder = folder.display();
    output::line(format!(
        "started; its run directory is {folder}/run: coordinator status --run-dir {folder}/run"
    ));
    Ok(())
}

/// The run first: actors are of use once its job has begun.
fn slurm(folder: &Path) -> Result<(), Failure> {
    let sbatch = on_path("sbatch").ok_or_else(|| missing("sbatch", "the client tools of Slurm"))?;
    let submit = |arguments: &[&str]| {
        let mut tool = Command::new(&sbatch);
        ask(tool.arg("--parsable").args(arguments).current_dir(folder))
    };
    let answer = submit(&[slurm::RUN])?;
    // `<job>` or `<job>;<cluster>`.
    let run = answer.split(';').next().unwrap_or_default();
    let export = format!("--export=ALL,PROTEUS_RUN_JOB={run}");
    let after = format!("--dependency=after:{run}");
    let actors = submit(&[&export, &after, slurm::ACTORS]);
    let actors = actors.inspect_err(|_| {
        output::line(format!("job {run} was submitted, its actors were not: scancel {run}"));
    })?;
    let folder = folder.display();
    output::line(format!(
        "submitted job {run} (coordinator and learner) and job array {actors} (actors)\n\
         watch  coordinator status --run-dir {folder}/run\n\
         end    coordinator stop --run-dir {folder}/run"
    ));
    Ok(())
}

fn kubernetes(folder: &Path, options: &Options) -> Result<(), Failure> {
    let kubectl = on_path("kubectl").ok_or_else(|| missing("kubectl", "kubectl"))?;
    let identity = options.identity(folder)?;
    let namespace: Vec<&str> =
        identity.namespace.iter().flat_map(|name| ["--namespace", name]).collect();
    for secret in options.secrets(&identity.name)? {
        create_secret(&kubectl, &namespace, &secret)?;
    }
    run(Command::new(&kubectl).args(["apply", "--kustomize"]).arg(folder))?;
    output::line(format!("applied; end it with: kubectl delete --kustomize {}", folder.display()));
    Ok(())
}

/// Makes a secret, or brings it up to date.
fn create_secret(kubectl: &Path, namespace: &[&str], secret: &SecretFiles) -> Result<(), Failure> {
    let mut create = Command::new(kubectl);
    create.args(["create", "secret", "generic", &secret.name]).args(namespace);
    create.arg("--from-file").arg(&secret.source);
    let manifest = ask(create.args(["--dry-run=client", "--output=yaml"]))?;
    let mut apply = Command::new(kubectl);
    apply.args(["apply", "--filename", "-"]).args(namespace);
    feed(&mut apply, &manifest)
}

/// Whether docker has compose as a part of it.
fn has_compose(docker: &Path) -> bool {
    let asked = Command::new(docker).args(["compose", "version"]).output();
    asked.is_ok_and(|answer| answer.status.success())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn missing(tool: &str, package: &str) -> Failure {
    Failure::run(anyhow::anyhow!(
        "expected the program `{tool}` on the PATH, found none; install {package}, or hand over \
         what `coordinator render` writes in another way"
    ))
}

/// Runs a tool with its output shown as it comes. Its exit code is ours.
fn run(tool: &mut Command) -> Result<(), Failure> {
    let status = tool.stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("start {}", name(tool))).map_err(Failure::run)?;
    judge(tool, status)
}

/// Runs a tool and gives what it answers; what it complains of is shown.
fn ask(tool: &mut Command) -> Result<String, Failure> {
    let output = tool.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("start {}", name(tool))).map_err(Failure::run)?;
    judge(tool, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a tool on `text`.
fn feed(tool: &mut Command, text: &str) -> Result<(), Failure> {
    let fed = |tool: &mut Command| {
        let mut child = tool.stdin(Stdio::piped()).spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(text.as_bytes())?;
        }
        child.wait()
    };
    let status = fed(tool).with_context(|| format!("run {}", name(tool))).map_err(Failure::run)?;
    judge(tool, status)
}

fn name(tool: &Command) -> String {
    tool.get_program().to_string_lossy().into_owned()
}

fn judge(tool: &Command, status: ExitStatus) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    let why = anyhow::anyhow!("{} failed ({status}); what it said is above", name(tool));
    Err(match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(code) => Failure::Tool(why, code),
        None => Failure::run(why),
    })
}
