//! What `render` and `submit` do with names and credentials.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use support::install::Installed;

/// The coordinator with `certs/`, which has the token in it too, as the documentation makes it.
fn with_credentials() -> Installed {
    let installed = Installed::new("exit 1", "exit 1");
    succeed(&installed, &["certs", "init"]);
    for role in ["coordinator", "learner", "actor"] {
        succeed(&installed, &["certs", "issue", "--role", role]);
    }
    succeed(&installed, &["certs", "token"]);
    installed
}

fn succeed(installed: &Installed, arguments: &[&str]) {
    let (code, _, error) = installed.run(arguments);
    assert_eq!(code, 0, "{arguments:?}: {error}");
}

const CREDENTIALS: [&str; 4] = ["--tls", "certs", "--token-file", "certs/token"];

/// A `kubectl` that writes down what it is called with.
fn stand_in(folder: &Path) -> PathBuf {
    std::fs::create_dir(folder).unwrap();
    let (tool, calls) = (folder.join("kubectl"), folder.join("calls"));
    let script = format!("#!/bin/sh\ncat > /dev/null\necho \"$*\" >> '{}'\n", calls.display());
    std::fs::write(&tool, script).unwrap();
    std::fs::set_permissions(&tool, PermissionsExt::from_mode(0o755)).unwrap();
    calls
}

#[test]
fn secrets_go_where_the_folder_was_rendered_for() {
    let installed = with_credentials();
    let tools = installed.path().join("tools");
    let calls = stand_in(&tools);
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let submit = |more: &[&str]| {
        let arguments = [&["submit", "--target", "kubernetes", "out"], &CREDENTIALS[..], more];
        let output = installed.coordinator(&arguments.concat()).env("PATH", &path).output();
        let output = output.unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let render = ["render", "--target", "kubernetes", "--name", "night", "--namespace", "lab"];
    succeed(&installed, &[&render[..], &["-o", "out", "experiment.toml"]].concat());

    for (option, was, other) in [("--name", "night", "day"), ("--namespace", "lab", "office")] {
        let (code, error) = submit(&[option, other]);
        assert_eq!(code, Some(64), "{error}");
        let expected = format!("{option}: expected {was}");
        assert!(error.contains(&expected) && error.contains(other), "{error}");
    }
    assert!(!calls.exists(), "nothing was made in the wrong place");

    for more in [&[][..], &["--name", "night", "--namespace", "lab"]] {
        assert_eq!(submit(more), (Some(0), String::new()));
        let text = std::fs::read_to_string(&calls).unwrap();
        let (secrets, manifests): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|call| !call.contains("--kustomize"));
        assert!(secrets.iter().all(|call| call.contains("--namespace lab")), "{text}");
        for name in ["night-tls-coordinator", "night-tls-learner", "night-tls-actor", "night-token"]
        {
            let create = format!("create secret generic {name} ");
            assert_eq!(secrets.iter().filter(|call| call.starts_with(&create)).count(), 1);
        }
        assert_eq!(manifests, ["apply --kustomize out"]);
        std::fs::remove_file(&calls).unwrap();
    }
}

#[test]
fn a_token_is_rotated_under_containers_that_run() {
    let installed = with_credentials();
    let render = ["render", "--target", "compose", "-o", "out", "experiment.toml"];
    succeed(&installed, &[&render[..], &CREDENTIALS[..]].concat());
    let manifest = std::fs::read_to_string(installed.path().join("out/compose.yaml")).unwrap();
    let manifest: Value = serde_norway::from_str(&manifest).unwrap();
    let token = installed.path().join("certs/token");
    let old = std::fs::read_to_string(&token).unwrap();

    let seen = installed.path().join("seen");
    std::fs::create_dir(&seen).unwrap();
    for service in ["coordinator", "learner", "actor"] {
        let volumes = manifest["services"][service]["volumes"].as_array().unwrap();
        let sources: Vec<PathBuf> =
            volumes.iter().map(|volume| volume["source"].as_str().unwrap().into()).collect();
        // No container gets what would let it issue certificates, or be somebody else.
        let authority = |source: &PathBuf| source.join("ca-key.pem").exists();
        assert!(!sources.iter().any(authority), "{sources:?}");
        // A file that is mounted is the one that it was then, as is another name of it.
        let mounted = sources.iter().find(|source| source.is_file() && source.ends_with("token"));
        std::fs::hard_link(mounted.unwrap(), seen.join(service)).unwrap();
    }
    for rotation in 1..=2 {
        succeed(&installed, &["certs", "token", "--rotate"]);
        let new = std::fs::read_to_string(&token).unwrap();
        assert_eq!((new.lines().count(), new.len()), (2, 2 * old.len()), "{rotation}");
        assert_eq!(new.contains(&old), rotation == 1);
        for service in ["coordinator", "learner", "actor"] {
            assert_eq!(std::fs::read_to_string(seen.join(service)).unwrap(), new, "{service}");
        }
    }
}
