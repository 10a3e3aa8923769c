//! `actor`: what acting, inferring and recording cost on top of physics.
//!
//! In one thread of this process, in turns of a quarter of a second: raw physics, and rollouts with
//! 1, 8 and 16 environments ([`rollouts`](crate::measure::rollouts)). The ratio is the share of
//! physics in the time of a rollout, per core.
//!
//! After that, two actor processes of 16 environments work for the learner's services in this
//! process, over gRPC on the loopback: their rate beside that of raw physics in two threads (before
//! and after), the memory of the two together, and the time from the start of services and
//! processes to the first acknowledged chunk.

use crate::measure::cheetah;
use crate::measure::figure::Figure;
use crate::measure::rollouts::{RAW, Rates, Rollouts, raw_in_threads};
use crate::measure::two_actors::{ACTORS, Seen};
use serde_json::json;
use std::time::Duration;

const BENCH: &str = "actor";
const TURNS: usize = 9;
const ENVIRONMENTS: [usize; 3] = [1, 8, 16];

/// Environments of each actor process.
const ENVIRONMENTS_EACH: u32 = 16;
const WATCH: Duration = Duration::from_secs(4);

/// Measures and prints.
pub(crate) fn measure() -> anyhow::Result<()> {
    in_this_process()?;
    let mut experiment = cheetah::experiment()?;
    experiment.actors.environments = ENVIRONMENTS_EACH;
    let before = raw_in_threads(ACTORS, TURNS)?;
    let seen = Seen::of(&experiment, cheetah::trial, WATCH)?;
    let after = raw_in_threads(ACTORS, TURNS)?;
    print(&seen, (before + after) / 2.0)
}

fn in_this_process() -> anyhow::Result<()> {
    let setting = cheetah::setting()?;
    let rollouts = ENVIRONMENTS.iter().map(|&environments| Rollouts::new(&setting, environments));
    let mut rollouts = rollouts.collect::<anyhow::Result<Vec<_>>>()?;
    let rates = Rates::in_turns(&mut rollouts, TURNS)?;
    for (environments, rollouts) in ENVIRONMENTS.iter().zip(&rates.rollouts) {
        let noun = if *environments == 1 { "environment" } else { "environments" };
        Figure::new(BENCH, format!("rollouts, {environments} {noun}"), "steps/s", rollouts)
            .beside(RAW, rollouts, &rates.raw)
            .with(json!({
                "threads": 1, "environments": environments, "policy": [300, 300, 300],
                "encoder": [200, 200, 200], "latent": 5, "turns": TURNS, "target_ratio": 0.5,
            }))
            .print()?;
    }
    Ok(())
}

fn print(seen: &Seen, raw: f64) -> anyhow::Result<()> {
    let detail = json!({"actors": ACTORS, "environments_each": ENVIRONMENTS_EACH});
    let figure = |name, unit, value| Figure::new(BENCH, name, unit, &[value]).with(detail.clone());
    figure("two actors, rollouts", "steps/s", seen.rate)
        .beside_one("raw physics, two threads", raw)
        .print()?;
    figure("two actors, resident memory", "MiB", seen.resident_mib).print()?;
    figure("start to first chunk", "s", seen.first_chunk_s).print()
}
