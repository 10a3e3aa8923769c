//! Counters of one life of an actor.

use parking_lot::Mutex;
use proto::v1;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use types::Version;

/// What an actor waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Trials to run.
    Lease,
    /// Acknowledgements: for room in the spool, or for the trials they belong to to be done.
    Upload,
    /// Weights: the first ones, or such that the leased trials may run on.
    Weights,
}

/// Whether the stream of chunks to the learner is open.
#[derive(Debug, Clone, Copy)]
pub struct Contact {
    /// It is.
    pub open: bool,
    /// Since when it is as it is.
    pub since: Instant,
}

impl Default for Contact {
    fn default() -> Self {
        Self { open: false, since: Instant::now() }
    }
}

/// Counters since registration. Written by the rollout thread and the tasks, read by heartbeats.
#[derive(Debug, Default)]
pub struct Stats {
    env_steps: AtomicU64,
    sent: AtomicU64,
    acknowledged: AtomicU64,
    trials_done: AtomicU64,
    trials_failed: AtomicU64,
    version: AtomicU64,
    waited_us: [AtomicU64; 3],
    reconnects: AtomicU64,
    contact: Mutex<Contact>,
}

impl Stats {
    pub(crate) fn stepped(&self, environments: usize) {
        self.env_steps.fetch_add(environments as u64, Relaxed);
    }

    pub(crate) fn sent(&self, transitions: usize) {
        self.sent.fetch_add(transitions as u64, Relaxed);
    }

    pub(crate) fn acknowledged(&self, transitions: u64) {
        self.acknowledged.fetch_add(transitions, Relaxed);
    }

    pub(crate) fn ended(&self, outcome: &types::TrialOutcome) {
        let counter = match outcome.failure {
            None => &self.trials_done,
            Some(_) => &self.trials_failed,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn uses(&self, version: Version) {
        self.version.store(version.0, Relaxed);
    }

    pub(crate) fn waited(&self, cause: Wait, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.waited_us[cause as usize].fetch_add(us, Relaxed);
    }

    pub(crate) fn reconnected(&self) {
        self.reconnects.fetch_add(1, Relaxed);
    }

    /// The stream to the learner has been opened, or has broken.
    pub(crate) fn connected(&self, open: bool) {
        let mut contact = self.contact.lock();
        if contact.open != open {
            *contact = Contact { open, since: Instant::now() };
        }
    }

    /// Whether the stream to the learner is open.
    #[must_use]
    pub fn contact(&self) -> Contact {
        *self.contact.lock()
    }

    /// As heartbeats carry them.
    #[must_use]
    pub fn snapshot(&self) -> v1::ActorStats {
        let waited = |cause: Wait| {
            Duration::from_micros(self.waited_us[cause as usize].load(Relaxed)).as_secs_f64()
        };
        v1::ActorStats {
            env_steps: self.env_steps.load(Relaxed),
            transitions_sent: self.sent.load(Relaxed),
            transitions_acknowledged: self.acknowledged.load(Relaxed),
            trials_done: self.trials_done.load(Relaxed),
            trials_failed: self.trials_failed.load(Relaxed),
            version: self.version.load(Relaxed),
            waited_lease_s: waited(Wait::Lease),
            waited_upload_s: waited(Wait::Upload),
            waited_weights_s: waited(Wait::Weights),
            resident_bytes: runtime::memory::resident_bytes().unwrap_or(0),
            reconnects: self.reconnects.load(Relaxed),
        }
    }
}
