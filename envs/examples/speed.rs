//! `speed FAMILY [BODY]`: how many steps per second sixteen environments of a family take together
//! on one thread, resets included, under random actions.
//!
//! With the name of a body (`ant`, `half-cheetah`, …) also what its physics alone take: the same
//! actions, and resets at the same times, in turns with the environments. `cargo xtask bench envs`
//! runs it beside other programs. Prints one line of JSON.

use anyhow::{Context, Result, bail};
use envs::body::{Body, Plan};
use envs::carl::context::Feature;
use envs::{Env, TaskFamily, bodies, find};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use std::io::Write as _;
use std::time::{Duration, Instant};
use types::{EnvSpec, Parameter, Role, Split, Task, TaskRef, stream};

const ENVIRONMENTS: usize = 16;
/// Steps of each environment between two looks at the clock.
const BLOCK: usize = 200;
const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(4);
/// Blocks that are measured at least, on a machine that is slow or busy.
const BLOCKS: usize = 5;

const BODIES: [(&str, &Plan); 11] = [
    ("ant", &bodies::ANT),
    ("half-cheetah", &bodies::HALF_CHEETAH),
    ("hopper", &bodies::HOPPER),
    ("walker2d", &bodies::WALKER),
    ("humanoid", &bodies::HUMANOID),
    ("humanoid-standup", &bodies::HUMANOID_STANDUP),
    ("swimmer", &bodies::SWIMMER),
    ("inverted-pendulum", &bodies::INVERTED_PENDULUM),
    ("inverted-double-pendulum", &bodies::INVERTED_DOUBLE_PENDULUM),
    ("reacher", &bodies::REACHER),
    ("pusher", &bodies::PUSHER),
];

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let family = find(&words.next().context("expected: speed FAMILY [BODY]")?)?;
    let plan = words.next().map(|name| body(&name)).transpose()?;
    let mut fleet = Fleet::new(family)?;
    let mut physics = plan.map(|plan| Physics::new(plan, &fleet)).transpose()?;
    let (mut rates, mut raw_rates, mut ratios) = (vec![], vec![], vec![]);
    let begin = Instant::now();
    while begin.elapsed() < WARM_UP + MEASURED || rates.len() < BLOCKS {
        let warm = begin.elapsed() >= WARM_UP;
        let starts = fleet.generators();
        let rate = fleet.play()?;
        let raw = physics.as_mut().map(|physics| physics.play(starts, &fleet)).transpose()?;
        if warm {
            rates.push(rate);
            raw_rates.extend(raw);
            ratios.extend(raw.map(|raw| rate / raw));
        }
    }
    let line = serde_json::json!({
        "bench": "envs",
        "figure": family.name(),
        "value": median(rates),
        "unit": "steps/s",
        "reference": plan.map(|_| "raw mj_step"),
        "reference_value": median(raw_rates),
        "ratio": median(ratios),
        "detail": {"environments": ENVIRONMENTS, "threads": 1},
    });
    writeln!(std::io::stdout(), "{line}").context("write to standard output")
}

fn body(name: &str) -> Result<&'static Plan> {
    match BODIES.iter().find(|(known, _)| *known == name) {
        Some((_, plan)) => Ok(plan),
        None => bail!("expected a body out of {:?}, got {name}", BODIES.map(|(known, _)| known)),
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Steps of a block per second.
fn rate(begin: Instant) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
    let steps = (ENVIRONMENTS * BLOCK) as f64;
    steps / begin.elapsed().as_secs_f64()
}

struct Member {
    env: Box<dyn Env>,
    rng: ChaCha8Rng,
    task: Task,
    steps: usize,
}

/// The physics of the model where tasks would change it, or else tasks of the family.
fn tasks(family: &dyn TaskFamily) -> Vec<Task> {
    let parameter = |f: &Feature| Parameter { name: f.name.to_owned(), value: f.default };
    match family.features() {
        [] => family.tasks(Split::Train),
        features => vec![Task {
            id: TaskRef { split: Split::Train, index: 0 },
            parameters: features.iter().map(parameter).collect(),
        }],
    }
}

