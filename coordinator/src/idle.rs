//! Why actors had nothing to do. Pure.
//!
//! An actor knows how long it was without a trial; only the coordinator knows why. The two are put
//! together here: what an actor has waited since its last heartbeat is laid to the newest refusal
//! of a lease since then; without one, its requests were simply under way.

use crate::registry::{LifeKey, Now};
use std::collections::BTreeMap;
use types::{ActorId, Incarnation};

/// Why a request for trials was answered with none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// There were none: whatever may be collected now is being collected.
    HeldBack,
    /// There were some, and the actor's weights are too old for them.
    TooOld,
}

/// Seconds without a trial over all lives, by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sums {
    /// See [`Denied::HeldBack`].
    pub held_back: f64,
    /// See [`Denied::TooOld`].
    pub too_old: f64,
    /// Trials were there, and the actor was asking for them.
    pub asking: f64,
}

/// What is known of every place in the fleet, and the sums.
#[derive(Debug, Default)]
pub struct Idle {
    places: BTreeMap<ActorId, Place>,
    sums: Sums,
}

#[derive(Debug, Default)]
struct Place {
    incarnation: Incarnation,
    /// The actor's own count, and when it came.
    waited: f64,
    heard: Now,
    denied: Option<(Now, Denied)>,
}

impl Idle {
    /// A request of this life is not granted now.
    pub fn denied(&mut self, key: LifeKey, why: Denied, now: Now) {
        self.place(key).denied = Some((now, why));
    }

    /// A heartbeat says how long this life has been without a trial.
    pub fn heard(&mut self, key: LifeKey, waited: f64, now: Now) {
        let place = self.place(key);
        let seconds = (waited - place.waited).max(0.0);
        let why = place.denied.filter(|(at, _)| *at >= place.heard).map(|(_, why)| why);
        (place.waited, place.heard) = (waited, now);
        let sum = match why {
            Some(Denied::HeldBack) => &mut self.sums.held_back,
            Some(Denied::TooOld) => &mut self.sums.too_old,
            None => &mut self.sums.asking,
        };
        *sum += seconds;
    }

    fn place(&mut self, key: LifeKey) -> &mut Place {
        let place = self.places.entry(key.actor).or_default();
        if place.incarnation != key.incarnation {
            *place = Place { incarnation: key.incarnation, ..Place::default() };
        }
        place
    }

    /// Since the start of the run.
    #[must_use]
    pub fn sums(&self) -> Sums {
        self.sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_laid_to_the_refusal_that_came_with_it() {
        let key =
            |incarnation| LifeKey { actor: ActorId(3), incarnation: Incarnation(incarnation) };
        let at = Now::from_secs;
        let mut idle = Idle::default();
        idle.heard(key(1), 1.0, at(1));
        idle.denied(key(1), Denied::TooOld, at(2));
        idle.denied(key(1), Denied::HeldBack, at(3));
        idle.heard(key(1), 5.0, at(4));
        idle.heard(key(1), 5.5, at(5));
        idle.denied(key(2), Denied::TooOld, at(6));
        idle.heard(key(2), 8.0, at(7));
        assert_eq!(idle.sums(), Sums { held_back: 4.0, too_old: 8.0, asking: 1.5 });
    }
}
