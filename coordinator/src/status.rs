//! A picture of the run for users.

use crate::bottleneck::{Limit, Verdict};
use crate::registry::{Life, Now};
use crate::state::{State, to_f64};
use crate::tasks::History;
use proto::v1::{ActorStatus, StatusReply};
use runtime::metrics::Health;
use types::Version;

/// What does not change during a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// Name of the experiment.
    pub experiment: String,
    /// Name of the task family.
    pub family: String,
    /// Where everything is written.
    pub run_dir: String,
    /// Training transitions to collect.
    pub env_steps_budget: u64,
    /// Samples per insert to be held.
    pub samples_per_insert: f64,
    /// Transitions by which collection may run ahead.
    pub tolerance: u64,
}

impl State {
    /// The picture, now.
    #[must_use]
    pub fn status(&self, about: &About, history: History, now: Now) -> StatusReply {
        let verdict = self.verdict(now);
        let counts = self.trials.counts();
        let alive = self.registry.alive().map(|life| self.actor(life, true, now));
        // Of an empty place, the last life.
        let empty = self.registry.ended().filter(|life| {
            let place = life.key.actor;
            let newest = self.actor_steps.get(&place).map(|(newest, _)| *newest);
            newest == Some(life.key.incarnation)
        });
        let dead = empty.map(|life| self.actor(life, false, now));
        let mut actors: Vec<ActorStatus> = alive.chain(dead).collect();
        actors.sort_by_key(|actor| actor.actor.map(|key| key.actor));
        StatusReply {
            experiment: about.experiment.clone(),
            run_dir: about.run_dir.clone(),
            uptime_s: now.as_secs_f64(),
            learner: Some(self.progress.clone()),
            actors,
            trials_waiting: counts.waiting,
            trials_leased: counts.leased,
            trials_done: counts.done,
            trials_failed: counts.failed,
            trials_released: counts.released,
            bottleneck: verdict.line(),
            limit: verdict.limit.name().to_owned(),
            spent_window_s: verdict.seconds,
            spent: verdict.spent(),
            samples_per_insert_target: about.samples_per_insert,
            tolerance: about.tolerance,
            checkpoint_age_s: self.checkpoint.map(|at| now.saturating_sub(at).as_secs_f64()),
            tasks: self.tasks.status(history, &self.quarantine.all()),
            log: Vec::new(),
            env_steps_per_s: self.env_steps.per_second(now),
            updates_per_s: self.updates.per_second(now),
            newest_evaluation: self.newest_evaluation.clone(),
            env_steps_budget: about.env_steps_budget,
            family: about.family.clone(),
            stopping: self.stopping.is_some(),
            quarantined: self.quarantine.told(),
            disk: String::new(),
            learner_lives: self.seat.lives(),
        }
    }

    /// What limits the run: what the counters say, unless something is amiss that no counter shows.
    fn verdict(&self, now: Now) -> Verdict {
        let verdict = self.bottleneck.verdict();
        if self.stopping.is_some() {
            return Verdict { limit: Limit::Stopping, ..verdict };
        }
        if let Some(silence) = self.silence(now) {
            return verdict.instead(Limit::NoLearner, silence);
        }
        if self.seat.learner().is_none() {
            return verdict.instead(Limit::NoLearner, "none has joined the run".to_owned());
        }
        if self.progress.phase == "starting" {
            return Verdict { limit: Limit::Starting, ..verdict };
        }
        if !self.progress.paused.is_empty() {
            let why = self.progress.paused.clone();
            return verdict.instead(Limit::Paused, why);
        }
        if self.registry.count() == 0 {
            return Verdict { limit: Limit::NoActors, ..verdict };
        }
        verdict
    }

    /// Whether the run has all it needs.
    pub(crate) fn health(&self, now: Now) -> Health {
        if self.progress.phase == "failed" {
            return Health::Bad(format!("the learner failed: {}", self.progress.failure));
        }
        if self.seat.learner().is_none() {
            return Health::Bad("no learner has joined the run".to_owned());
        }
        match self.silence(now).filter(|_| self.stopping.is_none()) {
            Some(silence) => Health::Bad(silence),
            None => Health::Good,
        }
    }

    /// What there is to say of a learner that does not answer.
    fn silence(&self, now: Now) -> Option<String> {
        let why = self.seat.explain(now)?;
        let patience = self.rules.learner_timeout.as_secs_f64();
        Some(format!("{why}; the run waits {patience:.0} s for one"))
    }

    fn actor(&self, life: &Life, alive: bool, now: Now) -> ActorStatus {
        let rate = self
            .actor_steps
            .get(&life.key.actor)
            .filter(|(incarnation, _)| alive && *incarnation == life.key.incarnation)
            .map_or(0.0, |(_, rate)| rate.per_second(now));
        let newest = Version(self.progress.version);
        ActorStatus {
            actor: Some(proto::convert::actor_key(life.key.actor, life.key.incarnation)),
            host: life.host.clone(),
            pid: life.pid,
            stats: Some(life.stats),
            lag: Version(life.stats.version).lag_behind(newest),
            heartbeat_age_s: now.saturating_sub(life.heard).as_secs_f64(),
            alive,
            env_steps_per_s: rate,
        }
    }
}

/// Average lag of the living actors, in versions; 0 without any.
#[must_use]
pub fn mean_lag(status: &StatusReply) -> f64 {
    let lags: Vec<f64> =
        status.actors.iter().filter(|actor| actor.alive).map(|actor| to_f64(actor.lag)).collect();
    lags.iter().fold(0.0, |sum, lag| sum + lag) / to_f64(lags.len().max(1) as u64)
}
