//! Finds planted clusters again.
//!
//! ```text
//! cargo run --release -p mixture --example recover -- [--seed N] [--fit-seed N] [--rows N] [--write FILE]
//! ```
//!
//! `--seed` draws the sets and `--fit-seed` the births. `--write` puts the rows, the classes and what
//! was found into a JSON file, for other libraries to try the same.
//!
//! Per set there is one fit from one component (at most 100 laps), and then one from that fit on the
//! same rows with the two laps of MELTS, which is what an epoch of training costs.

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

mod planted;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use mixture::scores::adjusted_rand_index;
use mixture::{Moves, Settings, fit};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

struct Arguments {
    seed: u64,
    fit_seed: u64,
    rows: usize,
    write: Option<String>,
}

fn main() -> Result<()> {
    let arguments = arguments()?;
    println!(
        "{:<12} {:>5} {:>4} {:>4} {:>9} {:>9} {:>12} {:>5} {:>9} {:>9}",
        "set", "rows", "K", "found", "ARI", "best ARI", "ELBO", "laps", "fit, ms", "refit, ms"
    );
    let mut results = Vec::new();
    for set in planted::sets(arguments.rows, arguments.seed) {
        results.push(recover(&set, arguments.fit_seed)?);
    }
    if let Some(path) = arguments.write {
        let settings = settings();
        let seeds = [arguments.seed, arguments.fit_seed];
        let all = serde_json::json!({ "seeds": seeds, "settings": settings, "sets": results });
        std::fs::write(&path, all.to_string()).with_context(|| format!("write {path}"))?;
    }
    Ok(())
}

/// MELTS's prior, all moves, and time to converge.
fn settings() -> Settings {
    Settings { laps: 100, moves: Moves::ALL, ..Settings::melts() }
}

fn recover(set: &planted::Planted, fit_seed: u64) -> Result<serde_json::Value> {
    let mut rng = ChaCha8Rng::seed_from_u64(fit_seed);
    let begin = Instant::now();
    let (mixture, report) = fit(&set.data, set.dim, &settings(), None, &mut rng)?;
    let took = begin.elapsed();
    let begin = Instant::now();
    fit(&set.data, set.dim, &Settings::melts(), Some(&mixture), &mut rng)?;
    let again = begin.elapsed();

    let labels = mixture.labels(&set.data)?;
    let score = adjusted_rand_index(&labels, &set.classes)?;
    let best = adjusted_rand_index(&set.optimal, &set.classes)?;
    let bound = report.trace.last().context("a trace begins with the start")?.bound;
    println!(
        "{:<12} {:>5} {:>4} {:>5} {score:>9.4} {best:>9.4} {bound:>12.1} {:>5} {:>9.1} {:>9.1}",
        set.name,
        set.classes.len(),
        set.components,
        mixture.components(),
        report.laps,
        milliseconds(took),
        milliseconds(again),
    );
    Ok(serde_json::json!({
        "name": set.name, "dim": set.dim, "components": set.components, "data": set.data,
        "classes": set.classes, "optimal": set.optimal, "labels": labels, "bound": bound,
        "converged": report.converged, "laps": report.laps,
        "births": report.births, "merges": report.merges, "deletes": report.deletes,
        "found": mixture.components(), "seconds": took.as_secs_f64(), "refit_seconds": again.as_secs_f64(),
        "ari": score, "optimal_ari": best,
    }))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn arguments() -> Result<Arguments> {
    let mut arguments = Arguments { seed: 1, fit_seed: 1, rows: 4096, write: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("expected a value after {word}"))?;
        match word.as_str() {
            "--seed" => arguments.seed = value.parse()?,
            "--fit-seed" => arguments.fit_seed = value.parse()?,
            "--rows" => arguments.rows = value.parse()?,
            "--write" => arguments.write = Some(value),
            _ => bail!("expected --seed, --fit-seed, --rows or --write, got {word}"),
        }
    }
    Ok(arguments)
}
