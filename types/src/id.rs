//! Identifiers as types of their own, so that one cannot be passed for another.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A place in the fleet of actors. A replacement for a dead actor takes over its id.
    ActorId,
    u32
);
id!(
    /// One life of an actor process: given out by the coordinator at registration and never used
    /// twice in a run. `(actor, incarnation, sequence)` names a chunk uniquely.
    Incarnation,
    u64
);
id!(
    /// Number of a chunk within one incarnation: 0, 1, 2, … without gaps.
    Sequence,
    u64
);
id!(
    /// A unit of leased collection work.
    TrialId,
    u64
);
id!(
    /// Version of the published weights; 0 is the initial weights, each publication adds one.
    Version,
    u64
);

impl Sequence {
    /// The sequence number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Version {
    /// The version after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// How many versions `self` is behind `newest`; 0 when it is not behind.
    #[must_use]
    pub fn lag_behind(self, newest: Self) -> u64 {
        newest.0.saturating_sub(self.0)
    }
}
