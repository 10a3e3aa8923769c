//! Slurm: one job for coordinator and learner, a job array of actors.

use super::template::{Fill, fill};
use super::{CredentialPaths, Error, File, Security, check, experiment_file};
use types::Experiment;

/// The job of coordinator and learner.
pub const RUN: &str = "run.sbatch";
/// The job array of the actors.
pub const ACTORS: &str = "actors.sbatch";

const RUN_TEMPLATE: &str = include_str!("../../../deploy/templates/run.sbatch");
const ACTORS_TEMPLATE: &str = include_str!("../../../deploy/templates/actors.sbatch");

/// What the experiment does not say.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder of the rendered files, on the shared file system. Whole path, like all below.
    pub folder: String,
    /// Folder of the programs, on the shared file system.
    pub programs: String,
    /// The run directory, on the shared file system.
    pub run: String,
    /// Longest time of a job, as Slurm writes it.
    pub time: String,
    /// Cores of the job of coordinator and learner.
    pub cpus: u32,
    /// Memory of that job, as Slurm writes it.
    pub memory: String,
    /// Memory of an actor.
    pub actor_memory: String,
    /// Options of both jobs, such as `--partition=long`.
    pub options: Vec<String>,
    /// Whether the learner gets a GPU.
    pub gpu: bool,
    /// Credentials.
    pub security: Security<CredentialPaths>,
}

/// Two batch scripts and the experiment.
///
/// # Errors
/// [`Error::Value`] for what cannot be in such a file.
pub fn render(experiment: &Experiment, settings: &Settings) -> Result<Vec<File>, Error> {
    let actors = experiment.actors.count;
    check(actors >= 1, "actors.count", "at least 1, for the array of actors", actors)?;
    let experiment = on_nodes(experiment);
    let word = |option, text: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:,=/@%*".contains(c);
        let good = !text.is_empty() && text.chars().all(plain);
        check(good, option, "one plain word, as Slurm takes it", text)
            .map(|()| Fill::Text(text.to_owned()))
    };
    let time = || word("--time", &settings.time);
    let name = &experiment.name;
    let environment = || Fill::Text(environment(&settings.security));
    let programs = || shell_word(&settings.programs);
    let run = || shell_word(&settings.run);
    let insecure = settings.security == Security::Insecure;
    let path = format!("{}/{}", settings.folder, super::EXPERIMENT);
    let fills = [
        ("job", word("name", name)?),
        ("cpus", Fill::Text(settings.cpus.to_string())),
        ("memory", word("--memory", &settings.memory)?),
        ("time", time()?),
        ("options", options(&settings.options, settings.gpu)?),
        ("programs", programs()),
        ("experiment", shell_word(&path)),
        ("run", run()),
        ("environment", environment()),
        ("insecure", Fill::Text(if insecure { " --insecure" } else { "" }.to_owned())),
    ];
    let run_job = File { name: RUN, content: fill(RUN_TEMPLATE, &fills)? };
    let fills = [
        ("job", word("name", &format!("{name}-actors"))?),
        ("last", Fill::Text((actors - 1).to_string())),
        ("memory", word("--actor-memory", &settings.actor_memory)?),
        ("time", time()?),
        ("options", options(&settings.options, false)?),
        ("programs", programs()),
        ("run", run()),
        ("environment", environment()),
    ];
    let actor_jobs = File { name: ACTORS, content: fill(ACTORS_TEMPLATE, &fills)? };
    Ok(vec![experiment_file(&experiment)?, run_job, actor_jobs])
}

/// The experiment as it runs on nodes: whoever runs there listens on a free port of its node, and
/// the coordinator starts the learner alone.
fn on_nodes(experiment: &Experiment) -> Experiment {
    let mut experiment = experiment.clone();
    experiment.actors.count = 0;
    experiment.network.coordinator = "0.0.0.0:0".to_owned();
    experiment.network.learner = "0.0.0.0:0".to_owned();
    experiment
}

/// `#SBATCH` lines.
fn options(options: &[String], gpu: bool) -> Result<Fill, Error> {
    let mut lines = Vec::new();
    lines.extend(gpu.then(|| "#SBATCH --gres=gpu:1".to_owned()));
    for option in options {
        let good = option.starts_with("--") && option.chars().all(|c| c.is_ascii_graphic());
        check(good, "--sbatch", "an option such as --partition=long", option)?;
        lines.push(format!("#SBATCH {option}"));
    }
    Ok(if lines.is_empty() { Fill::Nothing } else { Fill::Text(lines.join("\n")) })
}

/// Where the programs find their credentials.
fn environment(security: &Security<CredentialPaths>) -> String {
    match security {
        Security::Insecure => {
            "# Nothing is encrypted, as asked for when this was rendered.".to_owned()
        }
        Security::Guarded(CredentialPaths { tls, token }) => {
            let (tls, token) = (quoted(tls), quoted(token));
            format!("export PROTEUS_TLS_DIR={tls}\nexport PROTEUS_TOKEN_FILE={token}")
        }
    }
}

fn shell_word(text: &str) -> Fill {
    Fill::Text(quoted(text))
}

/// One word of a shell, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
