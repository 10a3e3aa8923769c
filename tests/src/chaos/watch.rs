//! Looks at a run from beside, four times a second, and notes what breaks.

use super::invariants::Invariants;
use super::world::World;
use parking_lot::Mutex;
use proto::v1::{ActorStatus, StatusReply};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Longest wait for a look that has an answer.
const FRESH: Duration = Duration::from_secs(1);

/// Something that should not have been.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Broken {
    /// Seconds since the start of the run.
    pub at_s: f64,
    /// What.
    pub what: String,
}

/// A look at the run.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// How many looks there have been.
    pub number: u64,
    /// Whether the coordinator answered this time.
    pub answered: bool,
    /// What it said last.
    pub newest: StatusReply,
}

/// Watches a run. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Watch {
    began: Instant,
    invariants: Arc<Mutex<Invariants>>,
    broken: Arc<Mutex<Vec<Broken>>>,
    looks: watch::Receiver<Look>,
}

impl Watch {
    /// Looks at `world` until `stop`. Whoever ends by itself is noted, and started again.
    #[must_use]
    pub fn start(world: Arc<World>, stop: CancellationToken) -> Self {
        let (sender, looks) = watch::channel(Look::default());
        let watch = Self {
            began: Instant::now(),
            invariants: Arc::default(),
            broken: Arc::default(),
            looks,
        };
        let watching = watch.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(LOOK_EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                let look = world.status().await.ok();
                // What follows is about processes that have been told to end.
                if stop.is_cancelled() {
                    return;
                }
                watching.look(&world, look.as_ref());
                sender.send_modify(|last| {
                    last.number += 1;
                    last.answered = look.is_some();
                    last.newest = look.unwrap_or_else(|| std::mem::take(&mut last.newest));
                });
            }
        });
        watch
    }

    fn look(&self, world: &World, status: Option<&StatusReply>) {
        let mut broken = Vec::new();
        {
            let mut invariants = self.invariants.lock();
            broken.extend(status.map(|status| invariants.look(status)).unwrap_or_default());
            let memory = world.memory().into_iter();
            broken.extend(memory.filter_map(|(who, held)| invariants.look_at_memory(who, held)));
        }
        for (who, status, said) in world.ended() {
            broken.push(format!("the {who} ended although nobody killed it: {status}; {said}"));
            if let Err(error) = world.launch(who) {
                broken.push(format!("the {who} cannot be started again: {error:#}"));
            }
        }
        broken.into_iter().for_each(|what| self.note(what));
    }

    /// Notes that something is broken; once for each thing.
    pub fn note(&self, what: String) {
        let mut broken = self.broken.lock();
        if broken.iter().all(|known| known.what != what) {
            broken.push(Broken { at_s: self.now().as_secs_f64(), what });
        }
    }

    /// Time since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// What is broken so far.
    #[must_use]
    pub fn broken(&self) -> Vec<Broken> {
        self.broken.lock().clone()
    }

    /// What has been seen.
    pub fn seen<T>(&self, look: impl FnOnce(&mut Invariants) -> T) -> T {
        look(&mut self.invariants.lock())
    }

    /// A status asked for from now on; the last one there was if there is no answer within a second.
    pub async fn status(&self) -> StatusReply {
        self.until(FRESH, |_| true).await;
        self.looks.borrow().newest.clone()
    }

    /// Waits until a look from now on shows what is wanted; how long that took, or `None` after
    /// `limit`.
    pub async fn until(
        &self,
        limit: Duration,
        mut wanted: impl FnMut(&StatusReply) -> bool,
    ) -> Option<Duration> {
        let began = Instant::now();
        let mut looks = self.looks.clone();
        // The look in progress may have begun earlier.
        let fresh = looks.borrow().number + 1;
        let found =
            looks.wait_for(|look| look.number > fresh && look.answered && wanted(&look.newest));
        let found = tokio::time::timeout(limit, found).await;
        found.is_ok_and(|found| found.is_ok()).then(|| began.elapsed())
    }

    /// Tells the invariants that the learner is killed.
    pub fn learner_is_killed(&self) {
        self.seen(Invariants::learner_is_killed);
    }
}

/// The living actor in a place.
#[must_use]
pub fn living(status: &StatusReply, place: u32) -> Option<&ActorStatus> {
    let mut actors = status.actors.iter().filter(|actor| actor.alive);
    actors.find(|actor| actor.actor.is_some_and(|key| key.actor == place))
}
