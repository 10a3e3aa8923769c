//! A look from outside at a rollout that may hang in an environment.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use types::Trial;

/// What the rollout thread is at. Telling costs it a few stores per step, and no look at the clock:
/// whoever watches has one.
#[derive(Debug, Default)]
pub struct StepWatch {
    /// Steps of environments begun, and ended, resets included.
    begun: AtomicU64,
    ended: AtomicU64,
    /// Where the newest one is.
    slot: AtomicU64,
    episode: AtomicU64,
    step: AtomicU64,
    /// The trials in the slots.
    trials: Mutex<Vec<Option<Trial>>>,
}

/// A step that has begun and not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenStep {
    /// Different for each step.
    pub number: u64,
    /// Where it is.
    pub slot: u64,
    /// In which episode of the trial.
    pub episode: u64,
    /// Steps of the episode before it.
    pub step: u64,
}

impl StepWatch {
    /// The step that is in progress, if one is.
    #[must_use]
    pub fn open(&self) -> Option<OpenStep> {
        let begun = self.begun.load(Relaxed);
        (begun != self.ended.load(Relaxed)).then(|| OpenStep {
            number: begun,
            slot: self.slot.load(Relaxed),
            episode: self.episode.load(Relaxed),
            step: self.step.load(Relaxed),
        })
    }

    /// The trial in a slot.
    #[must_use]
    pub fn trial(&self, slot: u64) -> Option<Trial> {
        let slot = usize::try_from(slot).ok()?;
        self.trials.lock().get(slot).cloned().flatten()
    }
}

/// The side of one slot.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) watch: Arc<StepWatch>,
    pub(super) slot: usize,
}

impl Watched {
    pub(super) fn begins(&self, trial: &Trial) {
        let mut trials = self.watch.trials.lock();
        if trials.len() <= self.slot {
            trials.resize(self.slot + 1, None);
        }
        trials[self.slot] = Some(trial.clone());
    }

    /// Runs a step of an environment.
    pub(super) fn during<T>(&self, episode: u32, step: usize, work: impl FnOnce() -> T) -> T {
        let watch = &self.watch;
        watch.slot.store(self.slot as u64, Relaxed);
        watch.episode.store(episode.into(), Relaxed);
        watch.step.store(step as u64, Relaxed);
        watch.begun.fetch_add(1, Relaxed);
        let done = work();
        watch.ended.fetch_add(1, Relaxed);
        done
    }
}

/// Decides whether a step hangs, from looks now and then. Pure.
///
/// Only time between looks that were not held up counts: a process that was stopped, or a machine
/// that slept, says nothing about the step.
#[derive(Debug)]
pub(crate) struct Suspicion {
    limit: Duration,
    pause: Duration,
    step: Option<u64>,
    observed: Duration,
    looked: Duration,
}

/// Shortest and longest pause between two looks.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

impl Suspicion {
    /// A step may take up to `limit`.
    pub(crate) fn new(limit: Duration) -> Self {
        let pause = (limit / 10).clamp(PAUSES.0, PAUSES.1);
        let (observed, looked) = (Duration::ZERO, Duration::ZERO);
        Self { limit, pause, step: None, observed, looked }
    }

    /// Time between two looks.
    pub(crate) fn pause(&self) -> Duration {
        self.pause
    }

    /// A look at time `now`. How long the step has been in progress, if that is too long.
    pub(crate) fn look(&mut self, open: Option<OpenStep>, now: Duration) -> Option<Duration> {
        let passed = now.saturating_sub(self.looked).min(2 * self.pause);
        self.looked = now;
        let number = open.map(|step| step.number);
        if number.is_some() && number == self.step {
            self.observed += passed;
        } else {
            self.step = number;
            self.observed = Duration::ZERO;
        }
        (self.observed > self.limit).then_some(self.observed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(number: u64) -> Option<OpenStep> {
        Some(OpenStep { number, slot: 0, episode: 0, step: 0 })
    }

    #[test]
    fn only_a_step_that_is_seen_for_longer_than_the_limit_hangs() {
        let at = |millis: u64| Duration::from_millis(millis);
        let mut suspicion = Suspicion::new(at(1000));
        // Steps that are slow, but end; then none for a long time.
        for look in 0u64..200 {
            assert_eq!(suspicion.look(open(look / 9), at(look * 100)), None, "look {look}");
        }
        for look in 200..300 {
            assert_eq!(suspicion.look(None, at(look * 100)), None);
        }
        // The process was stopped in the middle of a step.
        assert_eq!(suspicion.look(open(99), at(30_000)), None);
        assert_eq!(suspicion.look(open(99), at(90_000)), None);
        let hangs = (1u64..20).find(|n| suspicion.look(open(99), at(90_000 + n * 100)).is_some());
        assert_eq!(hangs, Some(9), "0.2 s of the minute count");
    }
}
