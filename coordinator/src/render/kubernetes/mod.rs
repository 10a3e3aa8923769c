//! Kubernetes: coordinator and learner as StatefulSets of one, actors as a Deployment.

mod identity;
mod pod;

pub use identity::{Identity, InvalidIdentity};

use super::template::{Fill, fill};
use super::{
    Error, File, Images, Security, check, experiment_file, in_containers, learner_variant, words,
};
use serde_json::{Value, json};
use types::Experiment;

/// The file that lists the others.
pub const KUSTOMIZATION: &str = "kustomization.yaml";

/// Port of `/metrics`, `/healthz` and `/livez`.
const METRICS_PORT: u16 = 9100;
/// In containers.
const STATE: &str = "/var/lib/proteus";
const CONFIGURATION: &str = "/etc/proteus/experiment";
/// Seconds to wait for another pod, which may be being scheduled.
const PATIENCE: &str = "300";
/// Longest name of a run: what is added to it must fit into 63 characters.
const NAME: usize = 40;

/// What the experiment does not say.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of the run in the cluster; the experiment's where possible.
    pub name: Option<String>,
    /// Namespace; the current one without.
    pub namespace: Option<String>,
    /// Images.
    pub images: Images,
    /// Whether the learner gets a GPU.
    pub gpu: bool,
    /// Size of each of the two volumes, such as `20Gi`.
    pub storage: String,
    /// Storage class; the cluster's default without.
    pub storage_class: Option<String>,
    /// Memory of the learner.
    pub memory: String,
    /// Cores of the learner.
    pub cpus: u32,
    /// Memory of an actor.
    pub actor_memory: String,
    /// Upper bound of the autoscaler; without, the number of actors is fixed.
    pub max_actors: Option<u32>,
    /// Namespace of whatever reads the metrics.
    pub monitoring: String,
    /// Credentials, which are in secrets of fixed names.
    pub security: Security<()>,
}

/// A secret that the manifests refer to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// The role whose certificate is in it; `None` for the join token.
    pub role: Option<&'static str>,
}

/// Roles that have certificates of their own.
const ROLES: [&str; 3] = ["coordinator", "learner", "actor"];
/// Key of the join token in its secret.
pub const TOKEN_KEY: &str = "token";

/// The secrets of a run.
#[must_use]
pub fn secrets(name: &str) -> Vec<Secret> {
    let certificates =
        ROLES.map(|role| Secret { name: format!("{name}-tls-{role}"), role: Some(role) });
    let token = Secret { name: format!("{name}-token"), role: None };
    certificates.into_iter().chain([token]).collect()
}

/// The manifests of a run.
///
/// # Errors
/// [`Error::Value`] for what cannot be in such a file.
pub fn render(experiment: &Experiment, settings: &Settings) -> Result<Vec<File>, Error> {
    settings.check()?;
    let (experiment, coordinator_port, learner_port) = in_containers(experiment);
    let run = Run {
        name: name(&experiment, settings.name.as_deref())?,
        experiment: &experiment,
        settings,
        coordinator_port,
        learner_port,
    };
    let mut files = vec![
        run.configuration()?,
        run.coordinator()?,
        run.learner()?,
        run.actors()?,
        run.disruption()?,
        run.network()?,
    ];
    if let Some(most) = settings.max_actors {
        files.push(run.autoscaling(most)?);
    }
    files.push(run.kustomization(&files)?);
    files.push(experiment_file(&experiment)?);
    Ok(files)
}

/// The name of a run in the cluster.
fn name(experiment: &Experiment, wanted: Option<&str>) -> Result<String, Error> {
    let derived = || experiment.name.to_lowercase().replace(['_', '.'], "-");
    let name = wanted.map_or_else(derived, str::to_owned);
    check(
        name.len() <= NAME && is_label(&name),
        "--name",
        "at most 40 of a-z, 0-9 and '-', beginning with a letter and not ending with '-'",
        &name,
    )?;
    Ok(name)
}

fn is_label(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.chars().all(allowed)
}

/// `512Mi`, `20Gi`: a whole number with a unit.
fn is_quantity(text: &str) -> bool {
    let number = text.trim_end_matches("Mi").trim_end_matches("Gi").trim_end_matches("Ti");
    text.len() == number.len() + 2 && number.parse::<u32>().is_ok_and(|number| number > 0)
}

