//! An environment that hangs: a real process, which can only end.

#![allow(clippy::unwrap_used, reason = "a test whose set-up does not work has failed")]

mod fixtures;
mod world;

use actor::Options;
use envs::{Env, Step, TaskFamily};
use rand_chacha::ChaCha8Rng;
use runtime::Stop;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;
use types::{EnvSpec, Purpose, Split, Task, TaskRef};
use world::{State, World, trial};

/// Trials of this training task hang in the middle of their first episode.
const HANGS: u32 = 5;
/// Tells the stand-in where the coordinator is.
const COORDINATOR: &str = "HANGING_ACTOR_COORDINATOR";
/// No test here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Point-robot, of which one task hangs.
struct Hanging;

struct HangingEnv {
    inner: Box<dyn Env>,
    task: Option<TaskRef>,
    steps: u32,
}

fn inner() -> &'static dyn TaskFamily {
    envs::find("point-robot").unwrap()
}

impl TaskFamily for Hanging {
    fn name(&self) -> &'static str {
        "point-robot"
    }

    fn summary(&self) -> &'static str {
        "One task hangs."
    }

    fn spec(&self) -> EnvSpec {
        inner().spec()
    }

    fn tasks(&self, split: Split) -> Vec<Task> {
        inner().tasks(split)
    }

    fn make(&self) -> Result<Box<dyn Env>, envs::Error> {
        Ok(Box::new(HangingEnv { inner: inner().make()?, task: None, steps: 0 }))
    }
}

impl Env for HangingEnv {
    fn reset(
        &mut self,
        task: &Task,
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<(), envs::Error> {
        (self.task, self.steps) = (Some(task.id), 0);
        self.inner.reset(task, rng, observation)
    }

    fn step(
        &mut self,
        action: &[f32],
        rng: &mut ChaCha8Rng,
        observation: &mut [f32],
    ) -> Result<Step, envs::Error> {
        self.steps += 1;
        if self.steps == 7 && self.task == Some(TaskRef { split: Split::Train, index: HANGS }) {
            loop {
                std::thread::park();
            }
        }
        self.inner.step(action, rng, observation)
    }
}

#[test]
#[ignore = "stands in for the actor program, with a task family that hangs"]
fn actor_that_hangs() {
    // Without it the whole suite is run with --ignored: there is nothing to stand in for.
    let Ok(coordinator) = std::env::var(COORDINATOR) else {
        return;
    };
    let options = Options {
        coordinator,
        slot: Some(2),
        credentials: proto::Credentials::none(),
        connect_timeout: Duration::from_secs(5),
        learner_timeout: PATIENCE,
        grace: Duration::from_secs(3),
        board: std::sync::Arc::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stop = Stop::new();
    let ended = runtime.block_on(actor::run_with(options, |_| Ok(Box::new(Hanging)), &stop));
    let Err(error) = ended else {
        return;
    };
    writeln!(std::io::stderr(), "error: {error}").unwrap();
    std::process::exit(error.exit_code().into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_step_that_does_not_end_is_reported_and_the_process_ends_with_its_own_code() {
    let mut state = State {
        trials: (0..40).map(|id| trial(id, Purpose::Train)).collect(),
        step_timeout_s: Some(0.5),
        ..State::default()
    };
    // Of trials 5, 12, 19, … the task is the one that hangs; only the first of them is kept.
    state.trials.retain(|trial| trial.task.index != HANGS || trial.id.0 == 5);
    let all = state.trials.len();
    let world = World::start(state).await;
    let mut failure = String::new();
    for life in 0..2 {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "actor_that_hangs", "--ignored", "--nocapture"]);
        command.env(COORDINATOR, &world.address).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        if life == 1 {
            // Nobody runs into it a second time: the rest is done.
            world.until(|s| s.outcomes.len() == all).await;
            world.state().drain = true;
        }
        let wait = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
        let output = tokio::time::timeout(PATIENCE, wait).await.unwrap().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        if life == 0 {
            assert_eq!(output.status.code(), Some(actor::STEP_TIMEOUT.into()), "{error}");
            failure = world.state().failures.get(&5).cloned().unwrap();
            assert!(error.contains(&failure), "{error}");
        }
    }
    for part in ["expected a step to end within 500ms", "task train-5", "trial seed 5", "step 6"] {
        assert!(failure.contains(part), "expected {part:?} in {failure}");
    }
    let state = world.state();
    assert!(state.over.contains(&100), "what it held was given back at once");
    assert_eq!(state.failures.len(), 1);
}
