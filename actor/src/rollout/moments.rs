//! When in an episode the agent's belief is taken down.

use types::Trial;

/// Bytes of beliefs in the outcome of one trial: a report takes at most a message.
const MOST: usize = proto::MAX_MESSAGE / 4;
/// Bytes of a belief besides mean and variance, at most.
const AROUND: usize = 32;

/// So many moments, evenly spaced over the horizon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moments {
    count: usize,
    horizon: usize,
}

impl Moments {
    /// As many as `trial` asks for; fewer where an episode has not so many steps, or where beliefs
    /// of `latent` numbers would not fit into the report of the trial.
    pub(crate) fn of(trial: &Trial, horizon: usize, latent: usize) -> Self {
        let bytes = AROUND + 2 * latent * size_of::<f32>();
        let fit = MOST / bytes / (trial.episodes() as usize).max(1);
        let asked = trial.beliefs as usize;
        if fit < asked.min(horizon) {
            tracing::warn!(trial = %trial.id, asked, fit, "fewer beliefs than asked for fit into a report");
        }
        Self { count: asked.min(horizon).min(fit), horizon }
    }

    /// Whether there are any.
    pub(crate) fn is_any(self) -> bool {
        self.count > 0
    }

    /// Whether one of them is after `steps` steps of an episode: after ⌈k·horizon/count⌉ for k from
    /// 1 to the count.
    pub(crate) fn is_after(self, steps: usize) -> bool {
        let passed = |steps: usize| steps * self.count / self.horizon.max(1);
        steps > 0 && passed(steps) > passed(steps - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::fake::trial;
    use types::{LatentSource, Purpose};

    fn steps(beliefs: u32, horizon: usize) -> Vec<usize> {
        let phases = [(LatentSource::Posterior, 2, true)];
        let trial = Trial { beliefs, ..trial(0, Purpose::Evaluate, &phases) };
        let moments = Moments::of(&trial, horizon, 5);
        (0..=horizon).filter(|&steps| moments.is_after(steps)).collect()
    }

    #[test]
    fn they_are_evenly_spaced_and_the_last_is_at_the_end() {
        assert_eq!(steps(4, 200), [50, 100, 150, 200]);
        assert_eq!(steps(3, 10), [4, 7, 10]);
        assert_eq!(steps(1, 10), [10]);
        assert_eq!(steps(9, 4), [1, 2, 3, 4]);
        assert!(steps(0, 4).is_empty());
    }

    #[test]
    fn the_beliefs_of_a_trial_fit_into_a_report() {
        let phases = [(LatentSource::Posterior, 50, true)];
        let trial = Trial { beliefs: 1000, ..trial(0, Purpose::Evaluate, &phases) };
        let latent = 100;
        let moments = Moments::of(&trial, 1000, latent);
        let belief = types::Belief {
            step: u32::MAX,
            task: u32::MAX,
            mean: vec![1.0; latent],
            variance: vec![1.0; latent],
            component: u32::MAX,
        };
        let taken = (0..=1000).filter(|&steps| moments.is_after(steps)).count();
        assert!(taken > 10);
        let episode = types::EpisodeOutcome {
            task_return: 0.0,
            length: 1000,
            end: types::End::Truncated,
            version: types::Version(1),
            beliefs: vec![belief; taken],
        };
        let outcome = types::TrialOutcome {
            trial: trial.id,
            task: trial.task,
            purpose: trial.purpose,
            episodes: vec![episode; 50],
            failure: None,
        };
        let batches = proto::report::batches(vec![outcome.clone().into(), outcome.into()]);
        assert_eq!(batches.len(), 1, "two fit into one report");
    }
}
