//! Outcomes in the order they came, for the learner to read from any position it has not passed.

use crate::journal::Snapshot;
use std::collections::VecDeque;
use types::TrialOutcome;

/// A position that is gone, or does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("outcomes: expected a position from {first} to {end}, got {got}")]
pub struct NoSuchPosition {
    first: u64,
    end: u64,
    got: u64,
}

/// Positions 0, 1, 2, … of the run. Holds what the learner has not said to have written down; that is
/// bounded by the trials that may be open.
#[derive(Debug, Clone, Default)]
pub struct OutcomeLog {
    first: u64,
    items: VecDeque<TrialOutcome>,
    delivered: u64,
}

impl OutcomeLog {
    /// Adds the next one.
    pub fn push(&mut self, outcome: TrialOutcome) {
        self.items.push_back(outcome);
    }

    /// Position after the last.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    /// How many the learner has not been given yet.
    #[must_use]
    pub fn undelivered(&self) -> u64 {
        self.end().saturating_sub(self.delivered)
    }

    /// How many are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.items.len()
    }

    /// The learner has written down all before `position`, and will never ask for them again.
    pub fn written_down(&mut self, position: u64) {
        self.drop_before(position.min(self.delivered));
    }

    /// Goes on at `position` without what was there.
    pub fn realign(&mut self, position: u64) {
        self.items.clear();
        self.first = position;
        self.delivered = position;
    }

    /// The learner asks for `from` on: it has what comes before, which is dropped.
    ///
    /// # Errors
    /// [`NoSuchPosition`] if `from` was dropped before or lies ahead.
    pub fn seek(&mut self, from: u64) -> Result<(), NoSuchPosition> {
        if !(self.first..=self.end()).contains(&from) {
            return Err(NoSuchPosition { first: self.first, end: self.end(), got: from });
        }
        self.confirm(from);
        Ok(())
    }

    /// As [`OutcomeLog::seek`] to a position that there is.
    pub fn confirm(&mut self, position: u64) {
        self.drop_before(position.min(self.end()));
        self.delivered = position;
    }

    /// Writes all of it down.
    pub(crate) fn save(&self, snapshot: &mut Snapshot) {
        snapshot.first_outcome = self.first;
        snapshot.delivered = self.delivered;
        snapshot.outcomes = self.items.iter().cloned().map(Into::into).collect();
    }

    /// Becomes what was written down.
    ///
    /// # Errors
    /// If an outcome is none of this release.
    pub(crate) fn load(&mut self, snapshot: &Snapshot) -> Result<(), proto::WireError> {
        self.first = snapshot.first_outcome;
        self.delivered = snapshot.delivered;
        let items = snapshot.outcomes.iter().cloned().map(TryInto::try_into);
        self.items = items.collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Up to `limit` outcomes from position `from` on, for delivery. Empty if there are none yet.
    ///
    /// # Errors
    /// [`NoSuchPosition`] if `from` was dropped: a newer stream has read further.
    pub fn deliver(
        &mut self,
        from: u64,
        limit: usize,
    ) -> Result<Vec<TrialOutcome>, NoSuchPosition> {
        let offset = from.checked_sub(self.first).ok_or(NoSuchPosition {
            first: self.first,
            end: self.end(),
            got: from,
        })?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let batch: Vec<TrialOutcome> =
            self.items.iter().skip(offset).take(limit).cloned().collect();
        self.delivered = self.delivered.max(from + batch.len() as u64);
        Ok(batch)
    }

    fn drop_before(&mut self, position: u64) {
        while self.first < position && self.items.pop_front().is_some() {
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Purpose, Split, TaskRef, TrialId};

    fn outcome(id: u64) -> TrialOutcome {
        TrialOutcome {
            trial: TrialId(id),
            task: TaskRef { split: Split::Train, index: 0 },
            purpose: Purpose::Train,
            episodes: vec![],
            failure: None,
        }
    }

    #[test]
    fn every_position_is_delivered_in_order_and_kept_until_it_is_written_down() {
        let mut log = OutcomeLog::default();
        let mut read = 0;
        for id in 0..10_000 {
            log.push(outcome(id));
            if id % 7 == 0 {
                let batch = log.deliver(read, 100).unwrap();
                let ids: Vec<u64> = batch.iter().map(|o| o.trial.0).collect();
                assert_eq!(ids, (read..=id).collect::<Vec<_>>());
                // Who was given them may end before they are written down.
                let again = log.clone().deliver(read, 100).unwrap();
                assert_eq!(again.len(), batch.len());
                log.written_down(read + 1_000_000);
                read += batch.len() as u64;
            }
            assert!(log.kept() <= 7, "{} at {id}", log.kept());
        }
    }

    #[test]
    fn a_list_that_forgot_goes_on_where_the_learner_is() {
        let mut log = OutcomeLog::default();
        (0..5).for_each(|id| log.push(outcome(id)));
        assert!(log.seek(9).is_err());
        log.realign(9);
        log.seek(9).unwrap();
        log.push(outcome(9));
        let ids: Vec<u64> = log.deliver(9, 100).unwrap().iter().map(|o| o.trial.0).collect();
        assert_eq!((ids, log.end()), (vec![9], 10));
    }

    #[test]
    fn asking_for_later_drops_what_came_before_and_never_goes_back() {
        let mut log = OutcomeLog::default();
        (0..5).for_each(|id| log.push(outcome(id)));
        assert_eq!(log.seek(3), Ok(()));
        assert_eq!(log.items.len(), 2);
        let refused = log.seek(2).unwrap_err().to_string();
        assert!(refused.contains("from 3 to 5, got 2"), "{refused}");
        assert!(log.seek(6).is_err());
        assert_eq!(log.undelivered(), 2);
    }
}
