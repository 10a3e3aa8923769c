//! Environment steps per second of one thread that rolls HalfCheetah out with TIGR's sizes, by how
//! the task is inferred: windows of 64 transitions with 47 numbers each, the policy has three
//! hidden layers of 300. Everything that an actor does is in it but the network connections.
#![allow(clippy::print_stdout, reason = "prints a table")]

use actor::Agent;
use actor::rollout::{Cut, Local, Progress, Rollout};
use nets::{AgentSpec, EncoderSpec, PolicySpec};
use std::hint::black_box;
use std::time::{Duration, Instant};
use types::experiment::{
    Choose, Context, Encoder, Memory, Merge, Observe, Posterior, Variance, Within,
};
use types::{
    Behaviour, LatentSource, Phase, Purpose, Role, Split, TaskRef, Trial, TrialId, Version, stream,
};

const FAMILY: &str = "cheetah-vel";
const TASKS: u64 = 100;
const ENVIRONMENTS: usize = 8;
const SIZE: usize = 64;
const TURN: Duration = Duration::from_millis(500);
const TURNS: usize = 7;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let family = envs::find(FAMILY)?;
    let env = family.spec();
    let set = EncoderSpec::gaussian_product(
        [env.observation_dim, env.action_dim],
        true,
        vec![200, 200, 200],
        5,
    );
    let window = Context::Window { size: SIZE, stride: 1, within: Within::Episode };
    let product = EncoderSpec { context: window, ..set.clone() };
    let gru = |memory| EncoderSpec {
        body: Encoder::Gru { width: 235, layers: 1, rectify: true, memory },
        head: vec![235],
        posterior: Posterior::Mixture { components: 8, choose: Choose::Weighted },
        observe: Observe::Mean,
        ..product.clone()
    };
    let mean = EncoderSpec {
        body: Encoder::Transitions { hidden: vec![200, 200, 200], merge: Merge::Mean },
        posterior: Posterior::Gaussian { variance: Variance::Softplus },
        ..product.clone()
    };
    println!(
        "{ENVIRONMENTS} environments, one thread; env steps/s, median of {TURNS} (least, most)"
    );
    for (name, encoder) in [
        ("random actions, no networks", None),
        ("product over a set, once per episode (PEARL)", Some(set)),
        ("product over a window, every step", Some(product.clone())),
        ("mean over a window, every step", Some(mean)),
        ("GRU, whole window every step", Some(gru(Memory::Window))),
        ("GRU, 4 staggered states", Some(gru(Memory::Staggered { states: 4 }))),
        ("GRU, 8 staggered states", Some(gru(Memory::Staggered { states: 8 }))),
        ("GRU, carried", Some(gru(Memory::Carried))),
    ] {
        let behaviour = match encoder {
            None => Behaviour::Random,
            Some(_) => Behaviour::Policy,
        };
        let encoder = encoder.unwrap_or_else(|| product_of_nothing(&env));
        let policy = PolicySpec {
            observation: env.observation_dim,
            latent: encoder.given(),
            action: env.action_dim,
            hidden: vec![300, 300, 300],
        };
        let rates = rates(family, &AgentSpec { policy, encoder }, behaviour)?;
        let (least, most) = (rates[0], rates[rates.len() - 1]);
        println!("{name:46} {:8.0} ({least:.0}, {most:.0})", rates[rates.len() / 2]);
    }
    Ok(())
}

/// An encoder that is not asked.
fn product_of_nothing(env: &types::EnvSpec) -> EncoderSpec {
    EncoderSpec::gaussian_product([env.observation_dim, env.action_dim], true, vec![1], 5)
}

/// Steps per second in each turn, sorted.
fn rates(
    family: &'static dyn envs::TaskFamily,
    spec: &AgentSpec,
    behaviour: Behaviour,
) -> Outcome<Vec<f64>> {
    let params = nets::init::networks(&spec.networks(), &mut stream(1, Role::Initialise, 0, 0))?;
    let agent = Agent::new(spec, &params, Version(1))?;
    let mut rollout = Rollout::new(family, spec, ENVIRONMENTS, 200)?;
    let mut link = Local::new(agent, (0..).map(|id| trial(id, behaviour)), |cut: Cut| {
        black_box(cut);
    });
    let mut rates = Vec::new();
    for _ in 0..=TURNS {
        let (start, mut steps) = (Instant::now(), 0u32);
        while start.elapsed() < TURN {
            if let Progress::Stepped(environments) = rollout.advance(&mut link)? {
                steps += u32::try_from(environments)?;
            }
        }
        rates.push(f64::from(steps) / start.elapsed().as_secs_f64());
    }
    // The first turn warms up.
    rates.remove(0);
    rates.sort_by(f64::total_cmp);
    Ok(rates)
}

fn trial(id: u64, behaviour: Behaviour) -> Trial {
    let index = u32::try_from(id % TASKS).unwrap_or(0);
    let phase = |latent, episodes| Phase { latent, episodes, context: true, behaviour };
    Trial {
        id: TrialId(id),
        task: TaskRef { split: Split::Train, index },
        purpose: Purpose::Train,
        phases: vec![phase(LatentSource::Posterior, 2)],
        seed: id,
        min_version: Version(0),
        beliefs: 0,
    }
}
