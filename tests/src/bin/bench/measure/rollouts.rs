//! What is measured in one thread of this process, in turns: raw physics and the step loop of an
//! actor.
//!
//! - raw physics: MuJoCo steps one HalfCheetah, five simulation steps per environment step, under
//!   random controls, and nothing else happens;
//! - rollouts: all that an actor does but its network connections: policy, latents, encoder over
//!   the context, rewards, and chunks encoded with their checksum, ready for the wire.

use crate::measure::cheetah;
use crate::measure::statistics::median;
use actor::Agent;
use actor::rollout::{Cut, Local, Progress, Rollout};
use anyhow::{anyhow, bail};
use envs::TaskFamily;
use envs::half_cheetah::HalfCheetah;
use nets::AgentSpec;
use proto::chunk::encode;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use std::hint::black_box;
use std::time::{Duration, Instant};
use types::{
    ActorId, Chunk, Incarnation, Origin, Role, Sequence, TaskRef, Trial, TrialId, Version, stream,
};

/// What [`Raw`] is called beside other figures.
pub(crate) const RAW: &str = "raw physics, one thread";

/// The least time that a turn takes; it ends with the episode.
const TURN: Duration = Duration::from_millis(250);

/// Steps of an episode.
const EPISODE: usize = 200;

/// Makes the trial of that number for a task.
pub(crate) type MakeTrial = fn(TrialId, TaskRef) -> Trial;

/// Steps per second, turn by turn.
#[derive(Debug)]
pub(crate) struct Rates {
    /// Of raw physics.
    pub(crate) raw: Vec<f64>,
    /// Of each of the rollouts.
    pub(crate) rollouts: Vec<Vec<f64>>,
}

impl Rates {
    /// Measures raw physics and every one of `rollouts`, `turns` times after one to warm up.
    pub(crate) fn in_turns(rollouts: &mut [Rollouts], turns: usize) -> anyhow::Result<Self> {
        let mut raw = Raw::new()?;
        let mut rates = Self { raw: Vec::new(), rollouts: vec![Vec::new(); rollouts.len()] };
        for turn in 0..=turns {
            let raw_rate = raw.rate()?;
            let now = rollouts.iter_mut().map(Rollouts::rate);
            let now = now.collect::<anyhow::Result<Vec<_>>>()?;
            // The first turn warms up.
            if turn > 0 {
                rates.raw.push(raw_rate);
                rates.rollouts.iter_mut().zip(now).for_each(|(rates, rate)| rates.push(rate));
            }
        }
        Ok(rates)
    }
}

/// Steps per second of raw physics in so many threads together, the median over `turns`.
pub(crate) fn raw_in_threads(threads: u32, turns: usize) -> anyhow::Result<f64> {
    let work = || {
        let mut raw = Raw::new()?;
        let rates: anyhow::Result<Vec<f64>> = (0..turns).map(|_| raw.rate()).collect();
        Ok(median(&rates?))
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
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

/// What is rolled out. Episodes have 200 steps.
pub(crate) struct Setting {
    pub(crate) family: &'static dyn TaskFamily,
    /// Its training tasks, which get trials in turn.
    pub(crate) tasks: u32,
    pub(crate) trial: MakeTrial,
    pub(crate) agent: AgentSpec,
    /// Transitions in a chunk.
    pub(crate) chunk: u32,
}

type Trials = Box<dyn Iterator<Item = Trial>>;

/// The step loop of an actor, without its network connections.
pub(crate) struct Rollouts {
    rollout: Rollout,
    link: Local<Trials, fn(Cut)>,
}

impl Rollouts {
    /// In so many environments, with random weights.
    pub(crate) fn new(setting: &Setting, environments: usize) -> anyhow::Result<Self> {
        let Setting { family, tasks, trial, ref agent, chunk } = *setting;
        let trials: Trials =
            Box::new((0..).map(move |id| trial(TrialId(id), cheetah::task(id, tasks))));
        let params = cheetah::weights(agent)?;
        Ok(Self {
            rollout: Rollout::new(family, agent, environments, chunk as usize)?,
            link: Local::new(Agent::new(agent, &params, Version(0))?, trials, send),
        })
    }

    /// Of whole episodes, since a step may cost more late in an episode.
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
