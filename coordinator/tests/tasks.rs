//! `coordinator tasks` with a stand-in for the actor program that gives recorded answers.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use support::install::Installed;

const FAMILIES: &str = r#"[
{"name":"toy","summary":"Points.","families":[]},
{"name":"pearl","summary":"Points and bodies.","families":[
{"name":"point-robot","summary":"A point walks.","observation_dim":2,"action_dim":2,"horizon":20,"train_tasks":80,"test_tasks":20},
{"name":"cheetah-vel","summary":"HalfCheetah runs.","observation_dim":20,"action_dim":6,"horizon":200,"train_tasks":100,"test_tasks":30}]},
{"name":"smrl","summary":"Far apart.","families":[
{"name":"ant-goal","summary":"Ant walks.","observation_dim":113,"action_dim":8,"horizon":200,"train_tasks":9,"test_tasks":9}]}]"#;

const SHOWN: &str = r#"{"suite":"pearl","name":"point-robot","summary":"A point walks.",
"env":{"observation_dim":2,"action_dim":2,"horizon":20,"shaped_reward":true,"choice":false,"task_changes":false},
"train":[{"id":{"split":"train","index":0},"parameters":[{"name":"goal","value":0.25}]},
{"id":{"split":"train","index":1},"parameters":[{"name":"goal","value":0.75}]}],
"test":[{"id":{"split":"test","index":0},"parameters":[{"name":"goal","value":-0.5}]}],
"reference":{"random":-30.5,"oracle":-9.25},
"card":{"observation":"position","action":"displacement","tasks":"goal ~ U(-1, 1)","start":"origin",
"reward":"-\\|p - goal\\|","end":"never","source":"PEARL","differences":""},
"traits":{"oracle":true,"place":false,"picture":"drawing"},
"features":[{"name":"gravity","default":9.8,"low":0.1,"high":null}]}"#;

const PLAYED: &str = r#"{"event":"progress","episode":0,"step":10,"of":20}
{"event":"episode","episode":0,"task":{"split":"test","index":3},"return":-12.5,"length":20,"terminated":false}
{"event":"episode","episode":1,"task":{"split":"test","index":3},"return":-1.25,"length":7,"terminated":true}"#;

/// The coordinator beside an actor that answers `command` with `answer`; it repeats its arguments
/// in `arguments`.
fn installed(command: &str, answer: &str) -> Installed {
    let installed = Installed::new("exit 1", "exit 1");
    installed.write(
        "actor",
        &format!(
            "#!/bin/sh\necho \"$*\" > arguments\n[ \"$1\" = {command} ] || exit 9\n\
             cat <<'END'\n{answer}\nEND\n"
        ),
    );
    installed
}

fn arguments(installed: &Installed) -> String {
    std::fs::read_to_string(installed.path().join("arguments")).unwrap()
}

fn run(installed: &Installed, arguments: &[&str]) -> String {
    let (code, out, error) = installed.run(arguments);
    assert_eq!(code, 0, "{error}");
    out
}

#[test]
fn families_are_listed_by_suite_in_columns() {
    let installed = installed("families", FAMILIES);
    let all = run(&installed, &["tasks", "list"]);
    let lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines[0], "pearl: Points and bodies.", "suites without families are left out");
    assert!(
        lines[3].contains("cheetah-vel   20    6    200    100+30  HalfCheetah runs."),
        "{all}"
    );
    let column = |line: &str, text: &str| line.find(text).unwrap();
    let (ours, other) = (lines[2], lines[7]);
    assert_eq!(column(ours, "A point walks."), column(other, "Ant walks."), "{all}");

    let one = run(&installed, &["tasks", "list", "--suite", "smrl"]);
    assert!(one.contains("ant-goal") && !one.contains("point-robot"), "{one}");
    let json = run(&installed, &["tasks", "list", "--suite", "smrl", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["families"][0]["name"], "ant-goal");
    let (code, out, error) = installed.run(&["tasks", "list", "--suite", "perl"]);
    assert_eq!((code, out.as_str()), (64, ""));
    assert!(error.contains("expected one of toy, pearl, smrl; got \"perl\""), "{error}");
}

