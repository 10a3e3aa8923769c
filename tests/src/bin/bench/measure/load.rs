//! `load`: many actors at one learner.
//!
//! A real coordinator and a real learner, as processes of their own, run an experiment of small
//! trials that never has to wait for training. In this process live [`STREAMS`] simulated actors,
//! each with connections of its own over the loopback: they register, send heartbeats, lease trials,
//! push random episodes of the right shape as fast as acknowledgements let them (at most 4,096
//! transitions on their way, as real ones), and report. In this order:
//! - idle: how much more the learner holds in memory once all streams are open, for each stream;
//! - status: how long `coordinator status` takes with all of them registered, as a call on an open
//!   connection and as a program from start to end;
//! - load: how evenly the learner takes from streams that all push, smallest over largest count of
//!   transitions acknowledged;
//! - with [`PROCESSES`] real actor processes on top: whether all of them get work done.
//!
//! At the end what the learner has stored is compared with what was acknowledged.

use crate::measure::figure::Figure;
use crate::measure::process;
use crate::measure::run::Run;
use crate::measure::simulated::Simulated;
use crate::measure::statistics::{median, percentile};
use anyhow::{Context as _, ensure};
use proto::v1::StatusReply;
use serde_json::json;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::time::sleep;

const BENCH: &str = "load";
const STREAMS: u32 = 256;
const PROCESSES: u32 = 64;
const STATUS_CALLS: usize = 100;
const STATUS_RUNS: usize = 20;
/// Trials of 200 episodes, enough of them for everybody, and a learner that hardly trains.
const SETTINGS: [&str; 10] = [
    "budget.env_steps=1000000000000",
    "actors.environments=1",
    "collection.initial_episodes=1",
    "collection.prior_episodes=1",
    "collection.posterior_episodes=0",
    "collection.extra_episodes=199",
    "collection.samples_per_insert=0.0001",
    "collection.tolerance=1000000000000",
    "collection.open_trials=4000",
    "evaluation.every_env_steps=1000000000000",
];
/// Until what has just been connected has settled.
const SETTLE: Duration = Duration::from_secs(3);
/// Before counting begins, once all push.
const WARM_UP: Duration = Duration::from_secs(3);
const COUNTED: Duration = Duration::from_secs(30);
/// Until every real actor has got something done; they share the cores with everybody else.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures and prints.
pub(crate) fn measure() -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build()?.block_on(phases())
}

async fn phases() -> anyhow::Result<()> {
    let run = Run::start(&SETTINGS).await?;
    let before = run.learner_memory()?;
    let gate = Arc::new(Semaphore::new(0));
    let mut actors = Simulated::join_all(run.coordinator(), STREAMS, &gate).await?;
    sleep(SETTLE).await;
    idle(&run, before)?;
    status(&run).await?;
    gate.add_permits(STREAMS as usize);
    let alone = fairness(&mut actors).await?;
    print_fairness("fairness across simulated streams", &alone, &run)?;
    let processes = real_actors(&run)?;
    let crowded = fairness(&mut actors).await?;
    print_fairness("fairness, with real actors beside", &crowded, &run)?;
    all_work(&run, processes).await?;
    compare(&run, actors).await
}

fn idle(run: &Run, before: u64) -> anyhow::Result<()> {
    let after = run.learner_memory()?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let each = (mib(after) - mib(before)) / f64::from(STREAMS);
    let detail = json!({
        "streams": STREAMS, "before_mib": mib(before), "after_mib": mib(after), "target": 1,
    });
    Figure::new(BENCH, "learner, memory per idle stream", "MiB", &[each]).with(detail).print()
}