impl Settings {
    fn check(&self) -> Result<(), Error> {
        let expected = "a size such as 512Mi or 20Gi";
        check(is_quantity(&self.storage), "--storage", expected, &self.storage)?;
        check(is_quantity(&self.memory), "--memory", expected, &self.memory)?;
        check(is_quantity(&self.actor_memory), "--actor-memory", expected, &self.actor_memory)?;
        let names = [
            ("--namespace", self.namespace.as_deref()),
            ("--storage-class", self.storage_class.as_deref()),
            ("--monitoring", Some(self.monitoring.as_str())),
        ];
        for (option, name) in names {
            let good = name.is_none_or(is_label);
            check(good, option, "a name of Kubernetes", name.unwrap_or_default())?;
        }
        Ok(())
    }
}

/// A run and its place in the cluster.
struct Run<'a> {
    name: String,
    experiment: &'a Experiment,
    settings: &'a Settings,
    coordinator_port: u16,
    learner_port: u16,
}

impl Run<'_> {
    fn configuration(&self) -> Result<File, Error> {
        let text = experiment_file(self.experiment)?.content;
        let fills = [
            ("configuration", self.part("experiment").into()),
            ("labels", self.labels("experiment").into()),
            ("experiment", Fill::Text(text)),
        ];
        let template = include_str!("../../../../deploy/templates/kubernetes/experiment.yaml");
        Ok(File { name: "experiment.yaml", content: fill(template, &fills)? })
    }

    fn coordinator(&self) -> Result<File, Error> {
        let run = format!("{STATE}/run");
        let experiment = format!("{CONFIGURATION}/{}", super::EXPERIMENT);
        let mut arguments =
            words(["serve", &experiment, "--run-dir", &run, "--continue", "--quiet"]);
        arguments.extend(metrics_option());
        arguments.extend(self.insecure());
        let extra = [
            json!({"name": "run", "mountPath": STATE}),
            json!({"name": "experiment", "mountPath": CONFIGURATION, "readOnly": true}),
        ];
        let volume = json!({"name": "experiment", "configMap": {"name": self.part("experiment")}});
        let mut fills = self.pod("coordinator", "", &extra, &[volume])?;
        fills.extend(self.service(self.coordinator_port));
        fills.push(("arguments", arguments.into()));
        let template = include_str!("../../../../deploy/templates/kubernetes/coordinator.yaml");
        Ok(File { name: "coordinator.yaml", content: fill(template, &fills)? })
    }

    fn learner(&self) -> Result<File, Error> {
        let Settings { cpus, memory, gpu, .. } = self.settings;
        let listen = format!("0.0.0.0:{}", self.learner_port);
        let advertise = format!("{}:{}", self.part("learner"), self.learner_port);
        let run = format!("{STATE}/run");
        let mut arguments = self.joining();
        arguments.extend(words(["--listen", &listen, "--advertise", &advertise]));
        arguments.extend(words(["--run-dir", &run, "--resume"]));
        arguments.extend(self.insecure());
        let mut limits = json!({"memory": memory});
        if *gpu {
            limits["nvidia.com/gpu"] = 1.into();
        }
        let resources =
            json!({"requests": {"cpu": cpus.to_string(), "memory": memory}, "limits": limits});
        let mount = json!({"name": "run", "mountPath": STATE});
        let mut fills = self.pod("learner", learner_variant(*gpu), &[mount], &[])?;
        fills.extend(self.service(self.learner_port));
        fills.push(("arguments", arguments.into()));
        fills.push(("resources", resources.into()));
        let template = include_str!("../../../../deploy/templates/kubernetes/learner.yaml");
        Ok(File { name: "learner.yaml", content: fill(template, &fills)? })
    }

    fn actors(&self) -> Result<File, Error> {
        let memory = &self.settings.actor_memory;
        let resources =
            json!({"requests": {"cpu": "1", "memory": memory}, "limits": {"memory": memory}});
        let replicas = match self.settings.max_actors {
            None => Fill::Text(format!("replicas: {}", self.experiment.actors.count)),
            Some(_) => Fill::Text("# The number is the autoscaler's, see autoscaling.yaml.".into()),
        };
        let mut fills = self.pod("actor", "", &[], &[])?;
        fills.push(("arguments", self.joining().into()));
        fills.push(("resources", resources.into()));
        fills.push(("replicas", replicas));
        let template = include_str!("../../../../deploy/templates/kubernetes/actors.yaml");
        Ok(File { name: "actors.yaml", content: fill(template, &fills)? })
    }

    fn disruption(&self) -> Result<File, Error> {
        let fills = [
            ("actors", self.part("actor").into()),
            ("actor_labels", self.labels("actor").into()),
            ("actor_selector", self.selector("actor").into()),
            ("core", self.part("core").into()),
            ("core_labels", self.labels("core").into()),
            ("core_selector", self.core().into()),
        ];
        let template = include_str!("../../../../deploy/templates/kubernetes/disruption.yaml");
        Ok(File { name: "disruption.yaml", content: fill(template, &fills)? })
    }

    /// Who may connect to the pods.
    fn network(&self) -> Result<File, Error> {
        let tcp = |port: u16| json!({"protocol": "TCP", "port": port});
        let fills = [
            ("name", self.name.as_str().into()),
            ("labels", self.whole().into()),
            ("selector", self.whole().into()),
            ("services", json!([tcp(self.coordinator_port), tcp(self.learner_port)]).into()),
            ("metrics", json!([tcp(METRICS_PORT)]).into()),
            ("monitoring", self.settings.monitoring.as_str().into()),
        ];
        let template = include_str!("../../../../deploy/templates/kubernetes/network.yaml");
        Ok(File { name: "network.yaml", content: fill(template, &fills)? })
    }

    fn autoscaling(&self, most: u32) -> Result<File, Error> {
        let least = self.experiment.actors.count;
        check(
            (1..=most).contains(&least),
            "--max-actors",
            "at least actors.count, which is at least 1",
            format!("{most} with actors.count = {least}"),
        )?;
        let fills = [
            ("name", self.part("actor").into()),
            ("labels", self.labels("actor").into()),
            ("least", least.into()),
            ("most", most.into()),
        ];
        let template = include_str!("../../../../deploy/templates/kubernetes/autoscaling.yaml");
        Ok(File { name: "autoscaling.yaml", content: fill(template, &fills)? })
    }

    fn kustomization(&self, files: &[File]) -> Result<File, Error> {
        let resources: Vec<&str> = files.iter().map(|file| file.name).collect();
        let namespace = match &self.settings.namespace {
            Some(namespace) => Fill::Text(format!("namespace: {}", json!(namespace))),
            None => Fill::Nothing,
        };
        let fills = [
            ("name", self.name.as_str().into()),
            ("name_plain", Fill::Text(self.name.clone())),
            ("coordinator_port", self.coordinator_port.into()),
            ("secrets", Fill::Text(self.secrets_explained())),
            ("namespace", namespace),
            ("resources", json!(resources).into()),
        ];
        let template = include_str!("../../../../deploy/templates/kubernetes/kustomization.yaml");
        Ok(File { name: KUSTOMIZATION, content: fill(template, &fills)? })
    }

    /// How to make the secrets by hand.
    fn secrets_explained(&self) -> String {
        if self.settings.security == Security::Insecure {
            return "# Nothing is encrypted, as asked for when this was rendered.".to_owned();
        }
        let make = |secret: &Secret| match secret.role {
            Some(role) => format!(
                "#     kubectl create secret generic {} --from-file CERTIFICATES/{role}",
                secret.name
            ),
            None => format!(
                "#     kubectl create secret generic {} --from-file {TOKEN_KEY}=TOKEN-FILE",
                secret.name
            ),
        };
        let commands: Vec<String> = secrets(&self.name).iter().map(make).collect();
        format!(
            "# It needs these secrets, made from what `coordinator certs` makes. The certificates of\n\
             # coordinator and learner have to name the services: issue them with\n\
             # `--dns {}` and `--dns {}`.\n#\n{}\n#",
            self.part("coordinator"),
            self.part("learner"),
            commands.join("\n")
        )
    }

    /// Arguments of whoever joins the run.
    fn joining(&self) -> Vec<String> {
        let coordinator = format!("{}:{}", self.part("coordinator"), self.coordinator_port);
        let mut arguments =
            words(["run", "--coordinator", &coordinator, "--connect-timeout", PATIENCE]);
        arguments.extend(metrics_option());
        arguments
    }

    fn insecure(&self) -> Option<String> {
        (self.settings.security == Security::Insecure).then(|| "--insecure".to_owned())
    }

    fn part(&self, part: &str) -> String {
        format!("{}-{part}", self.name)
    }

    /// What finds all pods of the run.
    fn whole(&self) -> Value {
        json!({"app.kubernetes.io/name": "proteus", "app.kubernetes.io/instance": self.name})
    }

    /// What finds the pods of a part; never changes.
    fn selector(&self, part: &str) -> Value {
        let mut labels = self.whole();
        labels["app.kubernetes.io/component"] = part.into();
        labels
    }

    /// What finds coordinator and learner.
    fn core(&self) -> Value {
        let mut labels = self.whole();
        labels["proteus/tier"] = "core".into();
        labels
    }

    fn labels(&self, part: &str) -> Value {
        let mut labels = self.selector(part);
        let tier = if part == "actor" { "actors" } else { "core" };
        labels["proteus/tier"] = tier.into();
        labels
    }
}

fn metrics_option() -> Vec<String> {
    words(["--metrics", &format!("0.0.0.0:{METRICS_PORT}")])
}
