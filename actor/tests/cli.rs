//! The program as its users and the coordinator call it.

#![allow(clippy::unwrap_used, reason = "a test whose set-up does not work has failed")]

mod fixtures;

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn actor(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_actor");
    let command = &mut Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = actor(arguments);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn failure(arguments: &[&str]) -> String {
    let output = actor(arguments);
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.starts_with("error: "), "{errors}");
    assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
    errors
}

#[test]
fn families_are_listed_and_described() {
    let families = json(&["families"]);
    let named = |name: &str| {
        let suites = families.as_array().unwrap();
        let all = suites.iter().flat_map(|suite| suite["families"].as_array().unwrap());
        all.into_iter().find(|family| family["name"] == name).cloned().unwrap()
    };
    let cheetah = named("cheetah-vel");
    for (key, value) in [
        ("observation_dim", 20),
        ("action_dim", 6),
        ("horizon", 200),
        ("train_tasks", 100),
        ("test_tasks", 30),
    ] {
        assert_eq!(cheetah[key], value, "{key}");
    }
    let described = json(&["describe", "point-robot"]);
    let family: types::FamilySpec = serde_json::from_value(described).unwrap();
    assert_eq!((family.train.len(), family.test.len()), (80, 20));
    assert!(family.reference.is_some());
    let environment = r#"{
        "family": "point-robot", "visible": ["goal_y"],
        "change": {"when": {"by": "time", "every": 5}, "next": "random"}
    }"#;
    let described = json(&["describe", "--environment", environment]);
    assert_eq!(described["env"]["observation_dim"], 3, "what is put around the family counts");
    assert_eq!(described["env"]["task_changes"], true);
    let error = failure(&["describe", "point-robto"]);
    assert!(error.contains("did you mean \"point-robot\"?"), "{error}");
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_checkpoint_is_evaluated_the_same_way_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = serde_json::to_vec(&fixtures::experiment()).unwrap();
    let experiment = write(folder.path(), "experiment.json", &experiment);
    let checkpoint = write(folder.path(), "1.safetensors", &fixtures::weights(1).bytes);
    let mut arguments = vec!["evaluate", "--checkpoint", &checkpoint, "--experiment", &experiment];
    let both = json(&arguments);
    assert_eq!(both, json(&arguments));
    let tasks = both["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 2 + 20, "the experiment's training tasks, all test tasks");
    assert!(tasks.iter().all(|task| task["returns"].as_array().unwrap().len() == 3));
    assert_eq!(tasks[2]["task"], serde_json::json!({"split": "test", "index": 0}));
    assert_eq!(tasks[2]["parameters"].as_array().unwrap().len(), 2);
    let last = |task: &Value| task["returns"][2].as_f64().unwrap();
    let mean = tasks[2..].iter().map(last).sum::<f64>() / 20.0;
    assert!((both["test_return"].as_f64().unwrap() - mean).abs() < 1e-9);
    assert!(both["train_return"].is_f64() && both["test_normalised"].is_f64());
    arguments.extend(["--split", "train", "--episodes", "1", "--repeats", "1", "--seed", "9"]);
    let train = json(&arguments);
    assert_eq!(train["tasks"][1]["returns"].as_array().unwrap().len(), 1);
    assert!(train["test_return"].is_null() && train["test_normalised"].is_null());
}

/// Beliefs come line by line before the results, which they do not change.
#[test]
fn beliefs_are_told_before_the_results() {
    let folder = tempfile::tempdir().unwrap();
    for experiment in [fixtures::experiment(), fixtures::windowed()] {
        let weights = fixtures::weights_for(&experiment, 1).bytes;
        let file = serde_json::to_vec(&experiment).unwrap();
        let experiment = write(folder.path(), "experiment.json", &file);
        let checkpoint = write(folder.path(), "1.safetensors", &weights);
        let arguments = ["evaluate", "--checkpoint", &checkpoint, "--experiment", &experiment];
        let output = actor(&[&arguments[..], &["--beliefs", "5"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines: Vec<Value> =
            text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.pop().unwrap(), json(&arguments));
        assert_eq!(lines.len(), 22 * 2 * 3, "tasks, repeats, episodes");
        let last = lines.pop().unwrap();
        let place = (&last["task"]["index"], &last["repeat"], &last["episode"]);
        assert_eq!(place, (&19.into(), &1.into(), &2.into()));
        let beliefs = last["beliefs"].as_array().unwrap();
        let steps: Vec<u64> = beliefs.iter().map(|b| b["step"].as_u64().unwrap()).collect();
        assert_eq!(steps, [4, 8, 12, 16, 20]);
        for belief in beliefs {
            let (mean, variance) = (&belief["mean"], &belief["variance"]);
            assert_eq!((mean.as_array().unwrap().len(), &belief["task"]), (3, &19.into()));
            assert!(variance.as_array().unwrap().iter().all(|v| v.as_f64().unwrap() > 0.0));
        }
    }
}

#[test]
fn what_cannot_be_evaluated_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let good = fixtures::experiment();
    let mut wider = good.clone();
    wider.agent.hidden = vec![33, 33];
    let json = |experiment| serde_json::to_vec(experiment).unwrap();
    let experiment = write(folder.path(), "experiment.json", &json(&good));
    let wider = write(folder.path(), "wider.json", &json(&wider));
    let bytes = fixtures::weights(1).bytes;
    let checkpoint = write(folder.path(), "good.safetensors", &bytes);
    let half = write(folder.path(), "half.safetensors", &bytes[..bytes.len() / 2]);
    let evaluate = |checkpoint: &str, experiment: &str| {
        let arguments = ["evaluate", "--checkpoint", checkpoint, "--experiment", experiment];
        failure(&arguments)
    };
    let missing = folder.path().join("none").to_str().unwrap().to_owned();
    for (checkpoint, experiment, expected) in [
        (&missing, &experiment, "checkpoint"),
        (&half, &experiment, "expected a safetensors file"),
        (&checkpoint, &missing, "experiment"),
        (&checkpoint, &half, "as JSON"),
        (&checkpoint, &wider, "those of another agent"),
    ] {
        let error = evaluate(checkpoint, experiment);
        assert!(error.contains(expected), "{error}");
        assert!(error.matches("No such file").count() < 2, "{error}");
    }
}

#[test]
fn an_actor_without_a_coordinator_ends_with_one_clear_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().to_str().unwrap();
    let run = ["run", "--coordinator", &address, "--connect-timeout", "0", "--log-dir", logs];
    let error = failure(&run);
    assert!(error.contains(&address) && error.contains("--coordinator"), "{error}");
}
