//! One line that names what limits the run. Pure.
//!
//! Everybody counts the seconds it spends, by cause. Waiting is evidence: whoever waits does not
//! limit the run, what it waits for does. So the learner is asked first. If it never waits, it is
//! the limit as soon as anybody waits for it. If it waits for data, the actors' own waiting says
//! why data does not come; if they do not wait either, they are the limit.

use crate::idle;
use crate::registry::{Now, Totals};
use proto::v1;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// How far back the verdict looks.
pub const WINDOW: Duration = Duration::from_secs(15);
/// Below this fraction of the time waiting is noise.
const NOISE: f64 = 0.1;
/// Both sides wait for the other for at least this fraction of the time: it is what lies between
/// them.
const BOTH: f64 = 0.3;

/// Seconds spent since the start of the run, those of actors over all lives.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Seconds {
    /// Actors were alive.
    pub alive: f64,
    /// Actors had no trial: nothing more may be collected now.
    pub held_back: f64,
    /// Actors had no trial: their weights were too old for those there were.
    pub too_old: f64,
    /// Actors had no trial: they were asking for one.
    pub asking: f64,
    /// Actors had transitions that were not acknowledged, and could not go on for it.
    pub upload: f64,
    /// Actors had no weights for the trials they held.
    pub weights: f64,
    /// The learner had not enough experience for the next update.
    pub data: f64,
    /// The learner sampled from the replay.
    pub sample: f64,
    /// The learner updated.
    pub update: f64,
    /// The learner wrote checkpoints and published weights.
    pub save: f64,
    /// Chunks were being stored, over all streams: the actors' upload waits for this.
    pub store: f64,
}

impl Seconds {
    /// From the counters of the actors, the causes of their idleness, and the metrics of the
    /// learner.
    #[must_use]
    pub fn from_counters(
        actors: &Totals,
        idle: idle::Sums,
        learner: &HashMap<String, f64>,
    ) -> Self {
        let metric = |name: &str| learner.get(name).copied().filter(|s| s.is_finite());
        let seconds = |name: &str| metric(name).unwrap_or(0.0);
        Self {
            alive: 0.0,
            held_back: idle.held_back,
            too_old: idle.too_old,
            asking: idle.asking,
            upload: actors.waited_upload_s,
            weights: actors.waited_weights_s,
            data: seconds("waited_data_s"),
            sample: seconds("sample_s"),
            update: seconds("update_s"),
            save: seconds("checkpoint_s") + seconds("publish_s"),
            store: seconds("store_s"),
        }
    }

    /// What has grown since `before`. A counter that has fallen belongs to a new process.
    fn since(&self, before: &Self) -> Self {
        let grown = |now: f64, then: f64| (now - then).max(0.0);
        Self {
            alive: grown(self.alive, before.alive),
            held_back: grown(self.held_back, before.held_back),
            too_old: grown(self.too_old, before.too_old),
            asking: grown(self.asking, before.asking),
            upload: grown(self.upload, before.upload),
            weights: grown(self.weights, before.weights),
            data: grown(self.data, before.data),
            sample: grown(self.sample, before.sample),
            update: grown(self.update, before.update),
            save: grown(self.save, before.save),
            store: grown(self.store, before.store),
        }
    }

    /// Actors stepped environments.
    fn stepping(&self) -> f64 {
        let waited = self.held_back + self.too_old + self.asking + self.upload + self.weights;
        (self.alive - waited).max(0.0)
    }

    /// Who spent how much on what.
    fn listed(&self) -> [(&'static str, &'static str, f64); 10] {
        [
            ("actors", "stepping", self.stepping()),
            ("actors", "held_back", self.held_back),
            ("actors", "asking", self.asking),
            ("actors", "upload", self.upload),
            ("actors", "weights", self.weights + self.too_old),
            ("learner", "data", self.data),
            ("learner", "update", self.update),
            ("learner", "sample", self.sample),
            ("learner", "save", self.save),
            ("learner", "store", self.store),
        ]
    }
}

/// What limits the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Nothing can be said yet.
    Starting,
    /// The run is stopping.
    Stopping,
    /// Training pauses, for a reason that the learner gives.
    Paused,
    /// There is no learner, or it does not answer.
    NoLearner,
    /// Nobody is alive to collect.
    NoActors,
    /// Collection: more actors, or environments, would help.
    Actors,
    /// Transitions on their way to the learner.
    Link,
    /// What may be collected ahead: both sides wait for each other.
    Limiter,
    /// Storing transitions, or sampling them.
    Replay,
    /// Updates: collection is held back to keep the samples-per-insert ratio.
    Learner,
    /// New weights come too late at the actors.
    Weights,
    /// Nobody waits for long.
    Nothing,
}

