//! `learner`: PEARL updates, beside the matrix products that no implementation can do without.
//!
//! Sizes are those of `configs/quickstart.toml` and those of the paper
//! (`configs/pearl/cheetah-vel-published.toml`: 16 tasks of 256 transitions, context of 100,
//! networks of 3×300, encoder of 3×200); both critic forms; one and two CPU threads, and the GPU if
//! one can be used. An update is everything from a batch on the device to moved parameters: losses,
//! gradients, Adam, targets. Batches are made once and reused, so that sampling costs nothing here.
//!
//! Reference, in turns with it: the forward and backward matrix products of that update, in libtorch
//! with as many threads, on arrays of the same shapes, and nothing else ([`products`]). The ratio is
//! the share of an update's time that goes into them.

mod products;

use crate::measure::figure::Figure;
use anyhow::Context as _;
use learner::inference::Windows;
use learner::method::{Batch, Method, MethodSettings, MethodSpec, Noise, Source};
use products::Products;
use serde_json::json;
use std::time::{Duration, Instant};
use tch::{Cuda, Device, Kind, Tensor};
use types::experiment::CriticForm;
use types::{EnvSpec, Experiment};

const BENCH: &str = "learner";
/// CPU threads of tensor operations.
const THREADS: [i32; 2] = [1, 2];
/// A turn of either side takes about this long, or as long as it takes to do it once.
const TURN: Duration = Duration::from_millis(200);
const TURNS: usize = 5;
/// No more turns after this long.
const ENOUGH: Duration = Duration::from_secs(2);

const QUICKSTART: &str = include_str!("../../../../../../configs/quickstart.toml");
const PAPER: &str = include_str!("../../../../../../configs/pearl/cheetah-vel-published.toml");

/// Measures and prints. `device` is `auto` (the CPU, and a GPU if there is one) or one device.
pub(crate) fn measure(device: &str) -> anyhow::Result<()> {
    let found = learner::device::resolve(device)?;
    for (sizes, text) in [("paper", PAPER), ("quickstart", QUICKSTART)] {
        let experiment: Experiment = toml::from_str(text).with_context(|| sizes.to_owned())?;
        for (form, name) in [(CriticForm::TwinQ, "target Q"), (CriticForm::VNetwork, "V network")] {
            let mut experiment = experiment.clone();
            experiment.agent.critic = form;
            let name = format!("updates, {name}, {sizes}");
            if found == Device::Cpu || device == "auto" {
                for threads in THREADS {
                    tch::set_num_threads(threads);
                    let noun = if threads == 1 { "thread" } else { "threads" };
                    case(&experiment, &format!("{name}, {threads} {noun}"), Device::Cpu)?;
                }
            }
            if found != Device::Cpu {
                case(&experiment, &format!("{name}, {}", learner::device::name(found)), found)?;
            }
        }
    }
    Ok(())
}

fn case(experiment: &Experiment, name: &str, device: Device) -> anyhow::Result<()> {
    let env = envs::build(&experiment.environment)?.spec();
    let spec = MethodSpec::of(experiment, &env)?;
    let params = spec.initial(experiment.seed)?;
    let (settings, tasks) = (MethodSettings::of(experiment), experiment.learner.tasks);
    let mut pearl = Method::new(&spec, settings, tasks, (&params, device))?;
    let batch = batch(experiment, &env, device)?;
    let products = Products::new(experiment, &spec, device)?;
    let mut update = || pearl.update(&batch).map(drop).context("update");
    let mut bare = || products.run();
    let (update_count, bare_count) = (repeats(device, &mut update)?, repeats(device, &mut bare)?);
    let (mut updates, mut others) = (Vec::new(), Vec::new());
    let start = Instant::now();
    while updates.is_empty() || updates.len() < TURNS && start.elapsed() < ENOUGH {
        updates.push(rate(device, update_count, &mut update)?);
        others.push(rate(device, bare_count, &mut bare)?);
    }
    let learner = &experiment.learner;
    Figure::new(BENCH, name, "updates/s", &updates)
        .beside("its matrix products alone", &updates, &others)
        .with(json!({
            "tasks": learner.tasks, "transitions": learner.transitions,
            "context": experiment.inference.context_size(), "hidden": experiment.agent.hidden,
            "encoder": experiment.inference.encoder, "turns": updates.len(),
            "gflop_per_update": products.flops() / 1e9,
        }))
        .print()
}

/// Random numbers where sampled transitions would be.
fn batch(experiment: &Experiment, env: &EnvSpec, device: Device) -> anyhow::Result<Batch> {
    let tasks = experiment.learner.tasks as i64;
    let n = tasks * experiment.learner.transitions as i64;
    let context = experiment.inference.context_size() as i64;
    let length = vec![context; experiment.learner.tasks];
    let (observation, action) = (env.observation_dim as i64, env.action_dim as i64);
    let next = if experiment.inference.next_observation { observation } else { 0 };
    let random = |rows, columns| Tensor::f_randn([rows, columns], (Kind::Float, device));
    Ok(Batch {
        observation: random(n, observation)?,
        action: random(n, action)?.f_tanh()?,
        reward: random(n, 1)?,
        next_observation: random(n, observation)?,
        not_terminated: Tensor::f_ones([n, 1], (Kind::Float, device))?,
        source: Source::Sets(Windows {
            rows: random(tasks * context, observation + action + 1 + next)?
                .f_view([tasks, context, -1])?,
            length: Tensor::f_from_slice(&length)?.f_to_device(device)?,
        }),
        noise: Noise {
            latent: random(tasks, experiment.inference.latent as i64)?,
            next_latent: random(0, 1)?,
            next_action: random(n, action)?,
            action: random(n, action)?,
        },
    })
}

/// How often `work` must be done for a turn, after it was done a first time to warm up.
fn repeats(device: Device, work: &mut impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<u32> {
    work()?;
    let mut repeats = 1;
    // A single time says little of work that is done in no time.
    while f64::from(repeats) / rate(device, repeats, work)? < TURN.as_secs_f64() / 2.0 {
        repeats *= 2;
    }
    Ok(repeats)
}

/// Times per second.
fn rate(
    device: Device,
    repeats: u32,
    work: &mut impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    wait_for(device);
    let start = Instant::now();
    for _ in 0..repeats {
        work()?;
    }
    wait_for(device);
    Ok(f64::from(repeats) / start.elapsed().as_secs_f64())
}

/// Until the device has done all it was asked to.
fn wait_for(device: Device) {
    if let Device::Cuda(index) = device {
        Cuda::synchronize(i64::try_from(index).unwrap_or(0));
    }
}
