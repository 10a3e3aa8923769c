//! `cargo xtask bench`: runs the measuring programs and sets each figure beside its reference.
//!
//! A measuring program prints one [`collect::Line`] per figure, as JSON, on standard output. Ours is the binary
//! `bench` of the package `tests`: `bench --list` prints the names it knows, one per line, and
//! `bench NAME` measures that one. Environments alone are measured by `envs/examples/speed.rs`. Those
//! of other systems are in `xtask/peers/`.

mod collect;
mod environments;
mod machine;
mod peers;
mod report;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::setup::{self, Scope};
use crate::{cargo, shell, workspace};
use collect::Collection;
use peers::Pair;
use report::Report;

/// The name that asks for other systems to be measured as well.
const PEERS: &str = "peers";

/// The name that asks for environments alone, beside those of others.
const ENVIRONMENTS: &str = "envs";

/// Takes so long that it is measured once, and only when it is named.
const LONG: &str = "soak";

/// How figures are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One JSON object, for programs.
    Json,
}

/// What to measure.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Names of benches; none means all of ours.
    pub(crate) names: Vec<String>,
    /// How often each is measured; medians are shown.
    pub(crate) repeats: usize,
    /// How long [`LONG`] looks on.
    pub(crate) minutes: f64,
    pub(crate) format: Format,
}

impl Plan {
    fn wants(&self, name: &str) -> bool {
        self.names.iter().any(|wanted| wanted == name)
    }
}

/// One program that measures.
#[derive(Debug)]
struct Program {
    name: String,
    file: PathBuf,
    arguments: Vec<OsString>,
    /// Where it runs, and leaves what logs it writes.
    folder: PathBuf,
}

/// Measures and prints.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    setup::run(Scope::Cpu)?;
    let (mut programs, mut pairs) = (Vec::new(), Vec::new());
    if plan.wants(PEERS) {
        pairs = peers::pairs()?;
    }
    if plan.names.is_empty() || plan.names.iter().any(|name| name != ENVIRONMENTS) {
        cargo::build(&[&cargo::PROCESSES[..], &["tests"]].concat())?;
        programs = ours(plan, &pairs)?;
    }
    if plan.wants(PEERS) {
        programs.extend(peers::programs()?);
    }
    if plan.wants(ENVIRONMENTS) {
        pairs.extend(environments::pairs()?);
        programs.extend(environments::programs()?);
    }
    let collection = measure(plan.repeats, &programs)?;
    let report = Report::new(machine::describe(), plan.repeats, &collection, &pairs);
    let text = match plan.format {
        Format::Table => report.table(),
        Format::Json => report.json()?,
    };
    io::stdout().lock().write_all(text.as_bytes()).context("cannot write the figures")
}

/// Our own benches: those named, those the peers are compared with, or all.
fn ours(plan: &Plan, pairs: &[Pair]) -> Result<Vec<Program>> {
    let file = cargo::binary("bench")?;
    let listed = shell::read(Command::new(&file).arg("--list"))?;
    let known: Vec<&str> = listed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let chosen = choose(&plan.names, pairs, &known)?;
    let folder = workspace::root()?;
    let arguments = |name: &str| match name {
        LONG => vec![name.into(), "--minutes".into(), plan.minutes.to_string().into()],
        _ => vec![name.into()],
    };
    let program = |name: String| Program {
        arguments: arguments(&name),
        name,
        file: file.clone(),
        folder: folder.clone(),
    };
    Ok(chosen.into_iter().map(program).collect())
}

fn choose(names: &[String], pairs: &[Pair], known: &[&str]) -> Result<Vec<String>> {
    let compared = pairs.iter().map(|pair| pair.bench.as_str());
    let others = [PEERS, ENVIRONMENTS];
    let named = names.iter().map(String::as_str).filter(|name| !others.contains(name));
    let mut chosen: Vec<String> = Vec::new();
    for name in named.chain(compared) {
        if !known.contains(&name) {
            bail!(
                "expected a bench out of {}, {PEERS}, {ENVIRONMENTS}; got {name:?}",
                known.join(", ")
            );
        }
        if !chosen.iter().any(|have| have == name) {
            chosen.push(name.to_owned());
        }
    }
    if chosen.is_empty() {
        let all = known.iter().filter(|name| **name != LONG);
        chosen = all.map(|name| (*name).to_owned()).collect();
    }
    Ok(chosen)
}

/// Runs every program `repeats` times, in turns, so that a slow minute of the machine hits all alike.
fn measure(repeats: usize, programs: &[Program]) -> Result<Collection> {
    let mut collection = Collection::default();
    for repeat in 1..=repeats {
        for program in programs.iter().filter(|program| repeat == 1 || program.name != LONG) {
            eprintln!("bench: {} ({repeat} of {repeats})", program.name);
            let printed = program.printed()?;
            for remark in collection.take(&printed).with_context(|| program.name.clone())? {
                eprintln!("bench: {}: {remark}", program.name);
            }
        }
    }
    Ok(collection)
}

impl Program {
    fn printed(&self) -> Result<String> {
        let mut command = Command::new(&self.file);
        command.args(&self.arguments).current_dir(&self.folder);
        let line = shell::shown(&command);
        let output = command
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start `{line}`"))?;
        if !output.status.success() {
            bail!("`{line}` failed ({}); its own message is above", output.status);
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(names: &[&str]) -> Result<Vec<String>> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        choose(&names, &[], &["actor", "ingest", LONG])
    }

    #[test]
    fn no_name_means_all_and_a_wrong_one_is_refused_with_the_list() {
        assert_eq!(chosen(&[]).unwrap(), ["actor", "ingest"]);
        assert_eq!(chosen(&["ingest", "ingest"]).unwrap(), ["ingest"]);
        assert_eq!(chosen(&[LONG]).unwrap(), [LONG]);
        let error = chosen(&["inges"]).unwrap_err().to_string();
        assert!(error.contains("actor, ingest, soak") && error.contains("inges"), "{error}");
    }

    #[test]
    fn a_bench_that_a_peer_is_compared_with_runs_with_it() {
        let pairs = peers::pairs().unwrap();
        let names = ["peers".to_owned()];
        let known = ["actor", "encoders", "ingest", "learner", "start"];
        let chosen = choose(&names, &pairs, &known).unwrap();
        assert!(chosen.contains(&"actor".to_owned()) && !chosen.contains(&"ingest".to_owned()));
    }
}
