//! `encoders`: rollouts in which the task is inferred at every step.
//!
//! In one thread of this process, in turns: raw physics, and rollouts of HalfCheetah with eight
//! base tasks ([`tigr`](crate::measure::tigr)), where
//! - a GRU of 235 numbers runs over the whole window of the last 64 transitions at every step, with
//!   1, 8 and 100 environments;
//! - four states of that GRU are carried, started 16 transitions apart;
//! - a product of Gaussian factors is kept up, one for each transition of the window.
//!
//! A window reaches to the start of its episode of 200 steps, so it has 53.6 transitions in the mean
//! over an episode. A turn is a quarter of a second or one episode of all environments, whichever
//! is longer.
//!
//! After that, two actor processes with a GRU of 128 numbers work for the learner's services in
//! this process, with 1 and with 8 environments each, beside raw physics in two threads.

use crate::measure::figure::Figure;
use crate::measure::rollouts::{RAW, Rates, Rollouts, raw_in_threads};
use crate::measure::tigr;
use crate::measure::two_actors::{ACTORS, Seen};
use nets::EncoderSpec;
use serde_json::{Value, json};
use std::time::Duration;
use types::Experiment;
use types::experiment::Memory;

const BENCH: &str = "encoders";
const TURNS: usize = 5;

/// Numbers in a state of the two processes' GRU.
const NARROW: usize = 128;
/// Environments of each of the two processes.
const ENVIRONMENTS_EACH: [u32; 2] = [1, 8];
/// Small next to what is counted: transitions count when their chunk is acknowledged.
const CHUNK: u32 = 10;
/// Several episodes, since a step costs more late in an episode.
const WATCH: Duration = Duration::from_secs(10);

/// A form of the encoder, and how many environments it serves.
struct Form {
    name: &'static str,
    change: fn(&mut EncoderSpec),
    encoder: &'static str,
    environments: usize,
    /// Steps per second that are aimed at.
    target: Option<u32>,
}

const FORMS: [Form; 5] = [
    Form { environments: 1, target: None, ..ANEW },
    ANEW,
    Form { environments: 100, target: None, ..ANEW },
    Form {
        name: "GRU, 4 staggered states",
        change: staggered,
        encoder: "GRU 235",
        environments: 8,
        target: Some(12_000),
    },
    Form {
        name: "product of Gaussians",
        change: tigr::product,
        encoder: "3×200 on each transition",
        environments: 8,
        target: Some(20_000),
    },
];

/// As it is published.
const ANEW: Form = Form {
    name: "GRU over the window anew",
    change: |_| {},
    encoder: "GRU 235",
    environments: 8,
    target: Some(2_500),
};

fn staggered(encoder: &mut EncoderSpec) {
    encoder.body = tigr::gru(235, Memory::Staggered { states: 4 });
}

/// Measures and prints.
pub(crate) fn measure() -> anyhow::Result<()> {
    in_this_process()?;
    ENVIRONMENTS_EACH.iter().try_for_each(|&environments| two_processes(environments))
}

fn in_this_process() -> anyhow::Result<()> {
    let rollouts =
        FORMS.iter().map(|form| Rollouts::new(&tigr::setting(form.change)?, form.environments));
    let mut rollouts = rollouts.collect::<anyhow::Result<Vec<_>>>()?;
    let rates = Rates::in_turns(&mut rollouts, TURNS)?;
    for (form, rollouts) in FORMS.iter().zip(&rates.rollouts) {
        Figure::new(BENCH, form.figure(), "steps/s", rollouts)
            .beside(RAW, rollouts, &rates.raw)
            .with(form.detail())
            .print()?;
    }
    Ok(())
}

impl Form {
    fn figure(&self) -> String {
        let noun = if self.environments == 1 { "environment" } else { "environments" };
        format!("{}, {} {noun}", self.name, self.environments)
    }

    fn detail(&self) -> Value {
        json!({
            "threads": 1, "environments": self.environments, "encoder": self.encoder,
            "window": 64, "window_mean": 53.6, "policy": [300, 300, 300], "latent": 8,
            "turns": TURNS, "target": self.target,
        })
    }
}

fn two_processes(environments: u32) -> anyhow::Result<()> {
    let before = raw_in_threads(ACTORS, TURNS)?;
    let seen = Seen::of(&narrow(environments)?, tigr::trial, WATCH)?;
    let after = raw_in_threads(ACTORS, TURNS)?;
    let noun = if environments == 1 { "environment" } else { "environments" };
    let name = format!("two actors, GRU {NARROW} over the window anew, {environments} {noun} each");
    Figure::new(BENCH, name, "steps/s", &[seen.rate])
        .beside_one("raw physics, two threads", (before + after) / 2.0)
        .with(json!({
            "actors": ACTORS, "environments_each": environments, "encoder": "GRU 128",
            "window": 64, "chunk": CHUNK, "resident_mib": seen.resident_mib,
        }))
        .print()
}

/// The published experiment with a narrower GRU, so many environments for each actor.
fn narrow(environments: u32) -> anyhow::Result<Experiment> {
    let mut experiment = tigr::experiment()?;
    experiment.inference.encoder = tigr::gru(NARROW, Memory::Window);
    experiment.inference.head = vec![NARROW];
    experiment.actors.environments = environments;
    experiment.actors.chunk = CHUNK;
    Ok(experiment)
}
