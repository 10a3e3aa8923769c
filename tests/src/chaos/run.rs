//! One run under faults, from start to verdict.

use super::faults;
use super::plan::{Kind, Plan};
use super::recount::{self, Recount};
use super::verdict::{Counts, Happened, Verdict};
use super::watch::Watch;
use super::world::{Shape, World};
use anyhow::Context as _;
use proto::v1::{LearnerProgress, StatusReply};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Until the first update.
const BEGINNING: Duration = Duration::from_secs(90);
/// Until everybody has left in order.
const LEAVING: Duration = Duration::from_secs(10);
const GLANCE: Duration = Duration::from_millis(50);
/// The disk of experience log and checkpoints, for each minute of the run, MiB.
const DISK_PER_MINUTE: u64 = 96;

/// How long faults go on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Length {
    /// The last one begins before this is over.
    Time(Duration),
    /// So many.
    Faults(usize),
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Decides the schedule.
    pub seed: u64,
    /// How long.
    pub length: Length,
    /// What can go wrong.
    pub kinds: Vec<Kind>,
    /// Actors.
    pub actors: u32,
}

impl Options {
    /// Everything that can go wrong, against three actors.
    #[must_use]
    pub fn new(seed: u64, length: Length) -> Self {
        Self { seed, length, kinds: Kind::ALL.to_vec(), actors: 3 }
    }

    fn minutes(&self) -> u64 {
        match self.length {
            Length::Time(time) => time.as_secs().div_ceil(60),
            Length::Faults(faults) => faults.div_ceil(6) as u64,
        }
    }

    fn is_over(&self, faults: usize, now: Duration) -> bool {
        match self.length {
            Length::Time(time) => now >= time,
            Length::Faults(most) => faults >= most,
        }
    }
}

/// Runs, tells the timeline line by line, and judges.
///
/// # Errors
/// If the run could not even be started, or the machine does not do what it should.
pub async fn run(options: &Options, mut tell: impl FnMut(&str)) -> anyhow::Result<Verdict> {
    let folder = folder(options.seed)?;
    let world = Arc::new(World::start(shape(options), &folder).await?);
    let watching = CancellationToken::new();
    let watch = Watch::start(world.clone(), watching.clone());
    let begun = watch.until(BEGINNING, |status| learner(status).updates > 0).await;
    match begun {
        Some(after) => tell(&format!("{:>7.1} s  training", after.as_secs_f64())),
        None => watch.note(format!("expected a first update within {BEGINNING:?}, saw none")),
    }
    let mut happened = Vec::new();
    let began = watch.now();
    for step in Plan::new(options.seed, options.actors, &options.kinds) {
        if begun.is_none() || options.is_over(happened.len(), watch.now() - began) {
            break;
        }
        sleep(step.after).await;
        let at_s = watch.now().as_secs_f64();
        let broken = watch.broken().len();
        let outcome = faults::happen(step.fault, &world, &watch).await;
        let fault = step.fault.to_string();
        let outcome = outcome.with_context(|| fault.clone())?;
        if let faults::Outcome::Stuck { who, limit_s } = &outcome {
            watch.note(format!("{fault}: the {who} has got nothing done for {limit_s:.0} s"));
        }
        happened.push(Happened { at_s, fault, outcome });
        happened.last().into_iter().for_each(|it| tell(&it.to_string()));
        for news in watch.broken().iter().skip(broken) {
            tell(&format!("{:>7.1} s  BROKEN: {}", news.at_s, news.what));
        }
    }
    let last = learner(&watch.status().await);
    watching.cancel();
    let seconds = watch.now().as_secs_f64();
    let (counts, recount) = end(&world, &watch, last).await?;
    let mut verdict = Verdict {
        seed: options.seed,
        seconds,
        happened,
        broken: watch.broken(),
        counts,
        recount,
        lives: watch.seen(|seen| seen.lives().len()),
        peaks_mib: watch.seen(|seen| Verdict::peaks(seen.peaks())),
        folder: Some(folder.clone()),
    };
    if verdict.is_good() {
        fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
        verdict.folder = None;
    }
    Ok(verdict)
}

