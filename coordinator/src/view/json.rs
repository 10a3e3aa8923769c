//! A run as JSON. Pure.

use super::text::learner;
use super::troubles;
use crate::scores::Scores;
use proto::v1::{ActorStatus, LearnerProgress, StatusReply, TaskStatus};
use serde_json::{Map, Value, json};

/// All of a status, for programs.
#[must_use]
pub fn whole(status: &StatusReply, scores: Option<&Scores>) -> Value {
    let learner = learner(status);
    json!({
        "experiment": status.experiment,
        "family": status.family,
        "run_dir": status.run_dir,
        "uptime_s": status.uptime_s,
        "stopping": status.stopping,
        "env_steps_budget": status.env_steps_budget,
        "env_steps_per_s": status.env_steps_per_s,
        "updates_per_s": status.updates_per_s,
        "limit": status.limit,
        "bottleneck": status.bottleneck,
        "spent": spent(status),
        "quarantined": troubles::json(&status.quarantined),
        "disk": status.disk,
        "learner_lives": status.learner_lives,
        "eval": scores,
        "tasks": status.tasks.iter().map(task).collect::<Vec<_>>(),
        "limiter": {
            "samples_per_insert": learner.samples_per_insert,
            "target": status.samples_per_insert_target,
            "tolerance": status.tolerance,
        },
        "checkpoint": {
            "updates": learner.checkpoint_updates,
            "age_s": status.checkpoint_age_s,
        },
        "log": status.log,
        "trials": {
            "waiting": status.trials_waiting,
            "leased": status.trials_leased,
            "done": status.trials_done,
            "failed": status.trials_failed,
            "released": status.trials_released,
        },
        "learner": of_learner(learner),
        "actors": status.actors.iter().map(actor).collect::<Vec<_>>(),
    })
}

fn of_learner(learner: LearnerProgress) -> Value {
    json!({
        "phase": learner.phase,
        "device": learner.device,
        "env_steps": learner.env_steps,
        "updates": learner.updates,
        "version": learner.version,
        "samples_per_insert": learner.samples_per_insert,
        "transitions_stored": learner.transitions_stored,
        "transitions_acknowledged": learner.transitions_acknowledged,
        "transitions_duplicated": learner.transitions_duplicated,
        "transitions_inserted": learner.transitions_inserted,
        "transitions_discarded": learner.transitions_discarded,
        "log_bytes": learner.log_bytes,
        "chunks_refused": learner.chunks_refused,
        "resident_bytes": learner.resident_bytes,
        "paused": learner.paused,
        "failure": learner.failure,
        "metrics": learner.metrics,
    })
}

/// Seconds by who and cause, with the window they are from.
fn spent(status: &StatusReply) -> Value {
    let mut of = Map::new();
    for spent in &status.spent {
        let whose = of.entry(spent.who.clone()).or_insert_with(|| json!({}));
        whose[&spent.cause] = spent.seconds.into();
    }
    of.insert("window_s".to_owned(), status.spent_window_s.into());
    Value::Object(of)
}

fn task(task: &TaskStatus) -> Value {
    let named = task.task.unwrap_or_default();
    let split = if named.split == 1 { "train" } else { "test" };
    json!({
        "split": split,
        "index": named.index,
        "return": task.returns.last(),
        "failed": task.failed,
    })
}

fn actor(actor: &ActorStatus) -> Value {
    let key = actor.actor.unwrap_or_default();
    let stats = actor.stats.unwrap_or_default();
    json!({
        "actor": key.actor,
        "incarnation": key.incarnation,
        "host": actor.host,
        "pid": actor.pid,
        "alive": actor.alive,
        "lag": actor.lag,
        "heartbeat_age_s": actor.heartbeat_age_s,
        "env_steps_per_s": actor.env_steps_per_s,
        "env_steps": stats.env_steps,
        "transitions_sent": stats.transitions_sent,
        "transitions_acknowledged": stats.transitions_acknowledged,
        "trials_done": stats.trials_done,
        "trials_failed": stats.trials_failed,
        "version": stats.version,
        "waited_lease_s": stats.waited_lease_s,
        "waited_upload_s": stats.waited_upload_s,
        "waited_weights_s": stats.waited_weights_s,
        "resident_bytes": stats.resident_bytes,
        "reconnects": stats.reconnects,
    })
}
