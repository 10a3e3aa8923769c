//! What is stored from whom: the place where a chunk sent twice is noticed.

use dashmap::{DashMap, Entry};
use serde::{Deserialize, Serialize};
use types::{ActorId, Incarnation, Origin, Sequence};

/// What is stored from one life of an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Which actor.
    pub actor: ActorId,
    /// The next chunk expected.
    pub next: Sequence,
    /// Transitions stored.
    pub transitions: u64,
}

/// How a chunk relates to what is stored already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It was the next one and has been stored.
    Stored(Account),
    /// It is stored already.
    Duplicate(Account),
    /// Chunks before it are missing.
    Gap {
        /// The next chunk expected.
        expected: Sequence,
    },
    /// That life belongs to another actor.
    WrongActor {
        /// Whose it is.
        expected: ActorId,
    },
}

/// One account per life of an actor.
#[derive(Debug, Default)]
pub struct Ledger {
    accounts: DashMap<Incarnation, Account>,
}

impl Ledger {
    /// Accounts as they were.
    #[must_use]
    pub fn restore(accounts: &[(Incarnation, Account)]) -> Self {
        Self { accounts: accounts.iter().copied().collect() }
    }

    /// Runs `store` if the chunk of `transitions` from `origin` is the next one of its sender.
    ///
    /// The account stays locked meanwhile: two streams that claim to be the same actor life (one
    /// of them a half-dead connection) cannot both store a chunk.
    ///
    /// # Errors
    /// That of `store`; then the chunk is still the next one.
    pub fn admit<E>(
        &self,
        origin: Origin,
        transitions: u64,
        store: impl FnOnce() -> Result<(), E>,
    ) -> Result<Admission, E> {
        let fresh = Account { actor: origin.actor, next: Sequence(0), transitions: 0 };
        let mut account = match self.accounts.entry(origin.incarnation) {
            // Only a first chunk opens an account: whatever else arrives leaves nothing behind.
            Entry::Vacant(_) if origin.sequence > fresh.next => {
                return Ok(Admission::Gap { expected: fresh.next });
            }
            Entry::Vacant(vacant) => {
                store()?;
                let next = fresh.next.next();
                let account = Account { next, transitions, ..fresh };
                drop(vacant.insert(account));
                return Ok(Admission::Stored(account));
            }
            Entry::Occupied(entry) => entry.into_ref(),
        };
        if account.actor != origin.actor {
            return Ok(Admission::WrongActor { expected: account.actor });
        }
        if origin.sequence < account.next {
            return Ok(Admission::Duplicate(*account));
        }
        if origin.sequence > account.next {
            return Ok(Admission::Gap { expected: account.next });
        }
        store()?;
        account.next = account.next.next();
        account.transitions += transitions;
        Ok(Admission::Stored(*account))
    }

    /// All accounts, by incarnation.
    #[must_use]
    pub fn accounts(&self) -> Vec<(Incarnation, Account)> {
        let mut all: Vec<_> = self.accounts.iter().map(|entry| (*entry.key(), *entry)).collect();
        all.sort_by_key(|(incarnation, _)| *incarnation);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn admit(ledger: &Ledger, origin: Origin, transitions: u64, store: impl FnOnce()) -> Admission {
        let store = || {
            store();
            Ok::<_, Infallible>(())
        };
        ledger.admit(origin, transitions, store).unwrap()
    }

    proptest! {
        /// However a sender repeats itself after reconnecting, each chunk is stored once, in order.
        #[test]
        fn each_chunk_is_stored_exactly_once(rewinds in proptest::collection::vec(0u64..6, 1..40)) {
            let ledger = Ledger::default();
            let mut stored = Vec::new();
            let mut at = 0u64;
            for rewind in rewinds {
                at = at.saturating_sub(rewind);
                for _ in 0..4 {
                    let origin = Origin {
                        actor: ActorId(1),
                        incarnation: Incarnation(9),
                        sequence: Sequence(at),
                    };
                    let admission = admit(&ledger, origin, 10, || stored.push(at));
                    let gap = matches!(admission, Admission::Gap { .. });
                    prop_assert!(!gap);
                    at += 1;
                }
            }
            let expected: Vec<u64> = (0..stored.len() as u64).collect();
            prop_assert_eq!(&stored, &expected);
            prop_assert_eq!(ledger.accounts()[0].1.transitions, 10 * stored.len() as u64);
        }
    }

    #[test]
    fn a_gap_is_not_stored() {
        let ledger = Ledger::default();
        let origin =
            Origin { actor: ActorId(0), incarnation: Incarnation(1), sequence: Sequence(2) };
        let admission = admit(&ledger, origin, 5, || panic!("stored"));
        assert_eq!(admission, Admission::Gap { expected: Sequence(0) });
        assert!(ledger.accounts().is_empty());
    }

    /// A disk that is full for a while makes no gap.
    #[test]
    fn what_could_not_be_stored_is_still_expected() {
        let ledger = Ledger::default();
        let origin = |sequence| Origin {
            actor: ActorId(0),
            incarnation: Incarnation(1),
            sequence: Sequence(sequence),
        };
        for sequence in 0..3 {
            assert_eq!(ledger.admit(origin(sequence), 5, || Err("full")), Err("full"));
            let admission = admit(&ledger, origin(sequence), 5, || ());
            assert!(matches!(admission, Admission::Stored(_)), "{admission:?}");
        }
        assert_eq!(ledger.accounts()[0].1.transitions, 15);
    }

    #[test]
    fn a_life_belongs_to_one_actor() {
        let ledger = Ledger::default();
        let origin = |actor, sequence| Origin {
            actor: ActorId(actor),
            incarnation: Incarnation(1),
            sequence: Sequence(sequence),
        };
        assert!(matches!(admit(&ledger, origin(3, 0), 5, || ()), Admission::Stored(_)));
        let other = admit(&ledger, origin(5, 1), 5, || panic!("stored"));
        assert_eq!(other, Admission::WrongActor { expected: ActorId(3) });
    }
}