#[test]
fn a_family_is_shown_as_a_page() {
    let installed = installed("show", SHOWN);
    let page = run(&installed, &["tasks", "show", "point-robot", "--tasks", "1"]);
    for part in [
        "point-robot (pearl): A point walks.",
        "observation  2 numbers: position",
        "reward       -|p - goal|\n",
        "end          never; at most 20 steps",
        "differences  none",
        "traits       a shaped reward for learning, drawings",
        "feature      gravity 9.8, from 0.1 to ∞\n",
        "returns      random actions -30.50, oracle -9.25",
        "train-0    goal 0.2500\n… and 1 more; --tasks 2 or --json lists all\ntest-0     goal -0.5000\n",
    ] {
        assert!(page.contains(part), "expected {part:?} in\n{page}");
    }
    let json = run(&installed, &["tasks", "show", "point-robot", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["train"].as_array().unwrap().len(), 2, "all of it");
}

#[test]
fn episodes_are_told_one_by_one() {
    let installed = installed("rollout", PLAYED);
    let base = ["tasks", "rollout", "point-robot", "--task", "test-3", "--episodes", "2"];
    let told = run(&installed, &base);
    let expected = "test-3     episode   1  return    -12.50     20 steps, cut\n\
                    test-3     episode   2  return     -1.25      7 steps, ended\n";
    assert_eq!(told, expected);
    let asked = "rollout point-robot --task test-3 --seed 0 --episodes 2 --policy random";
    assert!(arguments(&installed).starts_with(asked), "{}", arguments(&installed));

    let json = run(&installed, &[&base[..], &["--json", "--policy", "oracle"]].concat());
    let lines: Vec<serde_json::Value> =
        json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[2]["return"], -1.25);
    assert!(arguments(&installed).contains("--policy oracle --steps"));
}

#[test]
fn the_weights_of_a_run_are_found_in_its_directory() {
    let installed = installed("rollout", PLAYED);
    let play = ["tasks", "rollout", "point-robot", "--policy", "run"];
    let (code, _, error) = installed.run(&play);
    assert_eq!(code, 64);
    assert!(error.contains("random, zero, oracle or a run directory, got run"), "{error}");

    let run_dir = installed.path().join("run");
    let newest = run_dir.join("checkpoints/7");
    std::fs::create_dir_all(&newest).unwrap();
    std::fs::write(run_dir.join("checkpoints/latest"), "7\n").unwrap();
    std::fs::write(newest.join("weights.safetensors"), "").unwrap();
    std::fs::write(run_dir.join("experiment.json"), "{}").unwrap();
    run(&installed, &play);
    let weights =
        "--checkpoint run/checkpoints/7/weights.safetensors --experiment run/experiment.json";
    assert!(arguments(&installed).contains(weights), "{}", arguments(&installed));
}

#[test]
fn failures_of_the_actor_are_passed_on_once_with_their_kind() {
    let installed = Installed::new("exit 1", "exit 1");
    for (told, code, expected) in [
        ("exit 64", 64, "error: no such task\n"),
        ("exit 1", 1, "error: no such task\n"),
        ("echo nonsense", 1, "expected JSON on standard output"),
    ] {
        let script = format!("#!/bin/sh\necho 'error: no such task' >&2\n{told}\n");
        installed.write("actor", &script);
        let (got, out, error) = installed.run(&["tasks", "render", "x", "-o", "x.gif"]);
        assert_eq!((got, out.as_str()), (code, ""), "{told}: {error}");
        assert!(error.contains(expected), "{told}: {error}");
        assert_eq!(error.matches("error: ").count(), 1, "{error}");
    }
}
