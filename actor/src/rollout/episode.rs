//! A trial in hand, and its episode in progress.

use super::behaviour::Hand;
use super::moments::Moments;
use super::slot::Interrupt;
use crate::adaptive::AdaptiveAgent;
use rand_chacha::ChaCha8Rng;
use types::{Belief, End, EpisodeOutcome, Phase, Role, Task, Trial, TrialOutcome, Version, stream};

/// A trial in hand.
pub(super) struct Run {
    pub(super) trial: Trial,
    pub(super) task: Task,
    pub(super) moments: Moments,
    pub(super) outcomes: Vec<EpisodeOutcome>,
    pub(super) episode: Episode,
}

/// An episode in progress.
pub(super) struct Episode {
    pub(super) number: u32,
    pub(super) phase: Phase,
    pub(super) steps: usize,
    pub(super) task_return: f64,
    pub(super) beliefs: Vec<Belief>,
    /// Randomness of the environment.
    pub(super) world: ChaCha8Rng,
    pub(super) hand: Hand,
}

impl Episode {
    pub(super) fn new(trial: &Trial, number: u32, phase: Phase) -> Self {
        Self {
            number,
            phase,
            steps: 0,
            task_return: 0.0,
            beliefs: Vec::new(),
            world: stream(trial.seed, Role::Environment, number.into(), 0),
            hand: Hand::new(trial.seed, number, phase.behaviour),
        }
    }

    /// What it came to; its beliefs go with it.
    fn outcome(&mut self, end: End, version: Version) -> EpisodeOutcome {
        EpisodeOutcome {
            task_return: self.task_return,
            length: count(self.steps),
            end,
            version,
            beliefs: std::mem::take(&mut self.beliefs),
        }
    }
}

impl Run {
    /// Before the first episode of `trial`, which belongs to `phase`.
    pub(super) fn new(trial: Trial, task: Task, phase: Phase, moments: Moments) -> Self {
        Self {
            outcomes: Vec::with_capacity(trial.episodes() as usize),
            episode: Episode::new(&trial, 0, phase),
            trial,
            task,
            moments,
        }
    }

    /// Ends the episode, and goes on to the next one if there is one.
    pub(super) fn end_episode(&mut self, end: End, version: Version) -> bool {
        self.outcomes.push(self.episode.outcome(end, version));
        let next = self.episode.number + 1;
        let phase = self.trial.phase_of(next);
        if let Some(phase) = phase {
            self.episode = Episode::new(&self.trial, next, phase);
        }
        phase.is_some()
    }

    /// Whether the belief of this moment is reported; `end` is set in the last moment.
    pub(super) fn reports_belief(&self, end: Option<End>) -> bool {
        let moments = self.moments;
        moments.is_any() && (end.is_some() || moments.is_after(self.episode.steps))
    }

    /// Takes down what `agent` believes of its context number `slot`, with `task` in force.
    pub(super) fn take_belief(
        &mut self,
        task: u32,
        agent: &mut AdaptiveAgent,
        slot: usize,
    ) -> Result<(), Interrupt> {
        let belief = agent.believe(slot, count(self.episode.steps), task)?;
        let mut numbers = belief.mean.iter().chain(&belief.variance);
        if let Some(number) = numbers.find(|number| !number.is_finite()) {
            let why = format!("belief: expected finite numbers, got {number}");
            return Err(Interrupt::Failed(why));
        }
        self.episode.beliefs.push(belief);
        Ok(())
    }

    /// What came out; `why` it was given up, if it was.
    pub(super) fn outcome(self, why: Option<String>) -> TrialOutcome {
        let Self { trial, episode, .. } = self;
        let failure = why.map(|why| {
            format!(
                "{why} (task {}, trial seed {}, episode {}, step {})",
                trial.task, trial.seed, episode.number, episode.steps
            )
        });
        TrialOutcome {
            trial: trial.id,
            task: trial.task,
            purpose: trial.purpose,
            episodes: self.outcomes,
            failure,
        }
    }
}

/// A number of steps as it is reported.
fn count(steps: usize) -> u32 {
    u32::try_from(steps).unwrap_or(u32::MAX)
}
