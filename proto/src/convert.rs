//! Checked conversions of control messages, both ways.

use crate::error::WireError;
use crate::v1;
use types::{
    ActorId, Behaviour, Belief, End, EpisodeOutcome, Incarnation, LatentSource, Phase, Purpose,
    Split, TaskRef, Trial, TrialId, TrialOutcome, Version,
};

impl From<TaskRef> for v1::TaskRef {
    fn from(task: TaskRef) -> Self {
        let split = match task.split {
            Split::Train => 1,
            Split::Test => 2,
        };
        Self { split, index: task.index }
    }
}

impl TryFrom<v1::TaskRef> for TaskRef {
    type Error = WireError;

    fn try_from(wire: v1::TaskRef) -> Result<Self, WireError> {
        let split = match wire.split {
            1 => Split::Train,
            2 => Split::Test,
            got => return Err(choice("task.split", "1 (train) or 2 (test)", got)),
        };
        Ok(Self { split, index: wire.index })
    }
}

/// The key of one life of an actor.
#[must_use]
pub fn actor_key(actor: ActorId, incarnation: Incarnation) -> v1::ActorKey {
    v1::ActorKey { actor: actor.0, incarnation: incarnation.0 }
}

/// Reads an actor key that must be present.
///
/// # Errors
/// [`WireError::Missing`] if it is not.
pub fn read_actor_key(wire: Option<v1::ActorKey>) -> Result<(ActorId, Incarnation), WireError> {
    let key = wire.ok_or(WireError::Missing("actor"))?;
    Ok((ActorId(key.actor), Incarnation(key.incarnation)))
}

pub(crate) fn end_to_wire(end: Option<End>) -> u32 {
    match end {
        None => 0,
        Some(End::Terminated) => 1,
        Some(End::Truncated) => 2,
    }
}

pub(crate) fn end_from_wire(end: u32) -> Result<Option<End>, WireError> {
    match end {
        0 => Ok(None),
        1 => Ok(Some(End::Terminated)),
        2 => Ok(Some(End::Truncated)),
        got => Err(choice("end", "0 (goes on), 1 (terminated) or 2 (truncated)", got)),
    }
}

fn purpose_to_wire(purpose: Purpose) -> u32 {
    match purpose {
        Purpose::Train => 1,
        Purpose::Evaluate => 2,
    }
}

fn purpose_from_wire(purpose: u32) -> Result<Purpose, WireError> {
    match purpose {
        1 => Ok(Purpose::Train),
        2 => Ok(Purpose::Evaluate),
        got => Err(choice("purpose", "1 (train) or 2 (evaluate)", got)),
    }
}

impl From<Phase> for v1::Phase {
    fn from(phase: Phase) -> Self {
        let latent = match phase.latent {
            LatentSource::Prior => 1,
            LatentSource::Posterior => 2,
        };
        let (behaviour, random_every) = match phase.behaviour {
            Behaviour::Policy => (0, 0),
            Behaviour::Random => (1, 0),
            Behaviour::RandomMemory { every } => (2, every),
        };
        Self { latent, episodes: phase.episodes, context: phase.context, behaviour, random_every }
    }
}

impl TryFrom<v1::Phase> for Phase {
    type Error = WireError;

    fn try_from(wire: v1::Phase) -> Result<Self, WireError> {
        let latent = match wire.latent {
            1 => LatentSource::Prior,
            2 => LatentSource::Posterior,
            got => return Err(choice("phase.latent", "1 (prior) or 2 (posterior)", got)),
        };
        let behaviour = match (wire.behaviour, wire.random_every) {
            (0, _) => Behaviour::Policy,
            (1, _) => Behaviour::Random,
            (2, every) if every > 0 => Behaviour::RandomMemory { every },
            (2, _) => return Err(WireError::Missing("phase.random_every")),
            (got, _) => return Err(choice("phase.behaviour", "0, 1 or 2", got)),
        };
        Ok(Self { latent, episodes: wire.episodes, context: wire.context, behaviour })
    }
}

