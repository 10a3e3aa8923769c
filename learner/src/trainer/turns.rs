//! Whose turn it is: where the encoder is trained apart, updates of the encoder and of the agent
//! take turns in cycles.

use super::Trainer;
use crate::error::{Error, Result};
use crate::inference::objectives::noise_shape;
use crate::method::{Contexts, Factors, targets};
use crate::networks::parameters::to_host;
use crate::replay::contexts::{ContextDraw, Part};
use crate::replay::sampler::{fill_normal, matrix, windows};
use nets::Params;
use serde::{Deserialize, Serialize};
use std::time::Instant;
use tch::Tensor;
use types::experiment::{Annealing, Inference, InferenceTraining, Objective, Posterior, Weights};
use types::{Role, stream};

/// Transitions whose mean and deviation normalise what the encoder sees.
const ROWS_OF_STATISTICS: usize = 8192;
/// Least deviation that numbers are divided by: columns that do not vary stay what they are.
const LEAST_DEVIATION: f64 = 1e-3;

/// Contexts that judge progress on held-out trials.
const JUDGED: usize = 512;

/// Where training is in its cycle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turns {
    /// Cycles whose updates of the encoder are done.
    pub cycles: u64,
    /// Updates of the encoder in all.
    pub encoder_updates: u64,
    /// Of this cycle.
    encoder: u64,
    agent: u64,
    /// Weights of the errors of reward and next observation.
    weights: [f64; 2],
    /// The least loss on held-out trials in this cycle, and after how many of its updates.
    best: Option<(f64, u64)>,
}

impl Turns {
    /// At the start.
    #[must_use]
    pub fn new(weights: Option<Weights>) -> Self {
        let weights = match weights {
            Some(Weights::Fixed { reward, next_observation }) => [reward, next_observation],
            Some(Weights::Balanced { .. }) => [1.0 / 3.0; 2],
            None => [0.0; 2],
        };
        Self { cycles: 0, encoder_updates: 0, encoder: 0, agent: 0, weights, best: None }
    }

    /// Whether an update of the encoder is next.
    fn is_encoders(&self, training: &InferenceTraining) -> bool {
        self.encoder < training.updates
    }

    /// An update of the agent is done.
    pub(super) fn agent_updated(&mut self, training: &InferenceTraining) {
        self.agent += 1;
        if self.agent >= training.agent_updates {
            (self.encoder, self.agent) = (0, 0);
        }
    }
}

impl Trainer {
    /// One update of whoever is next.
    pub(super) fn update(&mut self) -> Result<()> {
        let Some(training) = self.experiment.inference.training.clone() else {
            return self.update_agent();
        };
        if self.turns.is_encoders(&training) {
            return self.update_encoder(&training);
        }
        if self.label()? {
            self.update_agent()?;
            self.turns.agent_updated(&training);
        }
        Ok(())
    }

    /// Whether encoder and agent go together: not while the encoder has its turn.
    pub(super) fn parts_match(&self) -> bool {
        let training = self.experiment.inference.training.as_ref();
        training.is_none_or(|training| self.turns.encoder == 0 || !self.turns.is_encoders(training))
    }

    fn update_encoder(&mut self, training: &InferenceTraining) -> Result<()> {
        let began = Instant::now();
        if self.turns.encoder == 0 {
            self.normalise()?;
        }
        let number = self.turns.encoder_updates;
        let draw = self.context_draw(training)?;
        let contexts = self.contexts(&draw, Part::Training, (number, 0))?;
        self.meter.sampling(began.elapsed());
        let began = Instant::now();
        let factors = self.factors(training);
        let losses = self.method.update_inference(&contexts, factors)?;
        self.meter.encoder_update(&losses, began.elapsed())?;
        self.turns.encoder += 1;
        self.turns.encoder_updates += 1;
        self.unpublished = true;
        let patience_is_out = self.look_at_held_out(training)?;
        if patience_is_out || !self.turns.is_encoders(training) {
            self.end_encoders_turn(training)?;
        }
        Ok(())
    }

    /// Mean and deviation of the columns of context rows, from the replay as it is now.
    fn normalise(&mut self) -> Result<()> {
        if !self.experiment.inference.normalise {
            return Ok(());
        }
        let mut rng = stream(self.experiment.seed, Role::Contexts, self.turns.cycles, 6);
        let mut rows = Vec::new();
        self.store.sample_rows(ROWS_OF_STATISTICS, &mut rng, &mut rows);
        let columns = self.store.layout().context_width();
        let moments = Moments::of_columns(&rows, self.store.layout().width(), columns);
        self.method.normalise_inputs(&moments.mean, &moments.deviation)
    }

