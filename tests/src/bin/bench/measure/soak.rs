//! `soak`: resident memory of each process of a run over time.
//!
//! `coordinator train` with the quickstart, two actors, and a budget that does not end; the replay
//! is small and fills fast. The looking begins when the run does nothing any more that it has not
//! done before: the first segment of the experience log has been removed, for which the replay must
//! have been full and checkpoints written, and some time has passed since ([`SETTLE`]). Every few seconds the resident memory of the coordinator and of its children is read;
//! all readings go to a CSV file. What is printed is the growth: the median of the last tenth over
//! the median of the first tenth.

use crate::measure::figure::Figure;
use crate::measure::statistics::median;
use anyhow::{Context as _, bail, ensure};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tests::process::{Memory, Process, Signal, memory, program};

const BENCH: &str = "soak";
/// For the first segment of the log to go.
const WARM_UP: Duration = Duration::from_secs(900);
/// From then on until readings count.
const SETTLE: Duration = Duration::from_secs(180);
const EVERY: Duration = Duration::from_secs(5);
/// For learner and actors to appear.
const BEGIN: Duration = Duration::from_secs(30);
const LEAVE: Duration = Duration::from_secs(20);
const ACTORS: usize = 2;

const SETTINGS: [&str; 7] = [
    "budget.env_steps=1000000000000",
    "actors.count=2",
    "actors.environments=8",
    "collection.samples_per_insert=4",
    // The returns of so many evaluations are remembered that it would take half an hour.
    "evaluation.every_env_steps=2000",
    "replay.transitions_per_task=200",
    "replay.segment_mib=1",
];

/// Readings of one process: seconds since the start, and memory.
type Readings = Vec<(f64, Memory)>;

/// Measures and prints.
pub(crate) fn measure(minutes: f64) -> anyhow::Result<()> {
    let length = Duration::try_from_secs_f64(60.0 * minutes).context("--minutes")?;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build()?.block_on(soak(length))
}

async fn soak(length: Duration) -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("proteus-soak-{}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let mut run = start(&folder)?;
    let members = members(run.pid()).await?;
    let mut readings: BTreeMap<String, Readings> = BTreeMap::new();
    let start = Instant::now();
    let mut ticks = tokio::time::interval(EVERY);
    let first_segment = folder.join("run/experience/00000000.segment");
    let mut warm: Option<Duration> = None;
    while warm.is_none_or(|warm| start.elapsed() < warm + SETTLE + length) {
        if warm.is_none() && start.elapsed() > BEGIN && !first_segment.exists() {
            warm = Some(start.elapsed());
        }
        ensure!(
            warm.is_some() || start.elapsed() < WARM_UP,
            "expected {} to be removed within {WARM_UP:?}",
            first_segment.display()
        );
        ticks.tick().await;
        for (name, pid) in &members {
            let now = memory(*pid).with_context(|| format!("{name} has ended: {}", run.tail(5)))?;
            let at = start.elapsed().as_secs_f64();
            readings.entry(name.clone()).or_default().push((at, now));
        }
    }
    end(&mut run).await?;
    let csv = write(&readings)?;
    for (name, readings) in &readings {
        print(name, readings, warm.unwrap_or_default() + SETTLE, &csv)?;
    }
    fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))
}

fn start(folder: &Path) -> anyhow::Result<Process> {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/quickstart.toml");
    let run_dir = folder.join("run").display().to_string();
    let mut arguments =
        vec!["train".to_owned(), config.display().to_string(), "--quiet".to_owned()];
    arguments.extend(["--run-dir".to_owned(), run_dir]);
    arguments.extend(SETTINGS.iter().flat_map(|it| ["--set".to_owned(), (*it).to_owned()]));
    Process::start(&program("coordinator")?, arguments, &[], &folder.join("output.log"))
}

