//! `chaos`: the program behind `cargo xtask chaos`. A real run under a seeded schedule of faults;
//! prints a timeline and a verdict, and fails if an invariant broke.

use anyhow::Context as _;
use clap::Parser;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;
use tests::chaos::{Kind, Length, Options, Verdict, run};

/// Runs under faults, and judges.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    /// One seed, or several: 1..20 means 1 to 20. A seed decides the schedule of faults
    #[arg(long, alias = "seeds", value_name = "S|A..B", default_value = "1", value_parser = seeds)]
    seed: Seeds,
    /// How long faults go on, for each seed
    #[arg(long, value_name = "M", default_value_t = 1.0)]
    minutes: f64,
    /// Only these kinds of faults
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KINDS")]
    only: Vec<Kind>,
    /// One line of JSON per seed instead of text
    #[arg(long)]
    json: bool,
}

/// Seeds from the first to the last, both included.
#[derive(Debug, Clone, Copy)]
struct Seeds {
    first: u64,
    last: u64,
}

fn seeds(text: &str) -> Result<Seeds, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let last = last.strip_prefix('=').unwrap_or(last);
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) if first <= last => Ok(Seeds { first, last }),
        _ => Err(format!("expected a seed such as 7, or several such as 1..20, got {text:?}")),
    }
}

fn main() -> ExitCode {
    match execute(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn execute(arguments: &Arguments) -> anyhow::Result<bool> {
    let time = Duration::try_from_secs_f64(60.0 * arguments.minutes);
    let time = time.context("--minutes: expected a number of minutes, 0 or above")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("start the runtime")?;
    let mut verdicts = Vec::new();
    for seed in arguments.seed.first..=arguments.seed.last {
        let mut options = Options::new(seed, Length::Time(time));
        if !arguments.only.is_empty() {
            options.kinds.clone_from(&arguments.only);
        }
        let timeline = |line: &str| {
            if !arguments.json {
                say(line)
            }
        };
        let verdict = runtime.block_on(run(&options, timeline))?;
        if arguments.json {
            say(&serde_json::to_string(&verdict)?);
        } else {
            say(&format!("{verdict}\n"));
        }
        verdicts.push(verdict);
    }
    if verdicts.len() > 1 && !arguments.json {
        say(&together(&verdicts));
    }
    Ok(verdicts.iter().all(Verdict::is_good))
}

fn together(verdicts: &[Verdict]) -> String {
    let broken: Vec<String> = verdicts
        .iter()
        .filter(|verdict| !verdict.is_good())
        .map(|verdict| verdict.seed.to_string())
        .collect();
    let faults: usize = verdicts.iter().map(|verdict| verdict.happened.len()).sum();
    let stored: u64 = verdicts.iter().map(|verdict| verdict.counts.stored).sum();
    let seeds = verdicts.len();
    match broken[..] {
        [] => format!("{seeds} seeds, {faults} faults, {stored} transitions: everything held"),
        _ => format!("{seeds} seeds, {faults} faults: BROKEN with seeds {}", broken.join(", ")),
    }
}

fn say(line: &str) {
    // Nobody reads it if standard output is closed.
    drop(writeln!(std::io::stdout().lock(), "{line}"));
}