/// The environments, and what they do in a block.
struct Fleet {
    spec: EnvSpec,
    members: Vec<Member>,
    observation: Vec<f32>,
    /// Step by step, environment by environment.
    actions: Vec<f32>,
    /// Whether the episode ended with that step.
    ended: Vec<bool>,
}

impl Fleet {
    fn new(family: &dyn TaskFamily) -> Result<Self> {
        let spec = family.spec();
        let mut dice = stream(1, Role::Action, 0, 0);
        let actions = (0..BLOCK * ENVIRONMENTS * spec.action_dim)
            .map(|_| dice.random_range(-1.0..=1.0))
            .collect();
        let tasks = tasks(family);
        let member = |index: usize| {
            Ok(Member {
                env: family.make()?,
                rng: stream(1, Role::Environment, index as u64, 0),
                task: tasks[index % tasks.len()].clone(),
                steps: 0,
            })
        };
        Ok(Self {
            spec,
            members: (0..ENVIRONMENTS).map(member).collect::<Result<_>>()?,
            observation: vec![0.0; spec.observation_dim],
            actions,
            ended: vec![false; BLOCK * ENVIRONMENTS],
        })
    }

    fn generators(&self) -> Vec<ChaCha8Rng> {
        self.members.iter().map(|member| member.rng.clone()).collect()
    }

    /// Resets all and plays a block; steps per second.
    fn play(&mut self) -> Result<f64> {
        let begin = Instant::now();
        for member in &mut self.members {
            member.reset(&mut self.observation)?;
        }
        let mut actions = self.actions.chunks_exact(self.spec.action_dim);
        let mut ended = self.ended.iter_mut();
        for _ in 0..BLOCK {
            for member in &mut self.members {
                let (Some(action), Some(ended)) = (actions.next(), ended.next()) else { break };
                let Member { env, rng, steps, .. } = member;
                let step = env.step(action, rng, &mut self.observation)?;
                *steps += 1;
                *ended = step.terminated || *steps >= self.spec.horizon;
                if *ended {
                    member.reset(&mut self.observation)?;
                }
            }
        }
        Ok(rate(begin))
    }
}

impl Member {
    fn reset(&mut self, observation: &mut [f32]) -> Result<()> {
        self.steps = 0;
        Ok(self.env.reset(&self.task, &mut self.rng, observation)?)
    }
}

/// Bodies without tasks.
struct Physics {
    bodies: Vec<Body>,
    /// The actions of the environments in the units of the model.
    controls: Vec<f64>,
}

impl Physics {
    fn new(plan: &'static Plan, fleet: &Fleet) -> Result<Self> {
        let make = |_| Ok(Body::new(plan)?);
        let bodies: Vec<Body> = (0..ENVIRONMENTS).map(make).collect::<Result<_>>()?;
        let ranges = bodies[0].simulation().model().actuator_ctrlrange();
        let control = |(action, [low, high]): (&f32, &[f64; 2])| {
            (high - low) / 2.0 * f64::from(*action) + (high + low) / 2.0
        };
        let controls = fleet.actions.iter().zip(ranges.iter().cycle()).map(control).collect();
        Ok(Self { bodies, controls })
    }

    /// What the `fleet` has played, from the generators it had then; steps per second.
    fn play(&mut self, mut generators: Vec<ChaCha8Rng>, fleet: &Fleet) -> Result<f64> {
        let begin = Instant::now();
        for (body, rng) in self.bodies.iter_mut().zip(&mut generators) {
            body.reset(rng);
        }
        let mut controls = self.controls.chunks_exact(fleet.spec.action_dim);
        let mut ended = fleet.ended.iter();
        for _ in 0..BLOCK {
            for (body, rng) in self.bodies.iter_mut().zip(&mut generators) {
                let (Some(controls), Some(ended)) = (controls.next(), ended.next()) else { break };
                body.simulation_mut().step(controls)?;
                if *ended {
                    body.reset(rng);
                }
            }
        }
        Ok(rate(begin))
    }
}
