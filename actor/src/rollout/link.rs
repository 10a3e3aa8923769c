//! What a rollout is connected to.

use crate::agent::Agent;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use types::{Segment, TaskRef, Trial, TrialId, TrialOutcome, Version};

/// A run of transitions of a training trial, not yet numbered for the wire.
#[derive(Debug, Clone, PartialEq)]
pub struct Cut {
    /// The trial it belongs to.
    pub trial: TrialId,
    /// The task of the trial.
    pub task: TaskRef,
    /// Number of the episode in the trial.
    pub episode: u32,
    /// Position of the first transition in the episode.
    pub offset: u32,
    /// Whether the transitions may serve as context for the encoder.
    pub context: bool,
    /// Weights of the policy that acted.
    pub policy_version: Version,
    /// Weights of the encoder that inferred the episode's latent.
    pub encoder_version: Version,
    /// The transitions.
    pub segment: Segment,
}

/// What the world outside wants of a rollout.
#[derive(Debug)]
pub enum Signal {
    /// Nothing new.
    Nothing,
    /// Use these weights from now on.
    Weights(Box<Agent>),
    /// Drop what is in hand and end.
    GiveUp,
}

/// The link takes nothing any more: the rollout ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over;

/// Where trials and weights come from and where experience and outcomes go.
pub trait Link {
    /// Asked before every step, so it must be cheap.
    fn poll(&mut self) -> Signal;

    /// The next trial that may run on weights of this version, if there is one.
    fn trial(&mut self, version: Version) -> Option<Trial>;

    /// Takes transitions; blocks while there is no room for them.
    ///
    /// # Errors
    /// [`Over`] if nobody will ever take them.
    fn chunk(&mut self, cut: Cut) -> Result<(), Over>;

    /// Takes the outcome of a trial, after all of its chunks.
    fn outcome(&mut self, outcome: TrialOutcome);

    /// Blocks until there may be something to do; breaks if there will be nothing.
    /// `version` is that of the weights in use, if there are any.
    fn wait(&mut self, version: Option<Version>) -> ControlFlow<()>;

    /// Told after every step how many environments took it.
    fn stepped(&mut self, environments: usize) {
        let _ = environments;
    }
}

/// A link without a network: trials from an iterator, one set of weights, chunks to a function.
///
/// This is what evaluation of a checkpoint and benchmarks use.
#[derive(Debug)]
pub struct Local<I, F> {
    agents: VecDeque<Box<Agent>>,
    trials: I,
    sink: F,
    /// Outcomes so far, in the order in which the trials ended.
    pub outcomes: Vec<TrialOutcome>,
}

impl<I: Iterator<Item = Trial>, F: FnMut(Cut)> Local<I, F> {
    /// Plays all of `trials` with `agent` and hands every chunk to `sink`.
    pub fn new(agent: Agent, trials: I, sink: F) -> Self {
        Self { agents: VecDeque::from([Box::new(agent)]), trials, sink, outcomes: Vec::new() }
    }

    /// Has the rollout use these weights from its next step on.
    pub fn publish(&mut self, agent: Agent) {
        self.agents.push_back(Box::new(agent));
    }
}

impl<I: Iterator<Item = Trial>, F: FnMut(Cut)> Link for Local<I, F> {
    fn poll(&mut self) -> Signal {
        match self.agents.pop_front() {
            None => Signal::Nothing,
            Some(agent) => Signal::Weights(agent),
        }
    }

    fn trial(&mut self, _version: Version) -> Option<Trial> {
        self.trials.next()
    }

    fn chunk(&mut self, cut: Cut) -> Result<(), Over> {
        (self.sink)(cut);
        Ok(())
    }

    fn outcome(&mut self, outcome: TrialOutcome) {
        self.outcomes.push(outcome);
    }

    fn wait(&mut self, _version: Option<Version>) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}
