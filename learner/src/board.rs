//! What a learner tells a monitoring system: what it last told the coordinator, and how old the
//! weights were that made its experience.

use crate::replay::Store;
use parking_lot::Mutex;
use proto::v1::LearnerProgress;
use runtime::metrics::{Health, Page, Source};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Without an answer of the coordinator for longer, a learner is not well: it reports twice a
/// second.
const PATIENCE: Duration = Duration::from_secs(10);

/// What time is spent on, and the metric that says how much.
const SPENT: [(&str, &str); 6] = [
    ("data", "waited_data_s"),
    ("sample", "sample_s"),
    ("update", "update_s"),
    ("publish", "publish_s"),
    ("checkpoint", "checkpoint_s"),
    ("store", "store_s"),
];

/// Shows the newest report.
#[derive(Debug, Default)]
pub struct Board {
    store: OnceLock<Arc<Store>>,
    newest: Mutex<Newest>,
}

#[derive(Debug, Clone, Default)]
struct Newest {
    report: LearnerProgress,
    /// When the coordinator last answered.
    answered: Option<Instant>,
}

impl Board {
    /// The replay is there.
    pub(crate) fn begin(&self, store: Arc<Store>) {
        drop(self.store.set(store));
    }

    /// This is about to be told to the coordinator.
    pub(crate) fn show(&self, report: &LearnerProgress) {
        // Sums per actor are the coordinator's business.
        let report = LearnerProgress { stored: Vec::new(), ..report.clone() };
        self.newest.lock().report = report;
    }

    /// The coordinator has answered.
    pub(crate) fn answered(&self) {
        self.newest.lock().answered = Some(Instant::now());
    }
}

impl Source for Board {
    fn metrics(&self, page: &mut Page<'_>) -> fmt::Result {
        let report = self.newest.lock().report.clone();
        counts(page, &report)?;
        state(page, &report)?;
        let seconds = SPENT.iter().filter_map(|(cause, metric)| {
            Some(([(*cause).to_owned()], *report.metrics.get(*metric)?))
        });
        let help = "Seconds by what they were spent on.";
        page.counters("proteus_learner_spent_seconds", help, ["cause"], seconds)?;
        let losses = report
            .metrics
            .iter()
            .filter_map(|(name, loss)| Some(([name.strip_prefix("loss/")?.to_owned()], *loss)));
        let help = "Newest losses, averages over the updates since the report before.";
        page.gauges("proteus_learner_loss", help, ["loss"], sorted(losses))?;
        match self.store.get() {
            None => Ok(()),
            Some(store) => {
                let help = "Versions that the policy was behind, per transition stored.";
                page.histogram("proteus_learner_lag_versions", help, store.lag())
            }
        }
    }

    fn health(&self) -> Health {
        let Newest { report, answered } = self.newest.lock().clone();
        let Some(answered) = answered else {
            return Health::Bad("no coordinator has taken a report yet".to_owned());
        };
        let silent = answered.elapsed();
        if !report.failure.is_empty() {
            Health::Bad(format!("training has failed: {}", report.failure))
        } else if !report.paused.is_empty() {
            Health::Bad(format!("training pauses: {}", report.paused))
        } else if silent > PATIENCE {
            Health::Bad(format!("the coordinator has not answered for {} s", silent.as_secs()))
        } else {
            Health::Good
        }
    }
}

/// Series keep their order from one look to the next.
fn sorted(values: impl Iterator<Item = ([String; 1], f64)>) -> Vec<([String; 1], f64)> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(|a, b| a.0.cmp(&b.0));
    values
}

fn counts(page: &mut Page<'_>, report: &LearnerProgress) -> fmt::Result {
    let counters = [
        ("env_steps", "Training transitions in the replay.", report.env_steps),
        ("updates", "Updates.", report.updates),
        ("transitions_stored", "Transitions in the log.", report.transitions_stored),
        (
            "transitions_acknowledged",
            "Transitions told to be safe.",
            report.transitions_acknowledged,
        ),
        ("transitions_inserted", "Transitions learned from.", report.transitions_inserted),
        (
            "transitions_discarded",
            "Transitions of attempts not used.",
            report.transitions_discarded,
        ),
        ("transitions_duplicated", "Transitions sent twice.", report.transitions_duplicated),
        ("chunks_refused", "Chunks refused.", report.chunks_refused),
    ];
    for (name, help, count) in counters {
        page.counter(&format!("proteus_learner_{name}"), help, number(count))?;
    }
    Ok(())
}

fn state(page: &mut Page<'_>, report: &LearnerProgress) -> fmt::Result {
    let paused = u64::from(!report.paused.is_empty());
    let gauges = [
        ("weights_version", "Newest version published.", number(report.version)),
        ("samples_per_insert_ratio", "Held so far.", report.samples_per_insert),
        ("experience_log_bytes", "Log on disk in bytes.", number(report.log_bytes)),
        (
            "checkpoint_updates",
            "Updates at the newest checkpoint.",
            number(report.checkpoint_updates),
        ),
        ("paused", "Whether training pauses.", number(paused)),
    ];
    for (name, help, value) in gauges {
        page.gauge(&format!("proteus_learner_{name}"), help, value)?;
    }
    Ok(())
}

/// Exact up to 2^53.
#[allow(clippy::cast_precision_loss, reason = "counters stay far below 2^53")]
fn number(counter: u64) -> f64 {
    counter as f64
}
