//! Beliefs of evaluations, from the learner's report to files, and from files to pictures.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use coordinator::run::Recorder;
use proto::v1;
use std::path::Path;
use std::time::Duration;
use support::install::Installed;
use support::{experiment, family};
use types::{FamilySpec, Parameter};

const USAGE: i32 = 64;

/// A family with two base tasks.
fn two_kinds() -> FamilySpec {
    let mut family = family();
    for task in family.train.iter_mut().chain(&mut family.test) {
        let value = f64::from(task.id.index % 2);
        task.parameters.push(Parameter { name: "base_task".to_owned(), value });
    }
    family
}

/// Beliefs of 40 moments for each of two test tasks, one to the left and one to the right.
fn evaluation(number: u64) -> v1::Evaluation {
    let belief = |index: u32, step: u32| v1::Belief {
        step,
        task: index,
        mean: vec![index as f32 * 4.0 - 2.0 + 0.01 * step as f32, 0.3 * (step as f32).sin()],
        variance: vec![0.1, 0.2],
        component: 0,
    };
    let score = |index| v1::TaskScore {
        task: Some(v1::TaskRef { split: 2, index }),
        returns: vec![-1.0],
        episodes: vec![v1::Beliefs { beliefs: (1..=40).map(|step| belief(index, step)).collect() }],
        reward_error: Some(0.25),
        observation_error: None,
    };
    v1::Evaluation { number, tasks: vec![score(0), score(1)], ..v1::Evaluation::default() }
}

fn without_beliefs(number: u64) -> v1::Evaluation {
    let mut evaluation = evaluation(number);
    for score in &mut evaluation.tasks {
        score.episodes.clear();
        score.reward_error = None;
    }
    evaluation
}

fn open(folder: &Path) -> Recorder {
    Recorder::open(folder, &experiment().inference, &two_kinds()).unwrap()
}

#[test]
fn an_evaluation_with_beliefs_leaves_files_and_scores_and_one_without_leaves_none() {
    let folder = tempfile::tempdir().unwrap();
    let status = v1::StatusReply::default();
    let mut recorder = open(folder.path());
    let second = Duration::from_secs(1);
    let plain = recorder.evaluation(&status, &without_beliefs(1), second).unwrap();
    assert_eq!((plain.purity, plain.adjusted_rand), (None, None));
    assert!(!folder.path().join("latents").exists());
    let scores = recorder.evaluation(&status, &evaluation(2), second).unwrap();
    assert_eq!((scores.purity, scores.adjusted_rand), (Some(1.0), Some(1.0)));
    for file in ["latents/2.safetensors", "latents/2.svg", "projector_config.pbtxt"] {
        assert!(folder.path().join(file).is_file(), "{file}");
    }
    // Another process goes on; what is in the files is not written twice.
    let mut recorder = open(folder.path());
    recorder.evaluation(&status, &evaluation(2), second).unwrap();
    let text = |file: &str| std::fs::read_to_string(folder.path().join(file)).unwrap();
    let lines = text("evaluations.jsonl");
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect();
    let new: Vec<String> = keys(&lines[1]);
    let old: Vec<String> = keys(&lines[0]);
    let more: Vec<&String> = new.iter().filter(|key| !old.contains(key)).collect();
    assert_eq!(more, ["adjusted_rand", "clusters", "purity"]);
    assert_eq!(lines[1]["clusters"]["origin"], "fitted");
    assert_eq!(lines[1]["clusters"]["classes"], 2);
    assert_eq!(lines[1]["tasks"][0]["reward_error"], 0.25);
    assert!(lines[1]["tasks"][0].get("observation_error").is_none());
    assert!(lines[0]["tasks"][0].get("reward_error").is_none());
    let table = text("progress.csv");
    let cell = |row: &str, name: &str| {
        let at = table.lines().next().unwrap().split(',').position(|column| column == name);
        row.split(',').nth(at.unwrap()).unwrap().to_owned()
    };
    let purity: Vec<String> = table.lines().skip(1).map(|row| cell(row, "purity")).collect();
    assert_eq!(purity, ["", "1", "1"]);
}

/// A run directory, as far as `latents` looks at it.
fn run(recorded: &[u64]) -> Installed {
    let installed = Installed::new("exit 1", "exit 1");
    let experiment = serde_json::to_string(&experiment()).unwrap();
    std::fs::write(installed.path().join("experiment.json"), experiment).unwrap();
    let mut recorder = open(installed.path());
    for number in recorded {
        let status = v1::StatusReply::default();
        recorder.evaluation(&status, &evaluation(*number), Duration::ZERO).unwrap();
    }
    installed
}

#[test]
fn pictures_of_a_run_are_drawn_again() {
    let installed = run(&[2, 10]);
    for (arguments, file, words) in [
        (&["latents", "."][..], "./latents/10.svg", "evaluation 10"),
        (&["latents", ".", "--evaluation", "2", "-o", "a.svg"], "a.svg", "evaluation 2"),
        (
            &["latents", ".", "--over-time", "test-1"],
            "./latents/10-test-1.svg",
            "test-1, base task 1",
        ),
    ] {
        let (code, out, error) = installed.run(arguments);
        assert_eq!((code, out.trim()), (0, file), "{error}");
        let svg = std::fs::read_to_string(installed.path().join(file)).unwrap();
        assert!(svg.contains(words), "{file}: {words}");
    }
}

#[test]
fn what_cannot_be_drawn_is_said_in_one_error() {
    let refused = |installed: &Installed, arguments: &[&str], code: i32, wanted: &[&str]| {
        let (got, out, error) = installed.run(arguments);
        assert_eq!((got, out.as_str()), (code, ""), "{arguments:?}: {error}");
        for part in wanted {
            assert!(error.contains(part), "{arguments:?}: expected {part:?} in {error:?}");
        }
    };
    let installed = run(&[2, 10]);
    let elsewhere = ["latents", "runs"];
    refused(&installed, &elsewhere, USAGE, &["expected a run directory", "experiment.json"]);
    let unknown = ["latents", ".", "--evaluation", "3"];
    refused(&installed, &unknown, USAGE, &["--evaluation: expected one", "(2, 10), got 3"]);
    let unknown = ["latents", ".", "--over-time", "test-7"];
    refused(&installed, &unknown, USAGE, &["(test-0, test-1)", "got test-7"]);
    let no_task = ["latents", ".", "--over-time", "seven"];
    refused(&installed, &no_task, USAGE, &["expected a task such as train-3", "seven"]);
    std::fs::write(installed.path().join("latents/10.safetensors"), "torn").unwrap();
    refused(&installed, &["latents", "."], 1, &["10.safetensors: expected the beliefs"]);
    refused(&run(&[]), &["latents", "."], 1, &["found none", "evaluation.latents"]);
}
