//! `footprint`: how small an actor is, and how soon it is of use.
//!
//! A real actor process with 8 HalfCheetah environments and PEARL's 3×300 policy works for the
//! learner's services in this process, over gRPC on the loopback; a coordinator that only leases
//! stands in for the real one. From the start of the process to its first acknowledged chunk (one
//! whole episode) goes a clock; after [`STEPS`] transitions its resident memory is read. Then it
//! is killed, and the next turn starts another.
//!
//! References, in every turn: for the memory, the same program with one point robot and a policy of
//! one neuron, that is, program, libraries and connections alone; for the time, `actor families`
//! from its start to its end, that is, loading the program and its libraries.

use crate::measure::figure::Figure;
use crate::measure::process::{self, Memory};
use crate::measure::world::World;
use crate::measure::{cheetah, statistics::median};
use anyhow::{Context as _, bail};
use serde_json::json;
use std::process::{Command, Stdio};
use std::time::Instant;
use types::Experiment;

const BENCH: &str = "footprint";
const ENVIRONMENTS: u32 = 8;
const TURNS: usize = 3;

/// Transitions after which memory is read.
const STEPS: u64 = 40_000;

/// Measures and prints.
pub(crate) fn measure() -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build()?.block_on(turns())
}

async fn turns() -> anyhow::Result<()> {
    let (large, small) = (large()?, small()?);
    let (mut resident, mut anonymous, mut empty) = (Vec::new(), Vec::new(), Vec::new());
    let (mut first, mut loaded) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        loaded.push(load()?);
        let (seconds, memory) = one(&large).await?;
        first.push(seconds);
        resident.push(memory.resident_mib);
        anonymous.push(memory.anonymous_mib);
        let (_, memory) = one(&small).await?;
        empty.push(memory.resident_mib);
    }
    let detail = json!({
        "environments": ENVIRONMENTS, "policy": [300, 300, 300], "after_steps": STEPS,
        "anonymous_mib": median(&anonymous), "target": 40, "turns": TURNS,
    });
    Figure::new(BENCH, "one actor, resident memory", "MiB", &resident)
        .beside("one actor of one point robot and one neuron", &resident, &empty)
        .with(detail)
        .print()?;
    Figure::new(BENCH, "start to first acknowledged chunk", "s", &first)
        .beside("`actor families`, start to end", &first, &loaded)
        .with(json!({"environments": ENVIRONMENTS, "chunk": 200, "target": 2, "turns": TURNS}))
        .print()
}

fn large() -> anyhow::Result<Experiment> {
    let mut experiment = cheetah::experiment()?;
    experiment.actors.environments = ENVIRONMENTS;
    Ok(experiment)
}

fn small() -> anyhow::Result<Experiment> {
    let mut experiment = cheetah::experiment()?;
    experiment.environment.family = "point-robot".to_owned();
    experiment.actors.environments = 1;
    experiment.agent.hidden = vec![1];
    experiment.inference.encoder = types::experiment::Encoder::Transitions {
        hidden: vec![1],
        merge: types::experiment::Merge::Product,
    };
    Ok(experiment)
}

/// Seconds to the first acknowledged chunk, and memory after a while.
async fn one(experiment: &Experiment) -> anyhow::Result<(f64, Memory)> {
    let world = World::start(experiment, cheetah::trial).await?;
    let start = Instant::now();
    let mut actors = [process::Actor::start(world.coordinator(), 0)?];
    world.stored(&mut actors, 1).await?;
    let first = start.elapsed().as_secs_f64();
    world.stored(&mut actors, STEPS).await?;
    let [actor] = &mut actors;
    Ok((first, actor.memory()?))
}

/// Seconds that the program takes to do next to nothing.
fn load() -> anyhow::Result<f64> {
    let start = Instant::now();
    let mut command = Command::new(process::program()?);
    let status = command.arg("families").stdout(Stdio::null()).status();
    let status = status.context("run `actor families`")?;
    if !status.success() {
        bail!("expected `actor families` to work, but: {status}");
    }
    Ok(start.elapsed().as_secs_f64())
}
