//! Reports of outcomes that fit into messages.

use crate::{MAX_MESSAGE, v1};
use prost::Message as _;

/// Bytes of outcomes in one report: what is left of a message is for the actor's key and the
/// framing.
const MOST: usize = MAX_MESSAGE / 2;

/// `outcomes` in order, in as few runs as are needed for each to fit into a report. An outcome is
/// never divided; one that is too large by itself has a run of its own.
#[must_use]
pub fn batches(outcomes: Vec<v1::TrialOutcome>) -> Vec<Vec<v1::TrialOutcome>> {
    let mut batches: Vec<Vec<v1::TrialOutcome>> = Vec::new();
    let mut room = 0;
    for outcome in outcomes {
        let bytes = outcome.encoded_len();
        match batches.last_mut() {
            Some(batch) if bytes <= room => batch.push(outcome),
            _ => {
                batches.push(vec![outcome]);
                room = MOST;
            }
        }
        room = room.saturating_sub(bytes);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(trial: u64, numbers: usize) -> v1::TrialOutcome {
        let belief = v1::Belief { mean: vec![1.0; numbers], ..Default::default() };
        let episode = v1::EpisodeOutcome { beliefs: vec![belief], ..Default::default() };
        v1::TrialOutcome { trial, episodes: vec![episode], ..Default::default() }
    }

    #[test]
    fn every_report_fits_into_a_message_and_nothing_is_lost() {
        let sizes = [10, 150_000, 150_000, 250_000, 400_000, 3, 900_000, 5, 6];
        let outcomes: Vec<_> = (0..).zip(sizes).map(|(id, size)| outcome(id, size)).collect();
        let batches = batches(outcomes.clone());
        assert!(batches.len() > 1);
        let report = |outcomes: &Vec<_>| {
            let actor = Some(v1::ActorKey { actor: u32::MAX, incarnation: u64::MAX });
            v1::ReportRequest { actor, outcomes: outcomes.clone() }
        };
        for batch in &batches {
            assert!(batch.len() == 1 || report(batch).encoded_len() <= MAX_MESSAGE);
        }
        assert_eq!(batches.concat(), outcomes);
        let fewest = batches.windows(2).all(|pair| {
            let joined = [pair[0].as_slice(), &pair[1][..1]].concat();
            report(&joined).encoded_len() > MOST
        });
        assert!(fewest, "a run ends only where the next outcome does not fit");
    }
}
