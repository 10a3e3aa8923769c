//! One line that names what limits the run. Pure.
//!
//! Everybody counts the seconds it waits, by cause. Whoever does not wait is what the others wait
//! for: if the learner waits for data while actors wait for nothing, there are too few actors; if
//! actors wait for leases because collection may not run further ahead, the learner is too slow.

use crate::registry::{Now, Totals};
use std::collections::VecDeque;
use std::time::Duration;

/// How far back the verdict looks.
const WINDOW: Duration = Duration::from_secs(30);
/// Below this fraction of the time waiting is noise.
const NOISE: f64 = 0.1;
/// From this fraction on actors are short of leases, more than between two trials.
const STARVED: f64 = 0.3;

/// Seconds waited by cause since the start of the run, over all lives of all actors.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Waited {
    /// Actors without a trial.
    pub lease: f64,
    /// Actors whose spool was full: unacknowledged transitions.
    pub upload: f64,
    /// Actors without weights.
    pub weights: f64,
    /// The learner without enough experience for the next update.
    pub data: f64,
}

impl Waited {
    /// From the counters of the actors and the metrics of the learner.
    #[must_use]
    pub fn from_counters(
        actors: &Totals,
        learner: &std::collections::HashMap<String, f64>,
    ) -> Self {
        let metric = |name: &str| learner.get(name).copied().unwrap_or(0.0);
        Self {
            lease: actors.waited_lease_s,
            upload: actors.waited_upload_s,
            weights: actors.waited_weights_s,
            data: metric("waited_data_s"),
        }
    }

    fn since(&self, before: &Self) -> Self {
        let grown = |now: f64, then: f64| (now - then).max(0.0);
        Self {
            lease: grown(self.lease, before.lease),
            upload: grown(self.upload, before.upload),
            weights: grown(self.weights, before.weights),
            data: grown(self.data, before.data),
        }
    }
}

/// What limits the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Nobody is alive to collect.
    NoActors,
    /// Collection: more actors, or environments, would help.
    Actors,
    /// Updates: collection is held back to keep the samples-per-insert ratio.
    Learner,
    /// New weights come too late at the actors.
    Weights,
    /// Transitions wait to be acknowledged.
    Link,
    /// Nobody waits for long.
    Balanced,
}

impl Limit {
    /// Decides from the seconds waited within `seconds`, with `actors` alive.
    #[must_use]
    pub fn decide(waited: &Waited, actors: usize, seconds: f64) -> Self {
        if actors == 0 {
            return Self::NoActors;
        }
        let per_actor = f64::from(u32::try_from(actors).unwrap_or(u32::MAX)) * seconds.max(1e-9);
        let actor = |waited: f64| waited / per_actor;
        let (lease, upload) = (actor(waited.lease), actor(waited.upload));
        let weights = actor(waited.weights);
        let data = waited.data / seconds.max(1e-9);
        let longest = lease.max(upload).max(weights).max(data);
        if longest < NOISE {
            Self::Balanced
        } else if weights >= lease.max(upload).max(NOISE) {
            Self::Weights
        } else if upload >= lease.max(NOISE) {
            Self::Link
        } else if data < NOISE {
            // Actors wait for leases, and the learner does not wait: it is busy.
            Self::Learner
        } else if lease >= STARVED {
            // Both wait, and actors for permission: their weights are too old to be admitted.
            Self::Weights
        } else {
            Self::Actors
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::NoActors => "no actors: nobody collects; see logs/actor-*.log",
            Self::Actors => "actors: the learner waits for data; more actors would help",
            Self::Learner => "learner: collection waits for updates; a faster device would help",
            Self::Weights => {
                "weights: actors wait for newer ones, or for more open trials, while the learner \
                 waits for data"
            }
            Self::Link => "link: transitions wait to be acknowledged",
            Self::Balanced => "none: nobody waits for long",
        }
    }
}

/// Readings of the counters over the window.
#[derive(Debug, Default)]
pub struct Bottleneck {
    readings: VecDeque<(Now, Waited)>,
}

impl Bottleneck {
    /// Adds a reading; at most one a second is kept.
    pub fn read(&mut self, waited: Waited, now: Now) {
        let recent = |(at, _): &(Now, Waited)| now.saturating_sub(*at) < Duration::from_secs(1);
        if self.readings.back().is_some_and(recent) {
            return;
        }
        self.readings.push_back((now, waited));
        while self.readings.get(1).is_some_and(|(at, _)| now.saturating_sub(*at) >= WINDOW) {
            self.readings.pop_front();
        }
    }

    /// The line for the user.
    #[must_use]
    pub fn line(&self, actors: usize) -> String {
        let (Some((from, before)), Some((to, newest))) =
            (self.readings.front(), self.readings.back())
        else {
            return "starting".to_owned();
        };
        let seconds = (*to - *from).as_secs_f64();
        let waited = newest.since(before);
        if seconds < 1.0 {
            return "starting".to_owned();
        }
        let limit = Limit::decide(&waited, actors, seconds);
        format!(
            "{} (last {seconds:.0} s; actors alive: {actors}, waited {}; the learner waited {})",
            limit.advice(),
            listed(&[
                ("for leases", waited.lease),
                ("to upload", waited.upload),
                ("for weights", waited.weights),
            ]),
            listed(&[("for data", waited.data)]),
        )
    }
}

/// Causes by name with their seconds, the longest first; those without any are left out.
fn listed(causes: &[(&str, f64)]) -> String {
    let mut causes: Vec<&(&str, f64)> = causes.iter().filter(|(_, s)| *s >= 0.05).collect();
    causes.sort_by(|a, b| b.1.total_cmp(&a.1));
    let causes: Vec<String> = causes.iter().map(|(c, s)| format!("{s:.1} s {c}")).collect();
    match causes.as_slice() {
        [] => "for nothing".to_owned(),
        causes => causes.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_wait_is_the_bottleneck() {
        let none = Waited::default();
        let cases = [
            (none, 0, Limit::NoActors),
            (none, 4, Limit::Balanced),
            (Waited { data: 8.0, ..none }, 4, Limit::Actors),
            (Waited { data: 8.0, lease: 1.0, ..none }, 4, Limit::Actors),
            (Waited { lease: 30.0, ..none }, 4, Limit::Learner),
            (Waited { lease: 30.0, data: 0.5, ..none }, 4, Limit::Learner),
            (Waited { upload: 30.0, ..none }, 4, Limit::Link),
            (Waited { upload: 20.0, data: 8.0, ..none }, 4, Limit::Link),
            (Waited { weights: 30.0, data: 9.0, ..none }, 4, Limit::Weights),
            (Waited { lease: 39.0, data: 9.0, ..none }, 4, Limit::Weights),
        ];
        for (waited, actors, expected) in cases {
            assert_eq!(Limit::decide(&waited, actors, 10.0), expected, "{waited:?}");
        }
    }

    #[test]
    fn the_line_names_it_with_the_seconds_of_the_window_only() {
        let mut bottleneck = Bottleneck::default();
        assert_eq!(bottleneck.line(1), "starting");
        for second in 0u32..100 {
            let busy = f64::from(second.saturating_sub(50));
            let waited =
                Waited { lease: f64::from(second.min(50)), data: busy, ..Waited::default() };
            bottleneck.read(waited, Duration::from_secs(second.into()));
        }
        let line = bottleneck.line(1);
        assert!(line.starts_with("actors:"), "{line}");
        assert!(line.contains("alive: 1, waited for nothing"), "{line}");
        assert!(line.contains("the learner waited 30.0 s for data"), "{line}");
    }
}