/// The coordinator and its children, by name.
async fn members(coordinator: u32) -> anyhow::Result<Vec<(String, u32)>> {
    let start = Instant::now();
    let mut ticks = tokio::time::interval(EVERY / 5);
    loop {
        ticks.tick().await;
        let children = children(coordinator)?;
        let count = |name: &str| children.iter().filter(|(is, _)| is == name).count();
        if (count("learner"), count("actor")) == (1, ACTORS) {
            let mut members = vec![("coordinator".to_owned(), coordinator)];
            let mut actors = 0;
            for (name, pid) in children {
                let is_actor = name == "actor";
                members.push((if is_actor { format!("actor {actors}") } else { name }, pid));
                actors += u32::from(is_actor);
            }
            return Ok(members);
        }
        ensure!(
            start.elapsed() < BEGIN,
            "expected a learner and {ACTORS} actors, got {children:?}"
        );
    }
}

/// Learners and actors that the process `parent` has started, with their ids.
fn children(parent: u32) -> anyhow::Result<Vec<(String, u32)>> {
    let path = format!("/proc/{parent}/task");
    let tasks = fs::read_dir(&path).with_context(|| format!("list {path}"))?;
    let mut found = Vec::new();
    for task in tasks {
        let text = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
        for pid in text.split_whitespace().filter_map(|pid| pid.parse().ok()) {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            if let name @ ("learner" | "actor") = name.trim() {
                found.push((name.to_owned(), pid));
            }
        }
    }
    found.sort_by_key(|(_, pid)| *pid);
    Ok(found)
}

async fn end(run: &mut Process) -> anyhow::Result<()> {
    run.signal(Signal::Terminate)?;
    let start = Instant::now();
    let mut ticks = tokio::time::interval(EVERY / 50);
    loop {
        ticks.tick().await;
        match run.ended()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => bail!("the run ended with {status}: {}", run.tail(10)),
            None => ensure!(start.elapsed() < LEAVE, "the run has not ended within {LEAVE:?}"),
        }
    }
}

fn write(readings: &BTreeMap<String, Readings>) -> anyhow::Result<PathBuf> {
    let mut text = "process,seconds,resident_bytes,anonymous_bytes\n".to_owned();
    for (name, readings) in readings {
        for (at, Memory { resident, anonymous }) in readings {
            writeln!(text, "{name},{at:.1},{resident},{anonymous}")?;
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/soak.csv");
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    Ok(path.canonicalize().unwrap_or(path))
}

/// Readings before `warm` do not count.
fn print(name: &str, readings: &Readings, warm: Duration, csv: &Path) -> anyhow::Result<()> {
    let settled: Vec<&(f64, Memory)> =
        readings.iter().filter(|(at, _)| *at >= warm.as_secs_f64()).collect();
    let tenth = (settled.len() / 10).max(1);
    ensure!(settled.len() >= 2 * tenth, "expected more than {} readings", settled.len());
    let mib = |of: fn(&Memory) -> u64, part: &[&(f64, Memory)]| {
        let values: Vec<f64> =
            part.iter().map(|(_, memory)| of(memory) as f64 / f64::from(1 << 20)).collect();
        median(&values)
    };
    let (first, last) = (&settled[..tenth], &settled[settled.len() - tenth..]);
    let resident = |part| mib(|memory| memory.resident, part);
    let anonymous = |part| mib(|memory| memory.anonymous, part);
    let (from, to) = (resident(first), resident(last));
    let detail = json!({
        "warm_after_s": warm.as_secs_f64(), "minutes": settled.len() as f64 * EVERY.as_secs_f64() / 60.0, "from_mib": from, "to_mib": to,
        "anonymous_from_mib": anonymous(first), "anonymous_to_mib": anonymous(last),
        "readings": settled.len(), "target_percent": 2, "csv": csv,
    });
    let growth = 100.0 * (to / from - 1.0);
    Figure::new(BENCH, format!("{name}, growth of resident memory"), "%", &[growth])
        .with(detail)
        .print()
}
