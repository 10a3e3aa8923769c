//! Steps per second of families on one core, through `dyn Env` and with the resets of their episodes.
//!
//! ```text
//! cargo run --release -p envs --example rates -- toy carl-classic
//! ```
//!
//! Prints the median of eleven measurements for each family of the suites named, of all suites
//! without a name. Time is what the processor spent on this process (`/proc/self/schedstat` of
//! Linux), so that others on the machine count little.

use anyhow::{Context, Result};
use envs::{TaskFamily, suites};
use rand::RngExt as _;
use types::{Role, Split, stream};

const MEASUREMENTS: usize = 11;

/// Each measurement takes at least so many seconds.
const SECONDS: f64 = 0.1;

/// Actions are drawn before; what is measured takes them in turn.
const ACTIONS: usize = 1024;

/// Steps between two looks at the clock, at least.
const LOOK: u32 = 10_000;

#[allow(clippy::print_stdout, reason = "what an example is for")]
fn main() -> Result<()> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    for suite in suites().iter().filter(|s| names.is_empty() || names.iter().any(|n| n == s.name)) {
        for family in suite.families {
            let rate = steps_per_second(*family)? / 1e6;
            println!("{:<32} {rate:8.2} million steps/s", family.name());
        }
    }
    Ok(())
}

fn steps_per_second(family: &dyn TaskFamily) -> Result<f64> {
    let spec = family.spec();
    let mut env = family.make()?;
    let tasks = family.tasks(Split::Train);
    let mut rng = stream(1, Role::Environment, 0, 0);
    let mut dice = stream(1, Role::Action, 0, 0);
    let actions: Vec<Vec<f32>> = (0..ACTIONS)
        .map(|_| (0..spec.action_dim).map(|_| dice.random_range(-1.0..=1.0)).collect())
        .collect();
    let mut observation = vec![0.0; spec.observation_dim];
    let mut rates = vec![];
    let mut tasks = tasks.iter().cycle();
    for _ in 0..MEASUREMENTS {
        let start = seconds()?;
        let mut total = 0.0;
        while seconds()? < start + SECONDS {
            let mut steps = 0_u32;
            while steps < LOOK {
                let task = tasks.next().context("a task")?;
                env.reset(task, &mut rng, &mut observation)?;
                for action in actions.iter().cycle().take(spec.horizon) {
                    steps += 1;
                    if env.step(action, &mut rng, &mut observation)?.terminated {
                        break;
                    }
                }
            }
            total += f64::from(steps);
        }
        rates.push(total / (seconds()? - start));
    }
    rates.sort_by(f64::total_cmp);
    Ok(rates[MEASUREMENTS / 2])
}

/// Time on a processor so far, s.
fn seconds() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds: u64 = text.split(' ').next().context("a number")?.parse()?;
    Ok(std::time::Duration::from_nanos(nanoseconds).as_secs_f64())
}
