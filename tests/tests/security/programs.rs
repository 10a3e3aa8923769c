//! The programs themselves: what they refuse to do, and a whole run behind mutual TLS and a token.

use crate::support::Secrets;
use proto::Role;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// `target/<profile>/<name>`, seen from the test binary in `target/<profile>/deps/`.
fn program(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps.parent().unwrap().parent().unwrap().join(name);
    assert!(path.is_file(), "{} is missing: run `cargo build --release --bins`", path.display());
    path
}

fn quickstart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/quickstart.toml")
}

fn run(name: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program(name));
    command.env_remove("PROTEUS_TLS_DIR").env_remove("PROTEUS_TOKEN_FILE");
    command.args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn nobody_listens_beyond_this_machine_without_both_certificates_and_token() {
    let secrets = Secrets::new();
    let folder = tempfile::tempdir().unwrap();
    let run_dir = folder.path().join("run");
    let [run_dir, tls] = [run_dir.as_path(), secrets.path()].map(|path| path.to_str().unwrap());
    let quickstart = quickstart();
    let config = quickstart.to_str().unwrap();
    let (wide, out) = ("network.coordinator=0.0.0.0:0", "network.learner=0.0.0.0:0");
    let serve = ["serve", config, "--run-dir", run_dir, "--set", wide];
    let train = ["train", config, "--run-dir", run_dir, "--set", out];
    let learn =
        ["run", "--coordinator", "127.0.0.1:1", "--run-dir", run_dir, "--listen", "0.0.0.0:0"];
    let cases: [(&str, &[&str]); 3] =
        [("coordinator", &serve), ("coordinator", &train), ("learner", &learn)];
    for (program, arguments) in cases {
        for (more, missing) in [
            (&[][..], "nothing is encrypted and there is no join token"),
            (&["--tls", tls][..], "there is no join token"),
        ] {
            let output = run(program, &[arguments, more].concat());
            let said = text(&output.stderr);
            assert!(!output.status.success(), "{program} {arguments:?}");
            for word in ["0.0.0.0", missing, "coordinator certs", "--token-file", "--insecure"] {
                assert!(said.contains(word), "{word:?} in {said}");
            }
        }
    }
    assert!(!Path::new(run_dir).join("config.toml").exists(), "nothing is left behind");
}

#[test]
fn a_whole_run_behind_certificates_and_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (certs, token, run_dir) = (path("certs"), path("token"), path("run"));
    let coordinator = |arguments: &[&str]| {
        let output = run("coordinator", arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let said = coordinator(&["certs", "init", "-o", &certs]);
    assert!(said.contains("ca-key.pem") && said.contains("certs issue"), "{said}");
    for role in Role::ALL {
        let said = coordinator(&["certs", "issue", "--ca", &certs, "--role", role.name()]);
        assert!(said.contains("key.pem") && said.contains("--tls"), "{said}");
    }
    coordinator(&["certs", "token", "-o", &token]);
    for secret in ["certs/ca-key.pem", "certs/actor/key.pem", "token"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    let again = run("coordinator", &["certs", "init", "-o", &certs]);
    assert!(!again.status.success(), "an authority is never overwritten");

    let config = quickstart();
    // Both would be refused without certificates and token.
    let settings = [
        "budget.env_steps=8000",
        "collection.initial_episodes=4",
        "actors.count=2",
        "evaluation.every_env_steps=2000",
        "evaluation.repeats=1",
        "evaluation.train_tasks=2",
        "learner.device=cpu",
        "network.coordinator=0.0.0.0:0",
        "network.learner=127.0.0.1:0",
    ];
    let mut arguments = vec!["train", config.to_str().unwrap(), "--run-dir", &run_dir];
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    arguments.extend(["--tls", &certs, "--token-file", &token]);
    coordinator(&arguments);
    let summary = std::fs::read(path("run/summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&summary).unwrap();
    assert!(summary["transitions_stored"].as_u64().unwrap() >= 2000, "{summary}");
    assert_eq!(summary["transitions_stored"], summary["transitions_acknowledged"]);
    let secret = std::fs::read_to_string(&token).unwrap();
    for entry in std::fs::read_dir(path("run/logs")).unwrap() {
        let log = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!log.contains(secret.trim()), "the token is in a log");
    }
}