    /// Looks at held-out trials now and then; whether there was no progress for too long.
    fn look_at_held_out(&mut self, training: &InferenceTraining) -> Result<bool> {
        let Some(validation) = training.validation else {
            return self.balance(training, Part::Training).map(|()| false);
        };
        self.balance(training, Part::Validation)?;
        let done = self.turns.encoder;
        if !done.is_multiple_of(validation.every) {
            return Ok(false);
        }
        let Some(loss) = self.held_out_loss(training)? else {
            return Ok(false);
        };
        self.meter.note("inference/validation", loss);
        let Some(patience) = validation.patience.filter(|_| loss.is_finite()) else {
            return Ok(false);
        };
        if self.turns.best.is_none_or(|(least, _)| loss < least) {
            self.turns.best = Some((loss, done));
            self.kept = Some(self.method.keep_inference()?);
            return Ok(false);
        }
        Ok(self.turns.best.is_some_and(|(_, at)| done - at >= patience))
    }

    /// `None` while no episode is held out yet.
    fn held_out_loss(&mut self, training: &InferenceTraining) -> Result<Option<f64>> {
        // The same contexts and noise in all looks of a cycle, so that looks can be compared.
        let draw = ContextDraw { batch: JUDGED, ..self.context_draw(training)? };
        let Some(contexts) = some(self.contexts(&draw, Part::Validation, (self.turns.cycles, 1)))?
        else {
            return Ok(None);
        };
        let mut factors = self.factors(training);
        let decoder = self.experiment.inference.decoder.as_ref();
        if decoder.is_some_and(|d| matches!(d.weights, Weights::Balanced { .. })) {
            // Weights that do not change within a cycle.
            factors.weights = [1.0 / 3.0; 2];
        }
        let terms = self.method.judge_inference(&contexts, factors)?;
        Ok(to_host(&terms.total)?.first().map(|loss| f64::from(*loss)))
    }

    /// Weights of the errors by how large they are, where the experiment says so.
    fn balance(&mut self, training: &InferenceTraining, part: Part) -> Result<()> {
        let decoder = self.experiment.inference.decoder.as_ref();
        let Some(Weights::Balanced { every }) = decoder.map(|decoder| decoder.weights) else {
            return Ok(());
        };
        if !self.turns.encoder_updates.is_multiple_of(every) {
            return Ok(());
        }
        let draw = ContextDraw { batch: JUDGED, ..self.context_draw(training)? };
        let Some(contexts) = some(self.contexts(&draw, part, (self.turns.encoder_updates, 2)))?
        else {
            return Ok(());
        };
        if let Some(errors) = self.method.reconstruct(&contexts)? {
            let sum = errors.reward + errors.next_observation;
            if sum > 0.0 {
                self.turns.weights =
                    [errors.reward, errors.next_observation].map(|e| 1.0 - e / sum);
            }
        }
        Ok(())
    }

    /// The best parameters of the cycle are taken back, the prior is fitted, labels are outdated.
    fn end_encoders_turn(&mut self, training: &InferenceTraining) -> Result<()> {
        if let Some(best) = self.kept.take() {
            self.method.take_back_inference(&best)?;
        }
        self.turns.best = None;
        self.turns.encoder = training.updates;
        self.fit_prior(training)?;
        self.turns.cycles += 1;
        self.store.forget_labels();
        Ok(())
    }

    fn fit_prior(&mut self, training: &InferenceTraining) -> Result<()> {
        let cycle = self.turns.cycles;
        let Some(latents) = self.method.fitted().filter(|f| f.is_due(cycle)).map(|f| f.latents())
        else {
            return Ok(());
        };
        let draw = ContextDraw { batch: latents, ..self.context_draw(training)? };
        let contexts = self.contexts(&draw, Part::Whole, (cycle, 3))?;
        let means = self.method.say(&contexts.windows)?.mean;
        let (latent, seed) = (self.experiment.inference.latent, self.experiment.seed);
        if let Some(fitted) = self.method.fitted_mut() {
            let components = fitted.fit(&means, latent, cycle, seed)?;
            self.meter.note("inference/components", components as f64);
        }
        Ok(())
    }

    fn factors(&self, training: &InferenceTraining) -> Factors {
        let number = self.turns.encoder_updates;
        Factors {
            weights: self.turns.weights,
            annealing: training.annealing.map_or(1.0, |annealing| factor(annealing, number)),
            order: self.experiment.seed ^ number,
        }
    }

    pub(super) fn context_draw(&self, training: &InferenceTraining) -> Result<ContextDraw> {
        let decoder = self.experiment.inference.decoder.as_ref();
        let shape = self.windows.zip(decoder).map(|(shape, decoder)| (shape, decoder.targets));
        let (shape, targets) = shape.ok_or(Error::Message {
            what: "train the encoder apart",
            why: "expected windows and a decoder, got an experiment without".to_owned(),
        })?;
        let held_out = training.validation.map_or(0.0, |validation| validation.fraction);
        let (batch, sampling) = (training.batch, training.sampling);
        Ok(ContextDraw { shape, targets, batch, sampling, held_out })
    }

    /// Contexts for an update or a look, on the device. Their random numbers are those of (index,
    /// what for).
    fn contexts(&mut self, draw: &ContextDraw, part: Part, key: (u64, u64)) -> Result<Contexts> {
        let mut rng = stream(self.experiment.seed, Role::Contexts, key.0, key.1);
        self.store.sample_contexts(draw, part, &mut rng, &mut self.host_contexts)?;
        self.contexts_to_device(draw, &mut rng)
    }

