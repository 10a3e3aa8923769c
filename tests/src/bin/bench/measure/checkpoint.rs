//! `checkpoint`: how long training waits for a checkpoint with a million transitions in the replay.
//!
//! A real coordinator and a real learner; simulated actors fill the replay, then leave, and training
//! goes on from what is there, with a checkpoint every second. The learner itself tells how long its
//! training thread was held up at most (`checkpoint_stall_max_s`). Beside it stands
//! the mean time of an update, by the learner's own clock.

use crate::measure::figure::Figure;
use crate::measure::run::Run;
use crate::measure::simulated::Simulated;
use anyhow::{Context as _, ensure};
use proto::v1::LearnerProgress;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::time::sleep;

const BENCH: &str = "checkpoint";
const ACTORS: u32 = 16;
const TRANSITIONS: u64 = 1_000_000;
/// Checkpoints looked at once the replay is full.
const CHECKPOINTS: u64 = 10;
const PATIENCE: Duration = Duration::from_secs(180);
const AGAIN: Duration = Duration::from_millis(200);

/// As many updates as the machine can do, whatever comes in.
const SETTINGS: [&str; 10] = [
    "budget.env_steps=1000000000000",
    "collection.initial_episodes=1",
    "collection.prior_episodes=1",
    "collection.posterior_episodes=0",
    "collection.extra_episodes=199",
    "collection.samples_per_insert=100.0",
    "collection.tolerance=1000000000000",
    "collection.open_trials=64",
    "evaluation.every_env_steps=1000000000000",
    "learner.checkpoint_seconds=1.0",
];

/// Measures and prints.
pub(crate) fn measure() -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build()?.block_on(fill_and_look())
}

async fn fill_and_look() -> anyhow::Result<()> {
    let run = Run::start(&SETTINGS).await?;
    let gate = Arc::new(Semaphore::new(ACTORS as usize));
    let actors = Simulated::join_all(run.coordinator(), ACTORS, &gate).await?;
    let full = until(&run, |learner| learner.env_steps >= TRANSITIONS).await?;
    for actor in actors {
        actor.leave().await;
    }
    let mut seen = full.checkpoint_updates;
    let mut last = full.clone();
    for _ in 0..CHECKPOINTS {
        last = until(&run, |learner| learner.checkpoint_updates > seen).await?;
        seen = last.checkpoint_updates;
    }
    let metric = |learner: &LearnerProgress, name: &str| {
        let value = learner.metrics.get(name).copied();
        value.with_context(|| format!("expected the learner to report {name}"))
    };
    let stall_ms = 1e3 * metric(&last, "checkpoint_stall_max_s")?;
    let updates = (last.updates - full.updates) as f64;
    let update_ms = 1e3 * (metric(&last, "update_s")? - metric(&full, "update_s")?) / updates;
    let detail = json!({
        "transitions": last.env_steps, "checkpoints": CHECKPOINTS, "updates": last.updates,
        "log_mib": last.log_bytes >> 20, "target": 100,
    });
    Figure::new(BENCH, "longest stall of training", "ms", &[stall_ms])
        .beside("one update", &[stall_ms], &[update_ms])
        .with(detail)
        .print()
}

/// Waits until the learner reports what is wanted.
async fn until(
    run: &Run,
    wanted: impl Fn(&LearnerProgress) -> bool,
) -> anyhow::Result<LearnerProgress> {
    let start = Instant::now();
    loop {
        let learner = run.status().await?.learner.unwrap_or_default();
        if wanted(&learner) {
            return Ok(learner);
        }
        ensure!(
            start.elapsed() < PATIENCE,
            "expected a replay of {TRANSITIONS} transitions and checkpoints, got {} transitions, {} \
             updates, a checkpoint at {}",
            learner.env_steps,
            learner.updates,
            learner.checkpoint_updates
        );
        sleep(AGAIN).await;
    }
}
