//! What the coordinator is told of what is stored from whom: what has changed, and now and then all.

use crate::replay::ledger::Account;
use proto::v1;
use std::collections::HashMap;
use types::Incarnation;

/// Lives that are told of, the newest ones; the coordinator remembers fewer.
const LIVES: usize = 8192;
/// All are told again after so many reports: the coordinator may have been started again.
const ALL_AGAIN: u64 = 20;

/// Remembers what was told.
#[derive(Debug, Default)]
pub struct Told {
    reports: u64,
    transitions: HashMap<Incarnation, u64>,
}

impl Told {
    /// Of all accounts, in the order of their incarnations, those to be told of in the next report.
    pub fn news(&mut self, accounts: Vec<(Incarnation, Account)>) -> Vec<v1::StoredFrom> {
        if self.reports.is_multiple_of(ALL_AGAIN) {
            self.transitions.clear();
        }
        self.reports += 1;
        let old = accounts.len().saturating_sub(LIVES);
        let mut news = Vec::new();
        for (incarnation, account) in accounts.into_iter().skip(old) {
            let before = self.transitions.insert(incarnation, account.transitions);
            if before != Some(account.transitions) {
                news.push(v1::StoredFrom {
                    actor: Some(proto::convert::actor_key(account.actor, incarnation)),
                    transitions: account.transitions,
                });
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{ActorId, Sequence};

    fn accounts(lives: u64, transitions: u64) -> Vec<(Incarnation, Account)> {
        let account = Account { actor: ActorId(0), next: Sequence(0), transitions };
        (0..lives).map(|life| (Incarnation(life), account)).collect()
    }

    #[test]
    fn reports_are_bounded_and_nothing_that_changes_is_left_out() {
        let mut told = Told::default();
        let first = told.news(accounts(20_000, 5));
        assert_eq!(first.len(), LIVES);
        assert_eq!(first[0].actor.unwrap().incarnation, 20_000 - LIVES as u64);
        assert!(told.news(accounts(20_000, 5)).is_empty());
        let mut changed = accounts(20_000, 5);
        changed[19_000].1.transitions = 6;
        let news = told.news(changed.clone());
        assert_eq!(news.len(), 1);
        assert_eq!((news[0].actor.unwrap().incarnation, news[0].transitions), (19_000, 6));
        let all = (0..ALL_AGAIN).map(|_| told.news(changed.clone()).len()).max();
        assert_eq!(all, Some(LIVES), "a coordinator that knows nothing learns all of it");
        assert!(told.transitions.len() <= LIVES);
    }
}
