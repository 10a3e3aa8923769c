//! `actor`: what acting, inferring and recording cost on top of physics.
//!
//! In one thread of this process, in turns of a quarter of a second:
//! - raw physics: MuJoCo steps one HalfCheetah, five simulation steps per environment step, under
//!   random controls, and nothing else happens;
//! - rollouts: an actor's whole step loop with 1, 8 and 16 environments: policy, latents, encoder
//!   over the context, rewards, and chunks encoded with their checksum, ready for the wire.
//!
//! The ratio is the share of physics in the time of a rollout, per core. After that, two actor
//! processes of 16 environments work for the learner's services in this process, over gRPC on the
//! loopback: their rate beside that of raw physics in two threads (before and after), the memory of
//! the two together, and the time from the start of services and processes to the first
//! acknowledged chunk.

use crate::measure::figure::Figure;
use crate::measure::statistics::median;
use crate::measure::world::World;
use crate::measure::{cheetah, process};
use actor::Agent;
use actor::rollout::{Cut, Local, Progress, Rollout};
use anyhow::{anyhow, bail};
use envs::half_cheetah::HalfCheetah;
use proto::chunk::encode;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use std::hint::black_box;
use std::time::{Duration, Instant};
use types::{ActorId, Chunk, Incarnation, Origin, Role, Sequence, Trial, TrialId, Version, stream};

const BENCH: &str = "actor";
const RAW: &str = "raw physics, one thread";
const TURN: Duration = Duration::from_millis(250);
const TURNS: usize = 9;
const ENVIRONMENTS: [usize; 3] = [1, 8, 16];
const EPISODE: usize = 200;

/// Actor processes, and environments in each.
const ACTORS: u32 = 2;
const ENVIRONMENTS_EACH: u32 = 16;
const SETTLE: Duration = Duration::from_secs(1);
const WATCH: Duration = Duration::from_secs(4);

/// Measures and prints.
pub(crate) fn measure() -> anyhow::Result<()> {
    in_this_process()?;
    let before = raw_in_threads()?;
    let seen = runtime()?.block_on(two_actors())?;
    let after = raw_in_threads()?;
    seen.print((before + after) / 2.0)
}

/// For the services: as many threads as the learner's.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

fn in_this_process() -> anyhow::Result<()> {
    let mut raw = Raw::new()?;
    let mut rollouts = Vec::new();
    for environments in ENVIRONMENTS {
        rollouts.push(Rollouts::new(environments)?);
    }
    let mut raw_rates = Vec::new();
    let mut rates = vec![Vec::new(); rollouts.len()];
    for turn in 0..=TURNS {
        let raw_rate = raw.rate()?;
        let now = rollouts.iter_mut().map(Rollouts::rate).collect::<anyhow::Result<Vec<_>>>()?;
        // The first turn warms up.
        if turn > 0 {
            raw_rates.push(raw_rate);
            rates.iter_mut().zip(now).for_each(|(rates, rate)| rates.push(rate));
        }
    }
    for (environments, rates) in ENVIRONMENTS.iter().zip(&rates) {
        let noun = if *environments == 1 { "environment" } else { "environments" };
        Figure::new(BENCH, format!("rollouts, {environments} {noun}"), "steps/s", rates)
            .beside(RAW, rates, &raw_rates)
            .with(json!({
                "threads": 1, "environments": environments, "policy": [300, 300, 300],
                "encoder": [200, 200, 200], "latent": 5, "turns": TURNS, "target_ratio": 0.5,
            }))
            .print()?;
    }
    Ok(())
}

/// Steps per second of raw physics in as many threads as there are actor processes.
fn raw_in_threads() -> anyhow::Result<f64> {
    let work = || {
        let mut raw = Raw::new()?;
        let rates: anyhow::Result<Vec<f64>> = (0..TURNS).map(|_| raw.rate()).collect();
        Ok(median(&rates?))
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..ACTORS).map(|_| scope.spawn(work)).collect();
        let crashed = |_| anyhow!("a thread of raw physics crashed");
        threads.into_iter().map(|thread| thread.join().map_err(crashed)?).sum()
    })
}

/// One HalfCheetah under random controls.
struct Raw {
    body: HalfCheetah,
    rng: ChaCha8Rng,
    controls: Vec<[f64; 6]>,
}

