//! Two actor processes that work for the learner's services in this process, over gRPC on the
//! loopback.

use crate::measure::process;
use crate::measure::rollouts::MakeTrial;
use crate::measure::world::World;
use std::time::{Duration, Instant};
use types::Experiment;

/// Actor processes.
pub(crate) const ACTORS: u32 = 2;

const SETTLE: Duration = Duration::from_secs(1);

/// What two actor processes came to.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Acknowledged transitions per second of both together.
    pub(crate) rate: f64,
    /// Memory of both together.
    pub(crate) resident_mib: f64,
    /// From the start of services and processes to the first acknowledged chunk.
    pub(crate) first_chunk_s: f64,
}

impl Seen {
    /// Starts them, and counts for the time of `watch`.
    pub(crate) fn of(
        experiment: &Experiment,
        trial: MakeTrial,
        watch: Duration,
    ) -> anyhow::Result<Self> {
        runtime()?.block_on(two_actors(experiment, trial, watch))
    }
}

/// For the services: as many threads as the learner's.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

async fn two_actors(
    experiment: &Experiment,
    trial: MakeTrial,
    watch: Duration,
) -> anyhow::Result<Seen> {
    let start = Instant::now();
    let world = World::start(experiment, trial).await?;
    let mut actors = Vec::new();
    for slot in 0..ACTORS {
        actors.push(process::Actor::start(world.coordinator(), slot)?);
    }
    world.stored(&mut actors, 1).await?;
    let first_chunk_s = start.elapsed().as_secs_f64();
    tokio::time::sleep(SETTLE).await;
    let (before, start) = (world.transitions(), Instant::now());
    tokio::time::sleep(watch).await;
    let rate = (world.transitions() - before) as f64 / start.elapsed().as_secs_f64();
    let mut resident_mib = 0.0;
    for actor in &mut actors {
        resident_mib += actor.memory()?.resident_mib;
    }
    Ok(Seen { rate, resident_mib, first_chunk_s })
}