    fn contexts_to_device(
        &mut self,
        draw: &ContextDraw,
        rng: &mut impl rand::Rng,
    ) -> Result<Contexts> {
        let (host, layout, device) = (&self.host_contexts, self.store.layout(), self.device);
        let objective = &self.experiment.inference.objective;
        let shape = noise_shape(objective, &self.method.agent().encoder, host.tasks.len());
        let mut noise = vec![0.0; usize::try_from(shape.iter().product::<i64>()).unwrap_or(0)];
        fill_normal(rng, &mut noise);
        let classes: Vec<i64> = host.tasks.iter().map(|task| self.classes.of(*task)).collect();
        let present = matrix(&host.present, draw.targets, device)?;
        let rows = matrix(&host.targets, layout.width(), device)?;
        Ok(Contexts {
            windows: windows(&host.windows, &layout, device)?,
            targets: targets(&rows, present, layout.columns(), layout.task_reward())?,
            labels: Tensor::f_from_slice(&classes)?.f_to_device(device)?,
            noise: matrix(&noise, 1, device)?.f_view(&shape[..])?,
        })
    }

    /// Errors of the decoder on experience of training task `task`.
    pub(super) fn reconstruction_of(
        &mut self,
        task: u32,
    ) -> Result<Option<crate::method::Reconstructed>> {
        let Some(training) = self.experiment.inference.training.clone() else {
            return Ok(None);
        };
        let draw = ContextDraw { batch: 64, ..self.context_draw(&training)? };
        let mut rng = stream(self.experiment.seed, Role::Contexts, task.into(), 4);
        self.store.sample_contexts_of(task, &draw, &mut rng, &mut self.host_contexts)?;
        let contexts = self.contexts_to_device(&draw, &mut rng)?;
        self.method.reconstruct(&contexts)
    }

    /// The parameters to be taken back at the end of the cycle, for a checkpoint.
    pub(super) fn kept(&self) -> Option<&Params> {
        self.kept.as_ref()
    }
}

/// `None` where there is nothing to draw yet.
fn some(contexts: Result<Contexts>) -> Result<Option<Contexts>> {
    match contexts {
        Ok(contexts) => Ok(Some(contexts)),
        Err(Error::Contexts(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Mean and standard deviation of columns.
struct Moments {
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl Moments {
    /// Of the first `columns` of `rows` `[n, width]`.
    fn of_columns(rows: &[f32], width: usize, columns: usize) -> Self {
        let count = (rows.len() / width).max(1) as f64;
        let column = |place: usize| rows.iter().skip(place).step_by(width).map(|&x| f64::from(x));
        let of = |place: usize| {
            let mean = column(place).sum::<f64>() / count;
            let variance = column(place).map(|x| (x - mean).powi(2)).sum::<f64>() / count;
            let deviation = variance.sqrt();
            (mean, if deviation < LEAST_DEVIATION { 1.0 } else { deviation })
        };
        let (mean, deviation) = (0..columns).map(of).unzip();
        Self { mean, deviation }
    }
}

/// Rises from 0 to 1 over the ramp of each period.
fn factor(annealing: Annealing, number: u64) -> f64 {
    let within = number % annealing.period;
    (within as f64 / annealing.ramp as f64).min(1.0)
}

/// Base tasks of the training tasks, counted from 0.
#[derive(Debug, Clone)]
pub struct Classes(Vec<i64>);

impl Classes {
    /// Of a family; all the same where it has no base tasks.
    #[must_use]
    pub fn of_family(family: &types::FamilySpec) -> Self {
        let base: Vec<u32> = family.train.iter().map(|t| t.base_task().unwrap_or(0)).collect();
        let known: std::collections::BTreeSet<u32> = base.iter().copied().collect();
        let number = |base: &u32| known.iter().position(|known| known == base).unwrap_or(0) as i64;
        Self(base.iter().map(number).collect())
    }

    fn of(&self, task: u32) -> i64 {
        self.0.get(task as usize).copied().unwrap_or(0)
    }

    /// Labels need a component each.
    ///
    /// # Errors
    /// [`Error::Setting`] if the experiment learns from labels and has fewer components.
    pub fn check(&self, inference: &Inference) -> Result<()> {
        let supervision = match inference.objective {
            Objective::Clustering { supervision, .. }
            | Objective::ClassConditional { supervision, .. } => supervision,
            _ => 0.0,
        };
        let least = self.0.iter().max().map_or(0, |most| most + 1);
        match inference.posterior {
            Posterior::Mixture { components, .. }
                if supervision > 0.0 && (components as i64) < least =>
            {
                Err(Error::Setting {
                    key: "inference.posterior.components",
                    expected: format!("at least {least}, one for each base task to learn from"),
                    got: components.to_string(),
                })
            }
            _ => Ok(()),
        }
    }
}
