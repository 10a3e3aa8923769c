//! Edges between crates that must not exist, read from `cargo tree`.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use std::process::Command;

/// Names of everything that `package` uses in a normal build, directly or not.
fn uses(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", package, "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let names = text.lines().skip(1).filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
fn forbidden_edges_do_not_exist() {
    let ours = [
        "types",
        "proto",
        "box2d",
        "envs",
        "nets",
        "mixture",
        "runtime",
        "actor",
        "learner",
        "coordinator",
        "tests",
    ];
    let forbidden: [(&str, &[&str]); 11] = [
        ("learner", &["envs", "mujoco-rs", "box2d", "actor", "coordinator"]),
        ("actor", &["tch", "torch-sys", "learner", "coordinator"]),
        ("coordinator", &["tch", "mujoco-rs", "box2d", "nets", "envs", "actor", "learner"]),
        ("envs", &["tch", "nets", "proto", "runtime"]),
        ("nets", &["tch", "mujoco-rs", "envs", "proto", "runtime"]),
        ("proto", &["tch", "mujoco-rs", "nets", "envs", "runtime"]),
        ("types", &ours[1..]),
        ("runtime", &["types", "proto", "envs", "nets", "actor", "learner", "coordinator"]),
        ("mixture", &["types", "proto", "envs", "nets", "runtime", "tch"]),
        ("xtask", &ours),
        ("xtask", &["tokio", "tonic", "tch", "mujoco-rs"]),
    ];
    for (package, others) in forbidden {
        let used = uses(package);
        for other in others {
            let found = used.iter().any(|name| name == other);
            assert!(!found, "{package} must not use {other}: see ARCHITECTURE.md, Crates");
        }
    }
}
