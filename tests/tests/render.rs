//! What is the same for every cluster: what is rendered, what is refused, and how the engines' own
//! tools are called.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod launch;

use launch::*;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use types::Experiment;

/// Each target with the tool that takes it.
const TARGETS: [(&str, &str); 3] =
    [("compose", "docker-compose"), ("slurm", "sbatch"), ("kubernetes", "kubectl")];

#[test]
fn the_experiment_is_rendered_whole_with_addresses_that_others_can_reach() {
    let folder = tempfile::tempdir().unwrap();
    for (target, _) in TARGETS {
        let out = folder.path().join(target);
        let mut render = coordinator(["render", "--target", target, "--actors", "5", "-o"]);
        succeed(render.arg(&out).arg("--insecure").args(small(&["seed=77"])));
        let text = std::fs::read_to_string(out.join("experiment.toml")).unwrap();
        let experiment: Experiment = toml::from_str(&text).unwrap();
        experiment.validate().unwrap();
        assert_eq!((experiment.seed, experiment.actors.environments), (77, 4));
        assert!(experiment.network.coordinator.starts_with("0.0.0.0:"), "{target}");
        assert!(experiment.network.learner.starts_with("0.0.0.0:"), "{target}");
    }
}

#[test]
fn nothing_is_rendered_without_credentials_unless_the_user_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for target in ["compose", "slurm"] {
        let out = folder.path().join(target);
        let mut render = coordinator(["render", "--target", target, "--actors", "1", "-o"]);
        let output = render.arg(&out).args(small(&[])).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{}", said(&output));
        let told = said(&output);
        assert!(told.contains("--tls") && told.contains("--insecure"), "{told}");
        assert!(!out.join("experiment.toml").exists());
    }
}

/// `submit` where only `tools` are on the PATH.
fn submit(target: &str, folder: &Path, tools: &Path) -> (Option<i32>, String) {
    let mut submit = coordinator(["submit", "--target", target, "--actors", "1", "-o"]);
    submit.arg(folder.join(target)).arg("--insecure").args(small(&[])).env("PATH", tools);
    let output = submit.output().unwrap();
    (output.status.code(), said(&output))
}

#[test]
fn a_tool_that_is_missing_is_named_and_what_was_rendered_stays() {
    let folder = tempfile::tempdir().unwrap();
    for (target, tool) in TARGETS {
        let (code, told) = submit(target, folder.path(), Path::new("/nowhere"));
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains(tool), "{told}");
        assert!(folder.path().join(target).join("experiment.toml").is_file());
    }
}

#[test]
fn what_a_tool_complains_of_is_shown_and_its_exit_code_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    for (target, tool) in TARGETS {
        let program = folder.path().join(tool);
        std::fs::write(&program, "#!/bin/sh\necho \"no quota for $1\" >&2\nexit 7\n").unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let (code, told) = submit(target, folder.path(), folder.path());
        assert_eq!(code, Some(7), "{told}");
        assert!(told.contains("no quota for") && told.contains(tool), "{told}");
    }
}
