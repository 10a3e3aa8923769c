//! A run in words. Pure.

use super::troubles;
use crate::scores::Scores;
use crate::state::to_f64;
use crate::status::mean_lag;
use proto::v1::{ActorStatus, LearnerProgress, StatusReply, TaskStatus};
use std::fmt::Write as _;

/// Actors listed by `status`; of more, those that are dead or lag most come first.
const LISTED: usize = 24;
/// Lines of the log on that page; `--watch` has more.
const LOGGED: usize = 5;
/// Tasks beside each other on that page.
const TASKS_PER_ROW: usize = 6;

/// A number as short as it may be: `12`, `1.23`, `-0.012`, `1.2e9`.
#[must_use]
pub fn short(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        value.to_string()
    } else if size >= 1e7 {
        format!("{value:.2e}")
    } else if size >= 100.0 || value == 0.0 {
        format!("{value:.0}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

/// `-12.3`, or `–` if there is none.
#[must_use]
pub fn maybe(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), short)
}

/// `12,345`
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 h 02 min`, `3 min 04 s`, `5.6 s`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = std::time::Duration::from_secs_f64(seconds.min(1e15)).as_secs();
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

/// The scores of an evaluation.
#[must_use]
pub fn scores(scores: &Scores) -> String {
    let mut text =
        format!("train {}, test {}", maybe(scores.train_return), maybe(scores.test_return));
    if let Some(first) = scores.test_first {
        text.push_str(&format!(" (before adaptation {})", short(first)));
    }
    if let Some(normalised) = scores.test_normalised {
        text.push_str(&format!(", normalised {normalised:.3}"));
    }
    if let (Some(purity), Some(rand)) = (scores.purity, scores.adjusted_rand) {
        text.push_str(&format!("; clusters: purity {purity:.2}, adjusted Rand index {rand:.2}"));
    }
    text
}

/// Speeds and ratios.
#[must_use]
pub fn speeds(status: &StatusReply) -> String {
    let learner = learner(status);
    format!(
        "{} env steps/s, {} updates/s, {} samples per insert, lag {} versions",
        short(status.env_steps_per_s),
        short(status.updates_per_s),
        short(learner.samples_per_insert),
        short(mean_lag(status)),
    )
}

/// Who is there.
#[must_use]
pub fn members(status: &StatusReply) -> String {
    let alive = status.actors.iter().filter(|actor| actor.alive).count();
    let learner = learner(status);
    let device = match learner.device.as_str() {
        "" => String::new(),
        device => format!(" on {device}"),
    };
    let stopping = if status.stopping { ", stopping" } else { "" };
    let plural = if alive == 1 { "" } else { "s" };
    format!(
        "{}{device}, {} updates, version {}, {alive} actor{plural} alive{stopping}",
        learner.phase, learner.updates, learner.version
    )
}

/// One quiet line, in pairs that are easy to take apart.
#[must_use]
pub fn quiet(status: &StatusReply, scores: Option<&Scores>) -> String {
    let learner = learner(status);
    let alive = status.actors.iter().filter(|actor| actor.alive).count();
    let limit = &status.limit;
    let mut line = format!(
        "wall_s={:.0} phase={} env_steps={}/{} updates={} env_steps_per_s={} updates_per_s={} \
         samples_per_insert={} lag={} actors={alive} bottleneck={limit}",
        status.uptime_s,
        learner.phase,
        learner.env_steps,
        status.env_steps_budget,
        learner.updates,
        short(status.env_steps_per_s),
        short(status.updates_per_s),
        short(learner.samples_per_insert),
        short(mean_lag(status)),
    );
    if let Some(scores) = scores {
        push_scores(&mut line, scores);
    }
    line
}

/// One line about an evaluation, in pairs.
#[must_use]
pub fn evaluation(wall_s: f64, env_steps: u64, updates: u64, scores: &Scores) -> String {
    let mut line = format!("wall_s={wall_s:.0} evaluation env_steps={env_steps} updates={updates}");
    push_scores(&mut line, scores);
    line
}

fn push_scores(line: &mut String, scores: &Scores) {
    let pairs = [
        ("train_return", scores.train_return),
        ("test_return", scores.test_return),
        ("test_normalised", scores.test_normalised),
        ("purity", scores.purity),
        ("adjusted_rand", scores.adjusted_rand),
    ];
    for (name, value) in pairs {
        if let Some(value) = value {
            line.push_str(&format!(" {name}={value:.3}"));
        }
    }
}

/// The page of `coordinator status`.
#[must_use]
pub fn page(status: &StatusReply, scores: Option<&Scores>) -> String {
    let mut page = String::new();
    for (name, value) in rows(status, scores) {
        page.push_str(&format!("{name:<11} {value}\n"));
    }
    page.push_str(&troubles::page(status));
    page.push_str(&tasks(&status.tasks));
    page.push_str(&actors(&status.actors));
    page
}

fn rows(status: &StatusReply, scores: Option<&Scores>) -> Vec<(&'static str, String)> {
    let learner = learner(status);
    let up = duration(status.uptime_s);
    let budget = status.env_steps_budget;
    let percent = 100.0 * to_f64(learner.env_steps) / to_f64(budget.max(1));
    let returns = scores.map_or_else(|| "not evaluated yet".to_owned(), self::scores);
    let trials = format!(
        "{} waiting, {} leased, {} done, {} failed, {} leased again",
        status.trials_waiting,
        status.trials_leased,
        status.trials_done,
        status.trials_failed,
        status.trials_released
    );
    let mut rows = vec![
        ("run", format!("{} on {}, up {up}", status.experiment, status.family)),
        ("directory", status.run_dir.clone()),
        ("learner", members(status)),
        ("env steps", format!("{} of {budget} ({percent:.0} %)", learner.env_steps)),
        ("return", returns),
        ("speed", speeds(status)),
        ("limiter", limiter(status)),
        ("trials", trials),
        ("experience", experience(&learner)),
        ("checkpoint", checkpoint(status)),
        ("bottleneck", status.bottleneck.clone()),
    ];
    if !learner.paused.is_empty() {
        rows.push(("paused", learner.paused.clone()));
    }
    rows.extend(status.log.iter().rev().take(LOGGED).rev().map(|line| ("log", line.clone())));
    rows
}

/// How the ratio is held.
#[must_use]
pub fn limiter(status: &StatusReply) -> String {
    let learner = learner(status);
    let ahead = learner.metrics.get("collection_ahead");
    let ahead = ahead.map_or_else(String::new, |ahead| format!(", {} ahead", short(*ahead)));
    format!(
        "{} samples per insert of {}{ahead}; collection may run {} transitions ahead",
        short(learner.samples_per_insert),
        short(status.samples_per_insert_target),
        status.tolerance
    )
}

/// What the replay and its log hold.
#[must_use]
pub fn experience(learner: &LearnerProgress) -> String {
    format!(
        "{} transitions stored, {} inserted, {} discarded, {} duplicates dropped, {} chunks \
         refused, log {}",
        learner.transitions_stored,
        learner.transitions_inserted,
        learner.transitions_discarded,
        learner.transitions_duplicated,
        learner.chunks_refused,
        mebibytes(learner.log_bytes)
    )
}

/// How much work would be lost now.
#[must_use]
pub fn checkpoint(status: &StatusReply) -> String {
    let learner = learner(status);
    match status.checkpoint_age_s {
        None => "none yet".to_owned(),
        Some(age) => format!("at update {}, {} ago", learner.checkpoint_updates, duration(age)),
    }
}

/// `12.3 MiB`
#[must_use]
pub fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", to_f64(bytes) / 1_048_576.0)
}

/// The newest return of every evaluated task, and its failed trials.
fn tasks(tasks: &[TaskStatus]) -> String {
    let mut table = String::new();
    for (split, name) in [(1, "train tasks"), (2, "test tasks")] {
        let of_split = tasks.iter().filter(|t| t.task.is_some_and(|task| task.split == split));
        let cells: Vec<String> = of_split.map(task).collect();
        for (index, row) in cells.chunks(TASKS_PER_ROW).enumerate() {
            let name = if index == 0 { name } else { "" };
            table.push_str(&format!("{name:<11} {}\n", row.concat().trim_end()));
        }
    }
    table
}

fn task(task: &TaskStatus) -> String {
    let index = task.task.map_or(0, |task| task.index);
    let newest = maybe(task.returns.last().copied());
    let failed = match task.failed {
        0 => String::new(),
        failed => format!(" ({failed} failed)"),
    };
    format!("{:<16}", format!("{index}: {newest}{failed} "))
}

fn actors(all: &[ActorStatus]) -> String {
    if all.is_empty() {
        return "actors      none have registered\n".to_owned();
    }
    let mut listed: Vec<&ActorStatus> = all.iter().collect();
    listed.sort_by_key(|actor| (actor.alive, std::cmp::Reverse(actor.lag)));
    listed.truncate(LISTED);
    listed.sort_by_key(|actor| actor.actor.map(|key| key.actor));
    let mut table = format!(
        "\n{:>5} {:>4} {:<6} {:<20} {:>8} {:>10} {:>5} {:>9} {:>7}\n",
        "actor", "life", "state", "host:pid", "steps/s", "steps", "lag", "heard", "MiB"
    );
    for actor in &listed {
        table.push_str(&actor_row(actor));
    }
    let left = all.len() - listed.len();
    if left > 0 {
        table.push_str(&format!("  … and {left} more; --json lists all\n"));
    }
    table
}

fn actor_row(actor: &ActorStatus) -> String {
    let key = actor.actor.unwrap_or_default();
    let stats = actor.stats.unwrap_or_default();
    let state = if actor.alive { "alive" } else { "dead" };
    let place = format!("{}:{}", actor.host, actor.pid);
    let mut row = String::new();
    let written = writeln!(
        row,
        "{:>5} {:>4} {state:<6} {place:<20} {:>8} {:>10} {:>5} {:>7.1} s {:>7.1}",
        key.actor,
        key.incarnation,
        short(actor.env_steps_per_s),
        stats.env_steps,
        actor.lag,
        actor.heartbeat_age_s,
        to_f64(stats.resident_bytes) / 1_048_576.0,
    );
    debug_assert!(written.is_ok(), "writing to a string does not fail");
    row
}

pub(super) fn learner(status: &StatusReply) -> LearnerProgress {
    status.learner.clone().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_are_short() {
        let numbers = [0.0, 0.0123, -1.234, 99.0, 12345.6, 3e9].map(short);
        assert_eq!(numbers, ["0", "0.012", "-1.23", "99.00", "12346", "3.00e9"]);
        let durations = [5.64, 64.0, 3720.0].map(duration);
        assert_eq!(durations, ["5.6 s", "1 min 04 s", "1 h 02 min"]);
    }
}
