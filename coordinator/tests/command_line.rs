//! The program as a user meets it when something is wrong: one clear error, an exit code, and
//! nothing left behind.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::net::TcpListener;
use support::install::Installed;

const USAGE: i32 = 64;

/// Arguments, exit code, and what the one error must say.
fn refused(installed: &Installed, arguments: &[&str], code: i32, wanted: &[&str]) {
    let (got, out, error) = installed.run(arguments);
    assert_eq!(got, code, "{arguments:?}: {error}");
    for part in wanted {
        assert!(error.contains(part), "{arguments:?}: expected {part:?} in {error:?}");
    }
    assert_eq!(error.matches("error: ").count(), 1, "one error: {error}");
    assert_eq!(out, "", "{arguments:?}");
}

#[test]
fn a_wrong_configuration_is_one_clear_error_and_leaves_nothing_behind() {
    let installed = Installed::new("exit 1", "exit 1");
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("network.coordinator={}", busy.local_addr().unwrap());
    let train = |more: &[&'static str]| {
        let mut all = vec!["train", "experiment.toml"];
        all.extend(more);
        all
    };
    let cases: [(Vec<&str>, &[&str]); 7] = [
        (vec!["train", "no-such.toml"], &["no-such.toml: expected a TOML file, found none"]),
        (train(&["--set", "lerner.device=cpu"]), &["`lerner`", "did you mean `learner`?"]),
        (
            train(&["--set", "budget.env_stepz=5"]),
            &["--set budget.env_stepz=5", "did you mean `budget.env_steps`?"],
        ),
        (train(&["--set", "agent.discount=2"]), &["agent.discount: expected", "got 2"]),
        (train(&["--set", "seed=many"]), &["`seed`: expected a whole number", "\"many\""]),
        (
            train(&["--set", "environment.family=flit"]),
            &["environment: ", "flit", "did you mean flat?"],
        ),
        (
            train(&["--set", "network.coordinator=0.0.0.0:0"]),
            &["network.coordinator", "--insecure"],
        ),
    ];
    for (arguments, wanted) in &cases {
        refused(&installed, arguments, USAGE, wanted);
    }
    let in_use = ["train", "experiment.toml", "--set", &port];
    refused(&installed, &in_use, USAGE, &["network.coordinator", "in use", "--set"]);
    let port = port.replace("coordinator", "learner");
    let in_use = ["train", "experiment.toml", "--set", &port];
    refused(&installed, &in_use, USAGE, &["network.learner", &port[16..], "in use", "--set"]);
    let mut filtered = installed.coordinator(&["train", "experiment.toml"]);
    let output = filtered.env("RUST_LOG", "coordinator=lowd").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(USAGE), "{error}");
    assert!(error.contains("RUST_LOG: expected filters such as"), "{error}");
    refused(&installed, &["trian"], USAGE, &["'train'"]);
    assert!(!installed.path().join("runs").exists());
}

#[test]
fn the_environment_is_a_layer_and_wrong_keys_in_it_are_named() {
    let installed = Installed::new("exit 1", "exit 1");
    let output = installed
        .coordinator(&["train", "experiment.toml"])
        .env("PROTEUS_BUDGET__ENV_STEP", "5")
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(USAGE));
    assert!(error.contains("environment variable PROTEUS_BUDGET__ENV_STEP"), "{error}");
    assert!(error.contains("did you mean `budget.env_steps`?"), "{error}");
}

#[test]
fn who_is_not_there_is_said_to_be_not_there() {
    let installed = Installed::new("exit 1", "exit 1");
    refused(&installed, &["status"], 1, &["runs/latest/coordinator.addr", "coordinator train"]);
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = gone.local_addr().unwrap().to_string();
    drop(gone);
    let asked = ["status", "--coordinator", &address];
    refused(&installed, &asked, 1, &["expected a coordinator at", &address, "refused"]);
    refused(&installed, &["stop", "--coordinator", &address], 1, &["got no answer"]);
    refused(&installed, &["eval", "."], USAGE, &["found no experiment.json"]);
    refused(&installed, &["plot", "."], 1, &["expected a run directory"]);
}

#[test]
fn a_checkpoint_that_is_not_there_is_named() {
    let installed = Installed::new("exit 1", "exit 1");
    let experiment = serde_json::to_string(&support::experiment()).unwrap();
    std::fs::write(installed.path().join("experiment.json"), experiment).unwrap();
    refused(
        &installed,
        &["eval", "."],
        1,
        &["checkpoints/latest/weights.safetensors", "found none"],
    );
}

#[test]
fn help_teaches_by_example() {
    let installed = Installed::new("exit 1", "exit 1");
    for command in ["train", "serve", "status", "eval", "plot", "latents", "tasks"] {
        let (code, out, _) = installed.run(&[command, "--help"]);
        assert_eq!(code, 0);
        let example = format!("  coordinator {command}");
        assert!(out.contains("Example") && out.contains(&example), "{out}");
    }
}
