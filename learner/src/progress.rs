//! What the trainer tells: losses gathered on the device and fetched rarely, counters, scores.

use crate::error::Result;
use crate::method::{InferenceLosses, Losses};
use crate::networks::parameters::to_host;
use proto::v1;
use std::collections::HashMap;
use std::time::Duration;
use tch::{Device, Kind, Tensor};
use tokio::sync::{mpsc, watch};

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Initial experience comes in.
    #[default]
    Collecting,
    /// Updates run.
    Training,
    /// The last evaluation runs.
    Evaluating,
    /// All is done, or stopped early.
    Done,
    /// Training was given up.
    Failed,
}

impl Phase {
    /// As it is called on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Collecting => "collecting",
            Self::Training => "training",
            Self::Evaluating => "evaluating",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// What the trainer knows of itself at a moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Standing {
    /// Where the run is.
    pub phase: Phase,
    /// Where tensors live.
    pub device: String,
    /// Updates done.
    pub updates: u64,
    /// Samples per insert so far.
    pub samples_per_insert: f64,
    /// Newest published version.
    pub version: u64,
    /// Newest losses and times by name.
    pub metrics: HashMap<String, f64>,
    /// Why training was given up.
    pub failure: String,
    /// Why it pauses.
    pub paused: String,
    /// Updates at the newest checkpoint.
    pub checkpoint_updates: u64,
    /// Outcomes taken and written down.
    pub outcomes: u64,
}

/// The trainer's end of reporting.
#[derive(Debug, Clone)]
pub struct Reporter {
    standing: watch::Sender<Option<Standing>>,
    evaluations: mpsc::Sender<v1::Evaluation>,
}

/// The other end.
#[derive(Debug)]
pub struct Reports {
    /// Newest standing.
    pub standing: watch::Receiver<Option<Standing>>,
    /// Evaluations, in order.
    pub evaluations: mpsc::Receiver<v1::Evaluation>,
}

/// Both ends.
#[must_use]
pub fn channel() -> (Reporter, Reports) {
    let (standing, standing_receiver) = watch::channel(None);
    let (evaluations, evaluations_receiver) = mpsc::channel(32);
    let reports = Reports { standing: standing_receiver, evaluations: evaluations_receiver };
    (Reporter { standing, evaluations }, reports)
}

impl Reporter {
    /// Tells where the trainer is; the newest counts.
    pub fn standing(&self, standing: Standing) {
        self.standing.send_replace(Some(standing));
    }

    /// Turns the newest standing into that of a failure.
    pub fn failed(&self, why: String) {
        self.standing.send_modify(|standing| {
            let mut failed = standing.take().unwrap_or_default();
            failed.phase = Phase::Failed;
            failed.failure = why;
            *standing = Some(failed);
        });
    }

    /// Hands over an evaluation; waits while many are still to be told.
    pub fn evaluation(&self, evaluation: v1::Evaluation) {
        if self.evaluations.blocking_send(evaluation).is_err() {
            tracing::warn!("nobody takes the evaluation: the link to the coordinator is closed");
        }
    }
}

const LOSSES: [&str; 5] = ["loss/q", "loss/kl", "loss/policy", "loss/v", "alpha"];
/// Losses of the encoder where it is trained apart.
const ENCODER_LOSSES: [&str; 4] =
    ["inference/loss", "inference/reward", "inference/observation", "inference/kl"];

/// Gathers losses and times.
#[derive(Debug)]
pub struct Meter {
    /// Sums of the losses over good updates, and their number; on the device.
    sums: Tensor,
    /// The same of the encoder where it is trained apart.
    encoder_sums: Tensor,
    since_read: u64,
    skipped: u64,
    skipped_in_a_row: u64,
    sampling: Duration,
    updating: Duration,
    waiting: Duration,
    publishing: Duration,
    /// What checkpoints took in all.
    saving: Duration,
    /// What checkpoints kept training from going on: the last one, and the longest.
    stall: Duration,
    longest_stall: Duration,
    losses: HashMap<String, f64>,
}