impl Raw {
    fn new() -> anyhow::Result<Self> {
        let mut rng = stream(1, Role::Action, 0, 0);
        let controls =
            (0..EPISODE).map(|_| std::array::from_fn(|_| rng.random_range(-1.0..=1.0))).collect();
        Ok(Self { body: HalfCheetah::new()?, rng: stream(1, Role::Environment, 0, 0), controls })
    }

    fn rate(&mut self) -> anyhow::Result<f64> {
        let mut steps = 0;
        let start = Instant::now();
        while start.elapsed() < TURN {
            self.body.reset(&mut self.rng);
            for control in &self.controls {
                self.body.simulation_mut().step(control)?;
            }
            steps += self.controls.len();
        }
        Ok(steps as f64 / start.elapsed().as_secs_f64())
    }
}

type Trials = Box<dyn Iterator<Item = Trial>>;

/// The step loop of an actor, without its network connections.
struct Rollouts {
    rollout: Rollout,
    link: Local<Trials, fn(Cut)>,
}

impl Rollouts {
    fn new(environments: usize) -> anyhow::Result<Self> {
        let experiment = cheetah::experiment()?;
        let (spec, params) = cheetah::agent(&experiment)?;
        let chunk = experiment.actors.chunk as usize;
        let numbered =
            (0..).map(|id| cheetah::trial(TrialId(id), cheetah::task(id, cheetah::TASKS)));
        let trials: Trials = Box::new(numbered);
        let agent = Agent::new(&spec, &params, Version(0))?;
        Ok(Self {
            rollout: Rollout::new(cheetah::family()?, &spec, environments, chunk)?,
            link: Local::new(agent, trials, send),
        })
    }

    fn rate(&mut self) -> anyhow::Result<f64> {
        let mut steps = 0;
        let start = Instant::now();
        while start.elapsed() < TURN {
            for _ in 0..EPISODE {
                match self.rollout.advance(&mut self.link)? {
                    Progress::Stepped(environments) => steps += environments,
                    other => bail!("expected steps without end, got {other:?}"),
                }
            }
        }
        self.link.outcomes.clear();
        Ok(steps as f64 / start.elapsed().as_secs_f64())
    }
}

/// All that happens to a chunk before it is handed to the connection.
fn send(cut: Cut) {
    let chunk = Chunk {
        origin: Origin { actor: ActorId(0), incarnation: Incarnation(0), sequence: Sequence(0) },
        trial: cut.trial,
        task: cut.task,
        episode: cut.episode,
        offset: cut.offset,
        context: cut.context,
        policy_version: cut.policy_version,
        encoder_version: cut.encoder_version,
        segment: cut.segment,
    };
    black_box(encode(&chunk));
}

/// What two actor processes came to.
struct Seen {
    rate: f64,
    resident_mib: f64,
    first_chunk_s: f64,
}

async fn two_actors() -> anyhow::Result<Seen> {
    let mut experiment = cheetah::experiment()?;
    experiment.actors.environments = ENVIRONMENTS_EACH;
    let start = Instant::now();
    let world = World::start(&experiment).await?;
    let mut actors = Vec::new();
    for slot in 0..ACTORS {
        actors.push(process::Actor::start(world.coordinator(), slot)?);
    }
    world.stored(&mut actors, 1).await?;
    let first_chunk_s = start.elapsed().as_secs_f64();
    tokio::time::sleep(SETTLE).await;
    let (before, start) = (world.transitions(), Instant::now());
    tokio::time::sleep(WATCH).await;
    let rate = (world.transitions() - before) as f64 / start.elapsed().as_secs_f64();
    let mut resident_mib = 0.0;
    for actor in &mut actors {
        resident_mib += actor.memory()?.resident_mib;
    }
    Ok(Seen { rate, resident_mib, first_chunk_s })
}

impl Seen {
    fn print(&self, raw: f64) -> anyhow::Result<()> {
        let detail = json!({"actors": ACTORS, "environments_each": ENVIRONMENTS_EACH});
        let figure =
            |name, unit, value| Figure::new(BENCH, name, unit, &[value]).with(detail.clone());
        figure("two actors, rollouts", "steps/s", self.rate)
            .beside_one("raw physics, two threads", raw)
            .print()?;
        figure("two actors, resident memory", "MiB", self.resident_mib).print()?;
        figure("start to first chunk", "s", self.first_chunk_s).print()
    }
}
