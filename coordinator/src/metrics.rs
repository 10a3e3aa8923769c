//! What the coordinator tells a monitoring system: the run as a whole, so that scraping it alone
//! is enough for a dashboard.

use crate::scores::Scores;
use crate::server::Handle;
use crate::state::to_f64;
use proto::v1::{ActorStats, ActorStatus, LearnerProgress, StatusReply};
use runtime::metrics::{Health, Page, Source};
use std::fmt;

/// A run, seen from its coordinator.
#[derive(Debug)]
pub struct Told(pub Handle);

impl Source for Told {
    fn metrics(&self, page: &mut Page<'_>) -> fmt::Result {
        let status = self.0.status();
        run(page, &status)?;
        trials(page, &status)?;
        actors(page, &status.actors)
    }

    fn health(&self) -> Health {
        self.0.health()
    }
}

fn run(page: &mut Page<'_>, status: &StatusReply) -> fmt::Result {
    let learner = status.learner.clone().unwrap_or_default();
    let LearnerProgress { env_steps, updates, version, samples_per_insert, .. } = learner;
    let help = "Training transitions in the replay.";
    page.counter("proteus_coordinator_env_steps", help, to_f64(env_steps))?;
    let help = "Training transitions to collect.";
    page.gauge("proteus_coordinator_env_steps_budget", help, to_f64(status.env_steps_budget))?;
    page.counter("proteus_coordinator_updates", "Updates of the learner.", to_f64(updates))?;
    let help = "Newest version of the weights.";
    page.gauge("proteus_coordinator_weights_version", help, to_f64(version))?;
    let help = "Transitions sampled per transition inserted, so far.";
    page.gauge("proteus_coordinator_samples_per_insert_ratio", help, samples_per_insert)?;
    let help = "What limits the run, as status says.";
    page.gauges(
        "proteus_coordinator_bottleneck",
        help,
        ["limit"],
        [([status.limit.clone()], 1.0)],
    )?;
    let help = "Seconds within the window of the verdict, by who spent them on what.";
    let spent = status.spent.iter().map(|s| ([s.who.clone(), s.cause.clone()], s.seconds));
    page.gauges("proteus_coordinator_spent_seconds", help, ["who", "cause"], spent)?;
    let evaluation = status.newest_evaluation.as_ref();
    let scores = evaluation.map(|evaluation| Scores::of(evaluation, None)).unwrap_or_default();
    let returns = [("train", scores.train_return), ("test", scores.test_return)];
    let returns = returns.into_iter().filter_map(|(split, value)| Some(([split.into()], value?)));
    let help = "Return after adaptation in the newest evaluation.";
    page.gauges("proteus_coordinator_return", help, ["split"], returns)
}

fn trials(page: &mut Page<'_>, status: &StatusReply) -> fmt::Result {
    let open = [("waiting", status.trials_waiting), ("leased", status.trials_leased)];
    let help = "Trials that are not done.";
    page.gauges("proteus_coordinator_trials_open", help, ["state"], named(open))?;
    let over = [
        ("done", status.trials_done),
        ("failed", status.trials_failed),
        ("released", status.trials_released),
    ];
    let help = "Trials reported, failed among those, and taken back from dead actors.";
    page.counters("proteus_coordinator_trials", help, ["event"], named(over))
}

fn actors(page: &mut Page<'_>, actors: &[ActorStatus]) -> fmt::Result {
    let alive = actors.iter().filter(|actor| actor.alive).count() as u64;
    page.gauge("proteus_coordinator_actors", "Actors alive.", to_f64(alive))?;
    let each = |value: fn(&ActorStatus, &ActorStats) -> f64| {
        let living = actors.iter().filter(|actor| actor.alive);
        living.map(move |actor| {
            let key = actor.actor.unwrap_or_default();
            let stats = actor.stats.unwrap_or_default();
            ([key.actor.to_string()], value(actor, &stats))
        })
    };
    let help = "Environment steps of the actor's present life.";
    let steps = each(|_, stats| to_f64(stats.env_steps));
    page.counters("proteus_coordinator_actor_env_steps", help, ["actor"], steps)?;
    let help = "Versions that the actor's weights are behind.";
    let lag = each(|actor, _| to_f64(actor.lag));
    page.gauges("proteus_coordinator_actor_lag_versions", help, ["actor"], lag)?;
    let help = "Seconds since the actor was heard of.";
    let heard = each(|actor, _| actor.heartbeat_age_s);
    page.gauges("proteus_coordinator_actor_heartbeat_age_seconds", help, ["actor"], heard)?;
    let help = "Resident memory of the actor in bytes.";
    let memory = each(|_, stats| to_f64(stats.resident_bytes));
    page.gauges("proteus_coordinator_actor_resident_memory_bytes", help, ["actor"], memory)
}

fn named<const N: usize>(counts: [(&str, u64); N]) -> [([String; 1], f64); N] {
    counts.map(|(name, count)| ([name.to_owned()], to_f64(count)))
}
