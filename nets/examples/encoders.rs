//! Microseconds per environment step that inferring the task at every step costs an actor with 8
//! environments, on one core, without physics and policy.
#![allow(clippy::print_stdout, reason = "prints a table")]

use nets::gaussian::fill_standard_normal;
use nets::{Beliefs, EncoderNet, EncoderSpec, Tracker, init};
use std::hint::black_box;
use std::time::Instant;
use types::experiment::{
    Choose, Context, Encoder, Memory, Merge, Observe, Posterior, Variance, Within,
};
use types::{Role, stream};

const SLOTS: usize = 8;
const SIZE: usize = 64;
/// Transitions that are measured, in steps of all slots.
const STEPS: u32 = 200;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    println!("encoder                                µs/step   steps/s   (median of 5)");
    for (name, memory) in [
        ("GRU 64 x 235, whole window", Memory::Window),
        ("GRU 64 x 235, staggered, 4 states", Memory::Staggered { states: 4 }),
        ("GRU 64 x 235, carried", Memory::Carried),
    ] {
        let body = Encoder::Gru { width: 235, layers: 1, rectify: true, memory };
        report(name, &tigr(body))?;
    }
    for (name, merge) in [
        ("product, 3 x 200, window of 64", Merge::Product),
        ("mean, 3 x 200, window of 64", Merge::Mean),
        ("pairs, 3 x 200, window of 64", Merge::Pairs),
    ] {
        let body = Encoder::Transitions { hidden: vec![200; 3], merge };
        let gaussian = Posterior::Gaussian { variance: Variance::Softplus };
        report(name, &EncoderSpec { posterior: gaussian, observe: Observe::Sample, ..tigr(body) })?;
    }
    report("MLP on the window, 235", &tigr(Encoder::Window { hidden: vec![235] }))
}

/// HalfCheetah with eight base tasks as TIGR has it: rows of 47, z of 8, 8 components.
fn tigr(body: Encoder) -> EncoderSpec {
    EncoderSpec {
        context: Context::Window { size: SIZE, stride: 1, within: Within::Episode },
        body,
        head: vec![235],
        posterior: Posterior::Mixture { components: 8, choose: Choose::Weighted },
        observe: Observe::Mean,
        ..EncoderSpec::gaussian_product([20, 6], true, vec![1], 8)
    }
}

fn report(name: &str, spec: &EncoderSpec) -> Outcome<()> {
    let mut rng = stream(1, Role::Initialise, 0, 0);
    let params = init::networks(&spec.networks(), &mut rng)?;
    let mut actor = Actor::new(spec, EncoderNet::from_params(spec, &params)?)?;
    fill_standard_normal(&mut rng, &mut actor.row);
    actor.steps(100)?;
    let mut times = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        actor.steps(STEPS)?;
        times.push(start.elapsed().as_secs_f64() / f64::from(STEPS) / 8.0);
    }
    times.sort_by(f64::total_cmp);
    println!("{name:36} {:9.1} {:9.0}", times[2] * 1e6, 1.0 / times[2]);
    Ok(())
}

/// What an actor does of inference.
struct Actor {
    tracker: Tracker,
    encoder: EncoderNet,
    beliefs: Beliefs,
    row: Vec<f32>,
    described: Vec<f32>,
    noise: Vec<f32>,
    given: Vec<f32>,
}

impl Actor {
    fn new(spec: &EncoderSpec, encoder: EncoderNet) -> Outcome<Self> {
        Ok(Self {
            tracker: Tracker::new(spec, SLOTS)?,
            encoder,
            beliefs: Beliefs::new(spec),
            row: vec![0.; spec.width()],
            described: vec![0.; SLOTS * spec.described_by()],
            noise: vec![0.5; SLOTS * spec.noise()],
            given: vec![0.; SLOTS * spec.given()],
        })
    }

    fn steps(&mut self, steps: u32) -> Outcome<()> {
        let slots: Vec<usize> = (0..SLOTS).collect();
        for _ in 0..steps {
            for &slot in &slots {
                self.row.rotate_right(1);
                self.tracker.advance(slot, &self.row)?;
            }
            self.tracker.describe(&mut self.encoder, &slots, &mut self.described)?;
            self.beliefs.read(&self.described)?;
            self.beliefs.observe(&self.noise, &mut self.given)?;
            black_box(&self.given);
        }
        Ok(())
    }
}
