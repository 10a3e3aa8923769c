//! What an adaptive agent must remember of one environment besides its context.

use nets::EncoderSpec;
use nets::gaussian::fill_standard_normal;
use rand_chacha::ChaCha8Rng;
use types::experiment::{Context, Observe};
use types::{LatentSource, Role, Trial, Version, stream};

/// The episode in progress, as far as the latent goes.
#[derive(Debug)]
pub(super) struct Slot {
    /// z is from the prior: what was seen does not matter.
    pub(super) is_blind: bool,
    /// Whether its transitions are context.
    pub(super) keeps: bool,
    /// The weights in use at its start.
    pub(super) version: Version,
    /// Draws of z.
    pub(super) dice: ChaCha8Rng,
    /// Whether z is drawn anew at each step.
    draws: bool,
    next_observation: bool,
    /// The newest transition `[width]`: observation, action, reward and, if the encoder wants it,
    /// next observation.
    row: Vec<f32>,
}

impl Slot {
    pub(super) fn new(spec: &EncoderSpec) -> Self {
        Self {
            is_blind: true,
            keeps: false,
            version: Version::default(),
            dice: stream(0, Role::Latent, 0, 0),
            draws: false,
            next_observation: spec.next_observation,
            row: Vec::with_capacity(spec.width()),
        }
    }

    /// Gets ready for episode number `number` of `trial`.
    pub(super) fn begin(&mut self, spec: &EncoderSpec, trial: &Trial, number: u32) {
        let phase = trial.phase_of(number);
        let is_set = matches!(spec.context, Context::Set { .. });
        self.is_blind = phase.is_none_or(|phase| phase.latent == LatentSource::Prior);
        // A window may reach into any episode; a set consists of those that are context.
        self.keeps = !is_set || phase.is_some_and(|phase| phase.context) && is_used(trial, number);
        // In evaluation too: where an agent has seen nothing yet, and its networks are equivariant, a
        // draw is all that makes it go one way rather than its mirror image.
        self.draws = spec.observe == Observe::Sample;
        self.dice = stream(trial.seed, Role::Latent, number.into(), 0);
    }

    /// ε of z at this step: zero where what is seen is not a draw.
    pub(super) fn draw_noise(&mut self, noise: &mut [f32]) {
        match self.draws {
            true => fill_standard_normal(&mut self.dice, noise),
            false => noise.fill(0.0),
        }
    }

    /// The first half of a transition.
    pub(super) fn see(&mut self, observation: &[f32], action: &[f32]) {
        self.row.clear();
        self.row.extend_from_slice(observation);
        self.row.extend_from_slice(action);
    }

    /// The second half of a transition; gives the context row.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the encoder sees rewards as f32, as it does in training"
    )]
    pub(super) fn receive(&mut self, reward: f64, next_observation: &[f32]) -> &[f32] {
        self.row.push(reward as f32);
        if self.next_observation {
            self.row.extend_from_slice(next_observation);
        }
        &self.row
    }
}

/// Whether a set of what episode number `number` shows is looked at: for the latent of a later
/// episode, or for a report.
fn is_used(trial: &Trial, number: u32) -> bool {
    let mut end = 0;
    let mut infers_later = trial.phases.iter().map(|phase| {
        end += phase.episodes;
        phase.latent == LatentSource::Posterior && phase.episodes > 0 && end > number + 1
    });
    trial.beliefs > 0 || infers_later.any(|infers| infers)
}
