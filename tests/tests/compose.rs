//! Runs in containers: what is rendered is what docker-compose takes, and a run goes on when a
//! container is killed and when one is cut off.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod launch;

use launch::*;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Tag of the images of this test.
const TAG: &str = "test";

/// `docker compose` or `docker-compose`, whichever is there.
fn compose() -> Option<Command> {
    let plugin = Command::new("docker").args(["compose", "version"]).output();
    if plugin.is_ok_and(|output| output.status.success()) {
        let mut docker = Command::new("docker");
        docker.arg("compose");
        return Some(docker);
    }
    installed("docker-compose").then(|| Command::new("docker-compose"))
}

#[test]
fn docker_compose_takes_what_is_rendered() {
    let Some(mut compose) = compose() else {
        return skip("docker-compose config", "there is no docker-compose");
    };
    let folder = tempfile::tempdir().unwrap();
    let tls = folder.path().join("it's $HOME");
    let token = folder.path().join("token");
    std::fs::create_dir_all(&tls).unwrap();
    std::fs::write(&token, "secret").unwrap();
    let out = folder.path().join("out");
    let render = ["render", "--target", "compose", "--actors", "3", "--gpu", "--user", "7:8", "-o"];
    let mut render = coordinator(render);
    render.arg(&out).arg("--tls").arg(&tls).arg("--token-file").arg(&token).args(small(&[]));
    succeed(&mut render);

    let text = succeed(compose.arg("config").current_dir(&out));
    let config: Value = serde_norway::from_str(&text).unwrap();
    let services = &config["services"];
    for (service, image) in [
        ("coordinator", "coordinator:latest"),
        ("learner", "learner:latest-cuda"),
        ("actor", "actor:latest"),
    ] {
        let service_config = &services[service];
        assert_eq!(service_config["image"], format!("proteus-{image}"));
        assert_eq!(service_config["user"], "7:8");
        // A container sees the key of its own role, from the very folder that was named.
        let mounts = service_config["volumes"].to_string();
        let own = tls.canonicalize().unwrap().join(service);
        // What `config` prints can be read again, so it has its dollars doubled too.
        let own = own.to_str().unwrap().replace('$', "$$");
        assert!(mounts.contains(&own) && mounts.contains("/etc/proteus/tls"), "{mounts}");
        assert_eq!(service_config["environment"]["PROTEUS_TLS_DIR"], "/etc/proteus/tls");
    }
    assert!(services["learner"]["deploy"].to_string().contains("nvidia"), "{services}");
    assert!(!text.contains("secret"), "the token itself has no place in a manifest");
}

/// A running project; taken down with its network if the test fails.
struct Project {
    folder: PathBuf,
    name: String,
    credentials: Vec<String>,
}

impl Project {
    fn compose(&self, arguments: &[&str]) -> String {
        let mut compose = compose().unwrap();
        compose.args(arguments).current_dir(&self.folder).env("COMPOSE_PROJECT_NAME", &self.name);
        succeed(&mut compose)
    }

    fn containers(&self, service: &str) -> Vec<String> {
        self.compose(&["ps", "-q", service]).split_whitespace().map(str::to_owned).collect()
    }

    fn run(&self) -> PathBuf {
        self.folder.join("run")
    }

    /// Watches the run until `wanted` finds what it looks for.
    fn watch<T>(&self, what: &str, wanted: impl Fn(&Value) -> Option<T>) -> T {
        eventually(what, Duration::from_secs(90), || {
            assert!(summary(&self.run()).is_none(), "the run has ended early");
            status(&self.run(), &self.credentials).as_ref().and_then(&wanted)
        })
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.compose(&["logs", "--tail", "40"]));
        }
        self.compose(&["down", "--timeout", "5"]);
    }
}

fn docker(arguments: &[&str]) -> String {
    succeed(Command::new("docker").args(arguments)).trim().to_owned()
}

/// Ends the process of a container as a crash would; `docker kill` would also end its restarts.
fn kill(container: &str) {
    let pid = docker(&["inspect", "--format", "{{.State.Pid}}", container]);
    succeed(Command::new("kill").args(["-9", &pid]));
}