impl Meter {
    /// Nothing gathered yet.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn new(device: Device) -> Result<Self> {
        Ok(Self {
            sums: Tensor::f_zeros([LOSSES.len() as i64 + 1], (Kind::Float, device))?,
            encoder_sums: Tensor::f_zeros(
                [ENCODER_LOSSES.len() as i64 + 1],
                (Kind::Float, device),
            )?,
            since_read: 0,
            skipped: 0,
            skipped_in_a_row: 0,
            sampling: Duration::ZERO,
            updating: Duration::ZERO,
            waiting: Duration::ZERO,
            publishing: Duration::ZERO,
            saving: Duration::ZERO,
            stall: Duration::ZERO,
            longest_stall: Duration::ZERO,
            losses: HashMap::new(),
        })
    }

    /// Adds an update without waiting for the device.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn update(&mut self, losses: &Losses, took: Duration) -> Result<()> {
        let Losses { q, kl, policy, v, alpha, usable } = losses;
        add(&mut self.sums, &[q, kl, policy, v, alpha], usable)?;
        self.since_read += 1;
        self.updating += took;
        Ok(())
    }

    /// Adds an update of the encoder without waiting for the device.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn encoder_update(&mut self, losses: &InferenceLosses, took: Duration) -> Result<()> {
        let terms = &losses.terms;
        let parts = [
            &terms.total,
            &terms.reconstruction_reward,
            &terms.reconstruction_observation,
            &terms.kl,
        ];
        add(&mut self.encoder_sums, &parts, &losses.usable)?;
        self.since_read += 1;
        self.updating += took;
        Ok(())
    }

    /// Notes the newest value of something.
    pub fn note(&mut self, name: &str, value: f64) {
        self.losses.insert(name.to_owned(), value);
    }

    /// Adds time spent on sampling and copying.
    pub fn sampling(&mut self, took: Duration) {
        self.sampling += took;
    }

    /// Notes how long a checkpoint kept training from going on.
    pub fn stalled(&mut self, took: Duration) {
        self.saving += took;
        self.stall = took;
        self.longest_stall = self.longest_stall.max(took);
    }

    /// Adds time spent on publishing weights.
    pub fn published(&mut self, took: Duration) {
        self.publishing += took;
    }

    /// Adds time spent waiting for experience.
    pub fn waited(&mut self, took: Duration) {
        self.waiting += took;
    }

    /// Fetches what was gathered since the last call; the only place that waits for the device.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn read(&mut self) -> Result<HashMap<String, f64>> {
        if self.since_read > 0 {
            self.fetch()?;
        }
        let mut metrics = self.losses.clone();
        let seconds = [
            ("waited_data_s", self.waiting),
            ("update_s", self.updating),
            ("sample_s", self.sampling),
            ("publish_s", self.publishing),
            ("checkpoint_s", self.saving),
            ("checkpoint_stall_s", self.stall),
            ("checkpoint_stall_max_s", self.longest_stall),
        ];
        metrics.extend(seconds.map(|(name, time)| (name.to_owned(), time.as_secs_f64())));
        metrics.insert("skipped_updates".to_owned(), self.skipped as f64);
        Ok(metrics)
    }

    fn fetch(&mut self) -> Result<()> {
        let good = fetch(&mut self.sums, &LOSSES, &mut self.losses)?
            + fetch(&mut self.encoder_sums, &ENCODER_LOSSES, &mut self.losses)?;
        let bad = self.since_read as f64 - good;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number between 0 and the updates since the last fetch"
        )]
        let bad = bad.max(0.0) as u64;
        self.skipped += bad;
        self.skipped_in_a_row = if good > 0.0 { 0 } else { self.skipped_in_a_row + bad };
        self.since_read = 0;
        Ok(())
    }

    /// Updates skipped since the last good one, as of the last [`Meter::read`].
    #[must_use]
    pub fn skipped_in_a_row(&self) -> u64 {
        self.skipped_in_a_row
    }
}

/// Adds losses and the number of updates that counted.
fn add(sums: &mut Tensor, losses: &[&Tensor], usable: &Tensor) -> Result<()> {
    let terms: Vec<Tensor> = losses.iter().map(|loss| loss.detach()).collect();
    let terms = Tensor::f_stack(&terms, 0)?.f_nan_to_num(0.0, 0.0, 0.0)?.f_mul(usable)?;
    let terms = Tensor::f_cat(&[terms, usable.f_view([1])?], 0)?;
    drop(sums.f_add_(&terms)?);
    Ok(())
}

/// Means by name since the last time; gives the number of updates that counted.
fn fetch(sums: &mut Tensor, names: &[&str], means: &mut HashMap<String, f64>) -> Result<f64> {
    let numbers = to_host(sums)?;
    let good = f64::from(numbers[names.len()]);
    drop(sums.f_zero_()?);
    if good > 0.0 {
        let named = names.iter().zip(&numbers);
        means.extend(named.map(|(name, sum)| ((*name).to_owned(), f64::from(*sum) / good)));
    }
    Ok(good)
}
