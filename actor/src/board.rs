//! What an actor process tells a monitoring system, over all its lives.

use crate::stats::{Contact, Stats};
use crate::upload::Spool;
use parking_lot::Mutex;
use proto::v1::ActorStats;
use runtime::metrics::{Health, Page, Source};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Without the learner for longer, an actor is not well: its spool is full, or soon will be.
const PATIENCE: Duration = Duration::from_secs(10);

/// Shows the life that goes on, and the sums over those before.
#[derive(Debug, Default)]
pub struct Board {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    before: ActorStats,
    life: Option<(Arc<Stats>, Arc<Spool>)>,
}

impl Board {
    /// A life begins.
    pub(crate) fn begin(&self, stats: Arc<Stats>, spool: Arc<Spool>) {
        self.state.lock().life = Some((stats, spool));
    }

    /// It is over.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        if let Some((stats, _)) = state.life.take() {
            state.before = sum(state.before, stats.snapshot());
        }
    }
}

impl Source for Board {
    fn metrics(&self, page: &mut Page<'_>) -> fmt::Result {
        let (stats, contact, spooled) = {
            let state = self.state.lock();
            match &state.life {
                None => (state.before, Contact::default(), 0),
                Some((stats, spool)) => {
                    (sum(state.before, stats.snapshot()), stats.contact(), spool.left().0)
                }
            }
        };
        let steps = "Environment steps, of training and evaluation.";
        page.counter("proteus_actor_env_steps", steps, number(stats.env_steps))?;
        let sent = "Training transitions handed to the upload.";
        page.counter("proteus_actor_transitions_sent", sent, number(stats.transitions_sent))?;
        let acknowledged = "Training transitions that the learner has stored.";
        let count = number(stats.transitions_acknowledged);
        page.counter("proteus_actor_transitions_acknowledged", acknowledged, count)?;
        let held = "Training transitions that are not acknowledged yet.";
        page.gauge("proteus_actor_spool_transitions", held, number(spooled))?;
        let trials = [("done", stats.trials_done), ("failed", stats.trials_failed)];
        let trials = trials.map(|(result, count)| ([result.to_owned()], number(count)));
        page.counters("proteus_actor_trials", "Trials by result.", ["result"], trials)?;
        let waited = [
            ("lease", stats.waited_lease_s),
            ("upload", stats.waited_upload_s),
            ("weights", stats.waited_weights_s),
        ];
        let waited = waited.map(|(cause, seconds)| ([cause.to_owned()], seconds));
        let help = "Seconds in which no environment was stepped, by cause.";
        page.counters("proteus_actor_waited_seconds", help, ["cause"], waited)?;
        let version = "Version of the weights in use.";
        page.gauge("proteus_actor_weights_version", version, number(stats.version))?;
        let again = "Streams to the learner that had to be opened again.";
        page.counter("proteus_actor_reconnects", again, number(stats.reconnects))?;
        let connected = "Whether the stream to the learner is open.";
        page.gauge("proteus_actor_connected", connected, f64::from(u8::from(contact.open)))
    }

    fn health(&self) -> Health {
        let contact = self.state.lock().life.as_ref().map(|(stats, _)| stats.contact());
        match contact {
            None => Health::Bad("not registered with a coordinator that has a learner".to_owned()),
            Some(contact) if !contact.open && contact.since.elapsed() > PATIENCE => {
                let silent = contact.since.elapsed().as_secs();
                Health::Bad(format!("no connection to the learner for {silent} s"))
            }
            Some(_) => Health::Good,
        }
    }
}

/// Counters add up; what is in use now is that of the later life.
fn sum(before: ActorStats, now: ActorStats) -> ActorStats {
    ActorStats {
        env_steps: before.env_steps + now.env_steps,
        transitions_sent: before.transitions_sent + now.transitions_sent,
        transitions_acknowledged: before.transitions_acknowledged + now.transitions_acknowledged,
        trials_done: before.trials_done + now.trials_done,
        trials_failed: before.trials_failed + now.trials_failed,
        waited_lease_s: before.waited_lease_s + now.waited_lease_s,
        waited_upload_s: before.waited_upload_s + now.waited_upload_s,
        waited_weights_s: before.waited_weights_s + now.waited_weights_s,
        reconnects: before.reconnects + now.reconnects,
        ..now
    }
}

/// Exact up to 2^53.
#[allow(clippy::cast_precision_loss, reason = "counters stay far below 2^53")]
fn number(counter: u64) -> f64 {
    counter as f64
}