/// Tells everybody to leave, sees that they do, and reads what they have left.
async fn end(
    world: &World,
    watch: &Watch,
    last: LearnerProgress,
) -> anyhow::Result<(Counts, Option<Recount>)> {
    if let Err(error) = world.stop().await {
        watch.note(format!("the coordinator does not take the word to stop: {error:#}"));
    }
    let began = watch.now();
    let mut all = Vec::new();
    while !world.running().is_empty() && watch.now() - began < LEAVING {
        sleep(GLANCE).await;
        all.extend(world.ended());
    }
    for (who, status, said) in all.iter().filter(|(_, status, _)| !status.success()) {
        watch.note(format!("the {who} left with {status}: {said}"));
    }
    for who in world.running() {
        watch.note(format!("the {who} had not left {LEAVING:?} after it was told to"));
        world.kill(who)?;
    }
    for left in world.leftovers()? {
        watch.note(format!("left behind: {left}"));
    }
    let counts = counts(&world.run_dir().join("summary.json"), last, watch);
    Ok((counts, recounted(world, watch, counts)))
}

fn recounted(world: &World, watch: &Watch, counts: Counts) -> Option<Recount> {
    match recount::read(world.run_dir()) {
        Ok(recount) => {
            let Counts { stored, inserted, .. } = counts;
            let broken = watch.seen(|seen| recount.compare(stored, inserted, seen.lives()));
            broken.into_iter().for_each(|what| watch.note(what));
            Some(recount)
        }
        Err(error) => {
            watch.note(format!("the experience log cannot be read: {error:#}"));
            None
        }
    }
}

/// The counts of the summary, which is written when all have left; they must agree.
fn counts(summary: &Path, last: LearnerProgress, watch: &Watch) -> Counts {
    let text = fs::read_to_string(summary).unwrap_or_default();
    let summary: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let count = |key: &str, or: u64| summary[key].as_u64().unwrap_or(or);
    let counts = Counts {
        updates: count("updates", last.updates),
        stored: count("transitions_stored", 0),
        acknowledged: count("transitions_acknowledged", 0),
        duplicated: count("transitions_duplicated", 0),
        inserted: count("env_steps", last.transitions_inserted),
        discarded: last.transitions_discarded,
        refused: last.chunks_refused,
    };
    if let Err(error) = crate::summary::check_transitions(&summary) {
        watch.note(format!("at the end: {error:#}"));
    }
    counts
}

fn learner(status: &StatusReply) -> LearnerProgress {
    status.learner.clone().unwrap_or_default()
}

fn folder(seed: u64) -> anyhow::Result<PathBuf> {
    let name = format!("proteus-chaos-{}-s{seed}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    Ok(folder)
}

/// The quickstart without an end, small enough for any machine.
fn shape(options: &Options) -> Shape {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/quickstart.toml");
    let settings = [
        "budget.env_steps=1000000000",
        "actors.environments=4",
        "collection.initial_episodes=2",
        "collection.prior_episodes=1",
        "collection.posterior_episodes=2",
        "collection.extra_episodes=0",
        "collection.samples_per_insert=32.0",
        "evaluation.every_env_steps=20000",
        "evaluation.repeats=1",
        "learner.device=cpu",
        "learner.publish_every=20",
        "learner.checkpoint_seconds=3.0",
        "replay.segment_mib=1",
    ];
    let mut settings: Vec<String> = settings.map(str::to_owned).to_vec();
    settings.push(format!("seed={}", options.seed));
    settings.push(format!("actors.count={}", options.actors));
    let disk = options.kinds.contains(&Kind::FullDisk);
    let disk_mib = disk.then(|| 32 + DISK_PER_MINUTE * options.minutes());
    Shape { config, settings, actors: options.actors, disk_mib }
}