/// Lives of the actor in a container, whose host name is the beginning of its id: (incarnation,
/// whether it is alive).
fn lives(status: &Value, container: &str) -> Vec<(u64, bool)> {
    let actors = status["actors"].as_array().unwrap().iter();
    let here = actors.filter(|actor| container.starts_with(actor["host"].as_str().unwrap()));
    here.map(|a| (a["incarnation"].as_u64().unwrap(), a["alive"] == true)).collect()
}

fn living(status: &Value, container: &str) -> Option<u64> {
    lives(status, container).into_iter().find(|(_, alive)| *alive).map(|(life, _)| life)
}

#[test]
fn a_run_in_containers_survives_killed_containers_and_a_cut_network() {
    let engine = Command::new("docker").arg("info").output();
    if !engine.is_ok_and(|output| output.status.success()) || compose().is_none() {
        return skip("a run in containers", "there is no Docker engine with docker-compose");
    }
    let images = ["images", "--base", "local", "--tag", TAG, "--no-build"];
    succeed(Command::new(program("xtask")).args(images).current_dir(root()));
    let compressed = compressed(&format!("proteus-actor:{TAG}"));
    assert!(compressed < 80_000_000, "the actor's image has {compressed} bytes, compressed");

    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let name = format!("proteus-test-{}", std::process::id());
    let port = format!("network.coordinator=127.0.0.1:{}", free_port());
    let submit = ["submit", "--target", "compose", "--image-tag", TAG, "--actors", "4", "-o"];
    let mut submit = coordinator(submit);
    let credentials = credentials(folder.path());
    submit.arg(&out).args(&credentials).args(small(&[&port, "budget.env_steps=1000000"]));
    let project = Project { folder: out, name: name.clone(), credentials };
    succeed(submit.env("COMPOSE_PROJECT_NAME", &name));

    let actors = project.containers("actor");
    assert_eq!(actors.len(), 4);
    let (killed, cut) = (&actors[0], &actors[1]);
    let first = project.watch("the first steps", |status| {
        let all = actors.iter().all(|actor| living(status, actor).is_some());
        (all && env_steps(status) > 1_000).then(|| living(status, killed)).flatten()
    });
    kill(killed);
    project.watch("the killed container started again", |status| {
        living(status, killed).filter(|life| *life > first)
    });

    let network = format!("{name}_run");
    docker(&["network", "disconnect", &network, cut]);
    let before = project.watch("the actor that was cut off given up", |status| {
        let lives = lives(status, cut);
        let newest = lives.iter().map(|(life, _)| *life).max()?;
        lives.iter().all(|(_, alive)| !alive).then_some(newest)
    });
    let others = project.watch("steps of the others", |status| Some(env_steps(status)));
    project.watch("more of them", |status| (env_steps(status) > others + 500).then_some(()));
    docker(&["network", "connect", &network, cut]);
    project.watch("the actor that was cut off back at work", |status| {
        living(status, cut).filter(|life| *life > before)
    });

    // The two that there is one of, one after the other: what they know is in the run directory.
    for service in ["learner", "coordinator"] {
        let before = project.watch("the status", |status| Some(env_steps(status)));
        kill(&project.containers(service)[0]);
        project.watch(&format!("the run going on after the {service} was killed"), |status| {
            (env_steps(status) > before + 500).then_some(())
        });
    }

    let mut stop = coordinator(["stop", "--run-dir", project.run().to_str().unwrap()]);
    succeed(stop.args(&project.credentials));
    let end = Duration::from_secs(90);
    let summary = eventually("the summary", end, || summary(&project.run()));
    assert_eq!((&summary["result"], &summary["failure"]), (&"stopped".into(), &Value::Null));
    assert_exactly_once(&summary);
    for container in
        ["coordinator", "learner", "actor"].map(|service| project.containers(service)).concat()
    {
        let ended = ["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", &container];
        eventually("every container ended in order", end, || {
            (docker(&ended) == "exited 0").then_some(())
        });
    }
}

/// Bytes of an image as a registry would have it.
fn compressed(image: &str) -> u64 {
    let pipe = format!("docker save {image} | gzip -c | wc -c");
    succeed(Command::new("sh").args(["-c", &pipe])).trim().parse().unwrap()
}