impl From<Trial> for v1::Trial {
    fn from(trial: Trial) -> Self {
        Self {
            id: trial.id.0,
            task: Some(trial.task.into()),
            purpose: purpose_to_wire(trial.purpose),
            phases: trial.phases.into_iter().map(Into::into).collect(),
            seed: trial.seed,
            min_version: trial.min_version.0,
            beliefs: trial.beliefs,
        }
    }
}

impl TryFrom<v1::Trial> for Trial {
    type Error = WireError;

    fn try_from(wire: v1::Trial) -> Result<Self, WireError> {
        let phases: Vec<Phase> =
            wire.phases.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
        let trial = Self {
            id: TrialId(wire.id),
            task: wire.task.ok_or(WireError::Missing("trial.task"))?.try_into()?,
            purpose: purpose_from_wire(wire.purpose)?,
            phases,
            seed: wire.seed,
            min_version: Version(wire.min_version),
            beliefs: wire.beliefs,
        };
        let episodes: u64 = trial.phases.iter().map(|p| u64::from(p.episodes)).sum();
        if (1..=1_000_000).contains(&episodes) {
            return Ok(trial);
        }
        Err(WireError::Range {
            field: "trial.phases",
            expected: "1 to 1000000 episodes in all".to_owned(),
            got: episodes.to_string(),
        })
    }
}

impl From<EpisodeOutcome> for v1::EpisodeOutcome {
    fn from(outcome: EpisodeOutcome) -> Self {
        Self {
            task_return: outcome.task_return,
            length: outcome.length,
            end: end_to_wire(Some(outcome.end)),
            version: outcome.version.0,
            beliefs: outcome.beliefs.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::EpisodeOutcome> for EpisodeOutcome {
    type Error = WireError;

    fn try_from(wire: v1::EpisodeOutcome) -> Result<Self, WireError> {
        if !wire.task_return.is_finite() {
            return Err(WireError::Range {
                field: "episode.task_return",
                expected: "a finite number".to_owned(),
                got: wire.task_return.to_string(),
            });
        }
        let end = end_from_wire(wire.end)?.ok_or(WireError::Missing("episode.end"))?;
        Ok(Self {
            task_return: wire.task_return,
            length: wire.length,
            end,
            version: Version(wire.version),
            beliefs: wire.beliefs.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        })
    }
}

impl From<Belief> for v1::Belief {
    fn from(belief: Belief) -> Self {
        let Belief { step, task, mean, variance, component } = belief;
        Self { step, task, mean, variance, component }
    }
}

impl TryFrom<v1::Belief> for Belief {
    type Error = WireError;

    fn try_from(wire: v1::Belief) -> Result<Self, WireError> {
        let v1::Belief { step, task, mean, variance, component } = wire;
        let (expected, got) = (mean.len(), variance.len());
        let finite = mean.iter().chain(&variance).all(|number| number.is_finite());
        if expected != got || !finite {
            return Err(WireError::Range {
                field: "belief.variance",
                expected: format!("{expected} finite numbers, as in the mean"),
                got: format!("{got}, finite: {finite}"),
            });
        }
        Ok(Self { step, task, mean, variance, component })
    }
}

impl From<TrialOutcome> for v1::TrialOutcome {
    fn from(outcome: TrialOutcome) -> Self {
        Self {
            trial: outcome.trial.0,
            task: Some(outcome.task.into()),
            purpose: purpose_to_wire(outcome.purpose),
            episodes: outcome.episodes.into_iter().map(Into::into).collect(),
            failure: outcome.failure,
        }
    }
}

impl TryFrom<v1::TrialOutcome> for TrialOutcome {
    type Error = WireError;

    fn try_from(wire: v1::TrialOutcome) -> Result<Self, WireError> {
        Ok(Self {
            trial: TrialId(wire.trial),
            task: wire.task.ok_or(WireError::Missing("outcome.task"))?.try_into()?,
            purpose: purpose_from_wire(wire.purpose)?,
            episodes: wire.episodes.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            failure: wire.failure,
        })
    }
}

fn choice(field: &'static str, expected: &'static str, got: u32) -> WireError {
    WireError::Choice { field, expected, got: got.into() }
}