impl Limit {
    /// Decides from what was spent within `seconds`.
    #[must_use]
    pub fn decide(spent: &Seconds, seconds: f64) -> Self {
        if spent.alive <= 0.0 {
            return Self::NoActors;
        }
        let share = |waited: f64| waited / spent.alive;
        let (held_back, upload) = (share(spent.held_back), share(spent.upload));
        let weights = share(spent.weights + spent.too_old);
        let longest = held_back.max(upload).max(weights);
        let data = spent.data / seconds.max(1e-9);
        if data < NOISE {
            return if longest < NOISE { Self::Nothing } else { Self::of_learner(spent) };
        }
        if longest < NOISE {
            return Self::Actors;
        }
        if upload >= longest {
            let storing = spent.store >= 0.5 * spent.upload;
            return if storing { Self::Replay } else { Self::Link };
        }
        if weights >= longest {
            return Self::Weights;
        }
        if held_back >= BOTH && data >= BOTH {
            Self::Limiter
        } else if held_back > data {
            Self::of_learner(spent)
        } else {
            Self::Actors
        }
    }

    /// The learner is busy: with what?
    fn of_learner(spent: &Seconds) -> Self {
        if spent.sample > spent.update + spent.save { Self::Replay } else { Self::Learner }
    }

    /// In one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Stopping => "stopping",
            Self::Paused => "paused",
            Self::NoLearner => "no-learner",
            Self::NoActors => "no-actors",
            Self::Actors => "actors",
            Self::Link => "link",
            Self::Limiter => "limiter",
            Self::Replay => "replay",
            Self::Learner => "learner",
            Self::Weights => "weights",
            Self::Nothing => "none",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Starting => "too early to say",
            Self::Stopping => "actors hand over what they hold, then the learner leaves",
            Self::Paused => "training pauses",
            Self::NoLearner => "nobody trains",
            Self::NoActors => "nobody collects; see the logs of the actors",
            Self::Actors => "the learner waits for data; more actors would help",
            Self::Link => "transitions wait on their way to the learner",
            Self::Limiter => {
                "collection and updates wait for each other; more collection.open_trials or \
                 collection.tolerance would help"
            }
            Self::Replay => {
                "storing and sampling transitions takes longest; a faster disk, or less context, would help"
            }
            Self::Learner => "collection waits for updates; a faster device would help",
            Self::Weights => {
                "actors wait for newer weights while the learner waits for data; a larger \
                 collection.max_lag or learner.publish_every would help"
            }
            Self::Nothing => "nobody waits for long",
        }
    }
}

/// A limit, why, and what it is read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// What limits the run.
    pub limit: Limit,
    /// More than the limit itself says, such as the reason for a pause.
    pub why: Option<String>,
    /// What was spent on what.
    pub spent: Seconds,
    /// Within so many seconds.
    pub seconds: f64,
}

impl Verdict {
    /// The same counters, another limit, for a reason that no counter shows.
    #[must_use]
    pub fn instead(self, limit: Limit, why: String) -> Self {
        Self { limit, why: Some(why), ..self }
    }

    /// The line for the user.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = format!("{}: {}", self.limit.name(), self.limit.advice());
        if let Some(why) = &self.why {
            line.push_str(&format!("; {why}"));
        }
        let spent = self.spent.listed();
        let of = |who: &str| {
            let mut causes: Vec<&(&str, &str, f64)> =
                spent.iter().filter(|(whose, _, s)| *whose == who && *s >= 0.05).collect();
            causes.sort_by(|a, b| b.2.total_cmp(&a.2));
            let causes: Vec<String> =
                causes.iter().map(|(_, cause, s)| format!("{s:.1} s {}", words(cause))).collect();
            if causes.is_empty() { "nothing".to_owned() } else { causes.join(", ") }
        };
        if self.seconds >= 1.0 {
            let (actors, learner) = (of("actors"), of("learner"));
            line.push_str(&format!(
                " (last {:.0} s; actors: {actors}; learner: {learner})",
                self.seconds
            ));
        }
        line
    }

    /// For the wire.
    #[must_use]
    pub fn spent(&self) -> Vec<v1::Spent> {
        let spent = self.spent.listed().into_iter().map(|(who, cause, seconds)| v1::Spent {
            who: who.to_owned(),
            cause: cause.to_owned(),
            seconds,
        });
        spent.collect()
    }
}

/// A cause for people.
pub(crate) fn words(cause: &str) -> &str {
    match cause {
        "held_back" => "held back",
        "asking" => "asking for trials",
        "upload" => "waiting for the upload",
        "weights" => "waiting for weights",
        "data" => "waiting for data",
        "update" => "updating",
        "sample" => "sampling",
        "save" => "saving",
        "store" => "storing",
        other => other,
    }
}

/// Readings of the counters over the window.
#[derive(Debug, Default)]
pub struct Bottleneck {
    readings: VecDeque<(Now, Seconds)>,
    alive: f64,
    read: Now,
}