async fn status(run: &Run) -> anyhow::Result<()> {
    let alive = run.status().await?.actors.iter().filter(|actor| actor.alive).count();
    ensure!(alive == STREAMS as usize, "expected {STREAMS} actors in the status, got {alive}");
    let mut control = run.connect().await?;
    let mut calls = Vec::new();
    for _ in 0..STATUS_CALLS {
        let start = Instant::now();
        control.status(proto::v1::StatusRequest::default()).await?;
        calls.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let programs = (0..STATUS_RUNS).map(|_| status_program(run)).collect::<Result<Vec<_>, _>>()?;
    for (name, times) in [("status, call", &calls), ("`coordinator status`", &programs)] {
        let detail = json!({
            "registered": alive, "times": times.len(), "p99_ms": percentile(times, 99),
            "target": 200,
        });
        Figure::new(BENCH, name, "ms", times).with(detail).print()?;
    }
    Ok(())
}

/// Milliseconds from start to end of the program.
fn status_program(run: &Run) -> anyhow::Result<f64> {
    let program = tests::process::program("coordinator")?;
    let start = Instant::now();
    let status = Command::new(program)
        .args(["status", "--coordinator", run.coordinator()])
        .stdout(Stdio::null())
        .status()
        .context("run `coordinator status`")?;
    ensure!(status.success(), "expected `coordinator status` to work, but: {status}");
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// Transitions acknowledged to each stream in a while.
async fn fairness(actors: &mut [Simulated]) -> anyhow::Result<Vec<f64>> {
    sleep(WARM_UP).await;
    let before: Vec<u64> = actors.iter().map(Simulated::acknowledged).collect();
    sleep(COUNTED).await;
    actors.iter_mut().try_for_each(Simulated::still_works)?;
    let since = |(actor, before): (&Simulated, &u64)| (actor.acknowledged() - before) as f64;
    Ok(actors.iter().zip(&before).map(since).collect())
}

fn print_fairness(name: &str, counts: &[f64], run: &Run) -> anyhow::Result<()> {
    let least = counts.iter().copied().fold(f64::INFINITY, f64::min);
    let most = counts.iter().copied().fold(0.0, f64::max);
    let rate = counts.iter().sum::<f64>() / COUNTED.as_secs_f64();
    let detail = json!({
        "streams": STREAMS, "seconds": COUNTED.as_secs(), "least": least, "median": median(counts),
        "most": most, "transitions_per_s": rate, "target": 0.8,
        "learner_mib": run.learner_memory()? >> 20, "coordinator_mib": run.coordinator_memory()? >> 20,
    });
    Figure::new(BENCH, name, "least / most", &[least / most]).with(detail).print()
}

fn real_actors(run: &Run) -> anyhow::Result<Vec<process::Actor>> {
    let places = STREAMS..STREAMS + PROCESSES;
    places.map(|place| process::Actor::start(run.coordinator(), place)).collect()
}

/// Waits until every real actor has handed over transitions.
async fn all_work(run: &Run, mut processes: Vec<process::Actor>) -> anyhow::Result<()> {
    let start = Instant::now();
    let working = |status: &StatusReply| {
        let real = status.actors.iter().filter(|actor| actor.alive).filter(|actor| {
            let place = actor.actor.map_or(0, |key| key.actor);
            let done = actor.stats.is_some_and(|stats| stats.transitions_acknowledged > 0);
            place >= STREAMS && done
        });
        real.count()
    };
    let mut now = working(&run.status().await?);
    while now < processes.len() && start.elapsed() < PATIENCE {
        processes.iter_mut().try_for_each(process::Actor::alive)?;
        sleep(Duration::from_millis(200)).await;
        now = working(&run.status().await?);
    }
    let detail = json!({ "processes": PROCESSES, "after_s": start.elapsed().as_secs_f64() });
    Figure::new(BENCH, "real actors that hand over transitions", "actors", &[now as f64])
        .with(detail)
        .print()
}

/// Ends the streams, and compares counts: whatever was acknowledged is stored.
async fn compare(run: &Run, actors: Vec<Simulated>) -> anyhow::Result<()> {
    let mut acknowledged = 0;
    for actor in actors {
        acknowledged += actor.leave().await;
    }
    // The newest report of the learner may be half a second old.
    sleep(SETTLE).await;
    let learner = run.status().await?.learner.unwrap_or_default();
    // What was on its way to streams that were closed is stored, but nobody was told.
    let told = learner.transitions_acknowledged;
    ensure!(
        acknowledged <= told && told <= learner.transitions_stored,
        "expected all {acknowledged} transitions acknowledged to simulated actors to be stored, got {} \
         stored and {told} acknowledged by the learner",
        learner.transitions_stored,
    );
    let detail = json!({
        "acknowledged_to_simulated": acknowledged, "acknowledged": told, "duplicated": learner.transitions_duplicated,
        "refused": learner.chunks_refused,
    });
    let stored = learner.transitions_stored as f64;
    Figure::new(BENCH, "transitions stored, all that were acknowledged", "transitions", &[stored])
        .with(detail)
        .print()
}
