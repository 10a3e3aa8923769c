//! docker-compose: everything on one machine, each process in a container of its own.

use super::template::{Fill, fill};
use super::{
    CredentialPaths, Error, File, Images, Security, check, experiment_file, in_containers,
    learner_variant, words,
};
use serde_json::{Map, Value, json};
use types::Experiment;

/// Name of the compose file.
pub const MANIFEST: &str = "compose.yaml";
/// Folder for the run directory, beside the compose file.
pub const RUN: &str = "run";

const TEMPLATE: &str = include_str!("../../../deploy/templates/compose.yaml");
/// In containers.
const STATE: &str = "/var/lib/proteus";
const TLS: &str = "/etc/proteus/tls";
const TOKEN: &str = "/etc/proteus/token";
/// Seconds to wait for another container, which may be starting as well.
const PATIENCE: &str = "120";

const GPU: &str = "deploy:
  resources:
    reservations:
      devices: [{ driver: nvidia, count: 1, capabilities: [gpu] }]
";

/// What the experiment does not say.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Images.
    pub images: Images,
    /// `uid:gid` that owns the run directory and may read the credentials.
    pub user: String,
    /// Whether the learner gets a GPU.
    pub gpu: bool,
    /// Credentials.
    pub security: Security<CredentialPaths>,
}

/// The files of a project of docker-compose.
///
/// # Errors
/// [`Error::Value`] for what cannot be in such a file.
pub fn render(experiment: &Experiment, settings: &Settings) -> Result<Vec<File>, Error> {
    let Settings { images, user, gpu, security } = settings;
    let (experiment, coordinator_port, learner_port) = in_containers(experiment);
    let numbers = user.split_once(':').is_some_and(|(user, group)| {
        [user, group].iter().all(|number| number.parse::<u32>().is_ok())
    });
    check(numbers, "--user", "UID:GID, two numbers", user)?;
    let coordinator = format!("coordinator:{coordinator_port}");
    let run = format!("{STATE}/{RUN}");
    let insecure = (*security == Security::Insecure).then(|| "--insecure".to_owned());

    let experiment_path = format!("/etc/proteus/{}", super::EXPERIMENT);
    let serve = words(["serve", &experiment_path, "--run-dir", &run, "--continue", "--quiet"]);
    let listen = format!("0.0.0.0:{learner_port}");
    let advertise = format!("learner:{learner_port}");
    let learn = words(["run", "--coordinator", &coordinator, "--connect-timeout", PATIENCE]);
    let where_it_is =
        words(["--listen", &listen, "--advertise", &advertise, "--run-dir", &run, "--resume"]);
    let act = words(["run", "--coordinator", &coordinator, "--connect-timeout", PATIENCE]);

    let state = bind(&format!("./{RUN}"), &run, Access::Write);
    let configuration = bind(&format!("./{}", super::EXPERIMENT), &experiment_path, Access::Read);
    let fills: Vec<(&str, Fill)> = vec![
        ("user", user.as_str().into()),
        ("coordinator_image", images.of("coordinator", "")?.into()),
        ("coordinator_command", [serve, insecure.clone().into_iter().collect()].concat().into()),
        (
            "coordinator_volumes",
            volumes([state.clone(), configuration], "coordinator", security).into(),
        ),
        ("coordinator_ports", json!([format!("127.0.0.1:{0}:{0}", coordinator_port)]).into()),
        ("learner_image", images.of("learner", learner_variant(*gpu))?.into()),
        ("learner_command", [learn, where_it_is, insecure.into_iter().collect()].concat().into()),
        ("learner_volumes", volumes([state], "learner", security).into()),
        ("gpu", if *gpu { Fill::Text(GPU.to_owned()) } else { Fill::Nothing }),
        ("actor_image", images.of("actor", "")?.into()),
        ("actor_command", act.into()),
        ("actor_volumes", volumes([], "actor", security).into()),
        ("actors", experiment.actors.count.into()),
        ("environment", environment(security).into()),
    ];
    let manifest = File { name: MANIFEST, content: fill(TEMPLATE, &fills)? };
    Ok(vec![experiment_file(&experiment)?, manifest])
}

/// Where a process finds its credentials.
fn environment(security: &Security<CredentialPaths>) -> Value {
    match security {
        Security::Insecure => Value::Object(Map::new()),
        Security::Guarded(_) => json!({"PROTEUS_TLS_DIR": TLS, "PROTEUS_TOKEN_FILE": TOKEN}),
    }
}

/// Mounts: what is given, and the credentials of `role` alone.
fn volumes<const N: usize>(
    given: [Value; N],
    role: &str,
    security: &Security<CredentialPaths>,
) -> Value {
    let mut volumes = given.to_vec();
    if let Security::Guarded(CredentialPaths { tls, token }) = security {
        volumes.push(bind(&format!("{tls}/{role}"), TLS, Access::Read));
        volumes.push(bind(token, TOKEN, Access::Read));
    }
    volumes.into()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

fn bind(source: &str, target: &str, access: Access) -> Value {
    // Compose files give `$` a meaning.
    let source = source.replace('$', "$$");
    json!({
        "type": "bind", "source": source, "target": target, "read_only": access == Access::Read,
    })
}