impl Bottleneck {
    /// Adds a reading, with so many actors alive since the last one; at most one a second is kept.
    pub fn read(&mut self, mut spent: Seconds, alive: usize, now: Now) {
        let passed = now.saturating_sub(self.read).as_secs_f64();
        self.alive += passed * f64::from(u32::try_from(alive).unwrap_or(u32::MAX));
        self.read = now;
        spent.alive = self.alive;
        let recent = |(at, _): &(Now, Seconds)| now.saturating_sub(*at) < Duration::from_secs(1);
        if self.readings.back().is_some_and(recent) {
            return;
        }
        self.readings.push_back((now, spent));
        while self.readings.get(1).is_some_and(|(at, _)| now.saturating_sub(*at) >= WINDOW) {
            self.readings.pop_front();
        }
    }

    /// What the readings say.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let starting =
            Verdict { limit: Limit::Starting, why: None, spent: Seconds::default(), seconds: 0.0 };
        let (Some((from, before)), Some((to, newest))) =
            (self.readings.front(), self.readings.back())
        else {
            return starting;
        };
        let seconds = (*to - *from).as_secs_f64();
        if seconds < 1.0 {
            return starting;
        }
        let spent = newest.since(before);
        Verdict { limit: Limit::decide(&spent, seconds), why: None, spent, seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn who_does_not_wait_is_the_bottleneck() {
        // Ten seconds of four actors.
        let none = Seconds { alive: 40.0, update: 5.0, sample: 1.0, ..Seconds::default() };
        let cases = [
            (Seconds::default(), Limit::NoActors),
            (none, Limit::Nothing),
            (Seconds { data: 8.0, ..none }, Limit::Actors),
            (Seconds { data: 8.0, held_back: 2.0, ..none }, Limit::Actors),
            // Trials are there: the round trip of asking is part of what actors cost.
            (Seconds { data: 8.0, asking: 30.0, ..none }, Limit::Actors),
            (Seconds { held_back: 30.0, ..none }, Limit::Learner),
            (Seconds { held_back: 30.0, data: 2.5, ..none }, Limit::Learner),
            (Seconds { upload: 30.0, ..none }, Limit::Learner),
            (Seconds { held_back: 30.0, sample: 9.0, ..none }, Limit::Replay),
            (Seconds { upload: 20.0, data: 8.0, ..none }, Limit::Link),
            (Seconds { upload: 20.0, held_back: 9.0, data: 8.0, store: 2.0, ..none }, Limit::Link),
            (Seconds { upload: 20.0, data: 8.0, store: 15.0, ..none }, Limit::Replay),
            (Seconds { weights: 30.0, data: 9.0, ..none }, Limit::Weights),
            (Seconds { too_old: 30.0, data: 9.0, ..none }, Limit::Weights),
            (Seconds { held_back: 20.0, data: 9.0, ..none }, Limit::Limiter),
        ];
        for (spent, expected) in cases {
            assert_eq!(Limit::decide(&spent, 10.0), expected, "{spent:?}");
        }
    }

    proptest! {
        /// Whatever is spent: a learner that does not wait is never told to wait for others, and
        /// one that waits is never told to be the limit while nobody waits for it.
        #[test]
        fn nobody_who_waits_is_blamed(
            actors in 1u32..300,
            share in proptest::array::uniform5(0.0f64..1.0),
            data in 0.0f64..1.0,
            rest in proptest::array::uniform3(0.0f64..1.0),
        ) {
            let seconds = 10.0;
            let alive = seconds * f64::from(actors);
            let scale = alive / share.iter().sum::<f64>().max(1.0);
            let [held_back, too_old, asking, upload, weights] = share.map(|s| s * scale);
            let [sample, update, store] = rest.map(|s| s * seconds);
            let spent = Seconds {
                alive, held_back, too_old, asking, upload, weights,
                data: data * seconds, sample, update, store, save: 0.0,
            };
            let limit = Limit::decide(&spent, seconds);
            let waits = |s: f64| s / alive >= NOISE;
            match limit {
                Limit::Actors | Limit::Link | Limit::Weights => prop_assert!(data >= NOISE),
                Limit::Limiter => prop_assert!(data >= BOTH && held_back / alive >= BOTH),
                Limit::Learner => prop_assert!(data < NOISE || held_back / alive > data),
                Limit::Nothing => prop_assert!(data < NOISE),
                Limit::Replay => prop_assert!(sample > update || waits(upload)),
                other => prop_assert!(false, "{other:?}"),
            }
            if limit == Limit::Link {
                prop_assert!(waits(upload) && upload >= held_back.max(weights + too_old));
            }
        }
    }

    #[test]
    fn the_line_names_it_with_the_seconds_of_the_window_only() {
        let mut bottleneck = Bottleneck::default();
        assert_eq!(bottleneck.verdict().limit, Limit::Starting);
        for second in 0u32..100 {
            let busy = f64::from(second.saturating_sub(50));
            let spent =
                Seconds { held_back: f64::from(second.min(50)), data: busy, ..Seconds::default() };
            bottleneck.read(spent, 1, Duration::from_secs(second.into()));
        }
        let line = bottleneck.verdict().line();
        let expected = "(last 15 s; actors: 15.0 s stepping; learner: 15.0 s waiting for data)";
        assert!(line.starts_with("actors:") && line.ends_with(expected), "{line}");
    }
}
