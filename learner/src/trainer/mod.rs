//! The trainer: owns networks, optimisers, schedule and evaluation, on a thread of its own. It
//! talks to the world through the channels of [`Links`] alone.
//!
//! What happens to it is written to the experience log before the world can know of it, so that a
//! learner that is started again takes up where this one stopped (`resume.rs`). Collection and
//! learning take turns in `lockstep.rs` or go on at the same time (`asynchronous.rs`).

mod agent;
mod asynchronous;
mod evaluation;
mod labels;
mod lockstep;
mod resume;
mod saving;
mod trials;
mod turns;

pub use resume::Resumed;
pub use turns::{Classes, Turns};

use crate::checkpoint::{Checkpoints, Writer};
use crate::collect::{Collector, Intake as _, Plan};
use crate::error::{Error, Result};
use crate::evaluate::Evaluator;
use crate::experience::Event;
use crate::method::{Method, MethodSettings, MethodSpec};
use crate::progress::{Meter, Phase, Reporter, Standing};
use crate::publish::Publisher;
use crate::replay::sampler::HostNoise;
use crate::replay::{HostBatch, HostContexts, Limiter, SampleSizes, Store, WindowShape};
use nets::Params;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tch::Device;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use types::experiment::Mode;
use types::{Experiment, FamilySpec, Trial, TrialId, TrialOutcome};

/// Longest wait for new experience before looking around again.
const PATIENCE: Duration = Duration::from_millis(200);
/// Time between two reports.
const REPORT_EVERY: Duration = Duration::from_millis(500);
/// Skipped updates in a row after which training is given up.
const MOST_SKIPPED: u64 = 200;

/// What the trainer is made of.
#[derive(Debug)]
pub struct Setup {
    /// The experiment.
    pub experiment: Experiment,
    /// The task family.
    pub family: FamilySpec,
    /// Where the run's files go.
    pub run_dir: PathBuf,
    /// The replay.
    pub store: Arc<Store>,
    /// Where training stood, if this is not its beginning.
    pub resumed: Option<Resumed>,
    /// Where weights go.
    pub publisher: Publisher,
    /// The rest of the world.
    pub links: Links,
    /// Stop early: checkpoint and leave.
    pub stop: CancellationToken,
}

/// Trials for the coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// To be collected.
    pub trials: Vec<Trial>,
    /// Although they may be done: what they brought has been lost.
    pub recollect: bool,
}

/// What the coordinator has to say about trials.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// The next one of its list of outcomes.
    Outcome(TrialOutcome),
    /// It may have forgotten trials that were asked for, and where `recollect` says so outcomes too:
    /// all that is waited for is to be asked for again.
    Again {
        /// Also those that the coordinator takes for done.
        recollect: bool,
    },
}

/// Channels between the trainer and the tasks that move messages.
#[derive(Debug)]
pub struct Links {
    /// Trials to be collected.
    pub trials: mpsc::Sender<Request>,
    /// Outcomes of trials, in the order of the coordinator's list.
    pub outcomes: mpsc::Receiver<Notice>,
    /// Progress for the coordinator.
    pub reporter: Reporter,
}

/// The trainer.
#[derive(Debug)]
pub struct Trainer {
    experiment: Experiment,
    device: Device,
    store: Arc<Store>,
    publisher: Publisher,
    links: Links,
    stop: CancellationToken,
    method: Method,
    turns: Turns,
    /// Encoder and what is trained with it as they did best in this cycle.
    kept: Option<Params>,
    /// The cycle and the transitions in the replay when all of it was labelled last.
    labelled_at: Option<(u64, u64)>,
    /// Where the context is a window.
    windows: Option<WindowShape>,
    classes: Classes,
    sizes: SampleSizes,
    host_contexts: HostContexts,
    host_batch: HostBatch,
    host_noise: HostNoise,
    collector: Collector,
    evaluator: Evaluator,
    checkpoints: Checkpoints,
    writer: Writer,
    limiter: Option<Limiter>,
    meter: Meter,
    updates: u64,
    sampled: u64,
    /// Transitions in the replay when learning began.
    initial: Option<u64>,
    /// Whether anything was learned since the last publication.
    unpublished: bool,
    /// Asked for and without an outcome.
    outstanding: BTreeMap<TrialId, Trial>,
    /// In lockstep: trials of the iteration, to be inserted together.
    round: BTreeSet<TrialId>,
    /// In lockstep: outcomes that the log knows and that training has not come to again.
    known: BTreeMap<TrialId, TrialOutcome>,
    /// Outcomes taken from the coordinator's list.
    outcomes: u64,
    /// Seconds of training before this process.
    wall_before: f64,
    started: Instant,
    reported: Instant,
    saved: Instant,
}

impl Trainer {
    /// Builds networks and schedule, or takes them up where they were.
    ///
    /// # Errors
    /// If the experiment cannot work with the family, or libtorch fails.
    pub fn new(setup: Setup) -> Result<Self> {
        let Setup { experiment, family, run_dir, store, resumed, publisher, links, stop } = setup;
        // Before the first tensor.
        let device = crate::device::resolve(&experiment.learner.device)?;
        let plan = plan(&experiment, &family);
        let sizes = SampleSizes {
            tasks: experiment.learner.tasks,
            transitions: experiment.learner.transitions,
            source: agent::source(&experiment.inference),
        };
        plan.check(sizes)?;
        let classes = Classes::of_family(&family);
        classes.check(&experiment.inference)?;
        let spec = MethodSpec::of(&experiment, &family.env)?;
        let settings = MethodSettings::of(&experiment);
        let params = resumed.as_ref().and_then(|resumed| resumed.params.as_ref());
        let method = match params {
            Some(params) => Method::resume(&spec, settings, sizes.tasks, (params, device))?,
            None => {
                let params = first_params(&experiment, &spec)?;
                Method::new(&spec, settings, sizes.tasks, (&params, device))?
            }
        };
        let kept = params.and_then(best_inference).transpose()?;
        let checkpoints = experiment.learner.checkpoints as usize;
        let checkpoints = Checkpoints::in_run(&run_dir, checkpoints)?;
        let at = resumed.as_ref().and_then(|resumed| resumed.state.as_ref());
        let newest = at.map_or(0, |state| state.updates);
        let writer = Writer::start(checkpoints.clone(), store.clone(), newest, stop.clone())?;
        let now = Instant::now();
        let mut trainer = Self {
            method,
            turns: Turns::new(experiment.inference.decoder.as_ref().map(|d| d.weights)),
            kept,
            labelled_at: None,
            windows: WindowShape::of(&experiment.inference),
            classes,
            host_contexts: HostContexts::default(),
            host_batch: HostBatch::default(),
            host_noise: HostNoise::default(),
            collector: Collector::new(plan),
            evaluator: Evaluator::new(&experiment, &family),
            checkpoints,
            writer,
            meter: Meter::new(device)?,
            limiter: None,
            updates: 0,
            sampled: 0,
            initial: None,
            unpublished: true,
            outstanding: BTreeMap::new(),
            round: BTreeSet::new(),
            known: BTreeMap::new(),
            outcomes: 0,
            wall_before: 0.0,
            started: now,
            reported: now,
            saved: now,
            experiment,
            device,
            store,
            publisher,
            links,
            stop,
            sizes,
        };
        if let Some(resumed) = resumed {
            trainer.resume(resumed, &family)?;
        }
        Ok(trainer)
    }

    /// Trains until the budget is spent and the last evaluation is in, or until told to stop.
    /// Either way a checkpoint holds the final parameters.
    ///
    /// # Errors
    /// What ended training before its time.
    pub fn run(mut self) -> Result<()> {
        let ending = self.train();
        if let Err(error) = &ending {
            // What was learned is good: an update that is not finite was never applied.
            if let Err(second) = self.save_and_wait() {
                tracing::warn!(%second, "could not write a last checkpoint");
            }
            tracing::error!(%error, "training ends");
            return ending;
        }
        self.report(Phase::Done)
    }

    fn train(&mut self) -> Result<()> {
        match self.mode() {
            Mode::Async => self.train_asynchronously()?,
            Mode::Lockstep => self.train_in_lockstep()?,
        }
        self.save_and_wait()?;
        if self.stop.is_cancelled() {
            return Ok(());
        }
        self.last_evaluation()?;
        self.save_and_wait()
    }

    fn mode(&self) -> Mode {
        self.experiment.collection.mode
    }

    /// Nothing more will be collected, and everything collected is paid for.
    fn is_done(&self) -> bool {
        self.limiter.is_some() && self.collector.is_done(&*self.store) && !self.may_update()
    }

    fn may_update(&self) -> bool {
        let samples = self.sizes.samples();
        let inserted = self.store.inserted();
        self.limiter.is_some_and(|l| l.may_sample(inserted, self.sampled, samples))
    }

    fn new_limiter(&self, initial: u64) -> Limiter {
        let collection = &self.experiment.collection;
        Limiter::new(collection.samples_per_insert, collection.tolerance, initial)
    }

    fn publish(&mut self) -> Result<()> {
        let began = Instant::now();
        let params = self.method.acting()?;
        let bytes = nets::write_agent(self.method.agent(), &params)?;
        let version = self.publisher.next();
        self.note(&Event::Published { version })?;
        self.store.published(version);
        self.publisher.publish(bytes);
        self.unpublished = false;
        self.meter.published(began.elapsed());
        Ok(())
    }

    fn wait(&mut self, mark: u64) -> Result<()> {
        if self.links.outcomes.is_closed() {
            return Err(Error::Disconnected);
        }
        let began = Instant::now();
        self.store.wait(mark, PATIENCE);
        self.meter.waited(began.elapsed());
        Ok(())
    }

    /// Seconds of training so far, over all processes.
    fn wall(&self) -> f64 {
        self.wall_before + self.started.elapsed().as_secs_f64()
    }

    /// Training or still collecting the initial experience.
    fn phase(&self) -> Phase {
        if self.limiter.is_some() { Phase::Training } else { Phase::Collecting }
    }

    fn report_if_due(&mut self, phase: Phase) -> Result<()> {
        if self.reported.elapsed() < REPORT_EVERY {
            return Ok(());
        }
        self.reported = Instant::now();
        self.report(phase)?;
        let skipped = self.meter.skipped_in_a_row();
        if skipped >= MOST_SKIPPED { Err(Error::NotFinite { skipped }) } else { Ok(()) }
    }

    fn report(&mut self, phase: Phase) -> Result<()> {
        let inserted = self.store.inserted();
        let measured = self.limiter.map_or(0.0, |l| l.measured(inserted, self.sampled));
        let mut metrics = self.meter.read()?;
        if let Some(limiter) = self.limiter {
            let ahead = limiter.ahead(inserted, self.sampled);
            metrics.insert("collection_ahead".to_owned(), ahead);
        }
        let standing = Standing {
            phase,
            device: crate::device::name(self.device),
            updates: self.updates,
            samples_per_insert: measured,
            version: self.store.newest().0,
            metrics,
            failure: String::new(),
            paused: self.writer.full().unwrap_or_default(),
            checkpoint_updates: self.writer.newest(),
            outcomes: self.outcomes,
        };
        self.links.reporter.standing(standing);
        Ok(())
    }
}

/// What the collection schedule of an experiment depends on.
fn plan(experiment: &Experiment, family: &FamilySpec) -> Plan {
    Plan {
        seed: experiment.seed,
        collection: experiment.collection.clone(),
        tasks: u32::try_from(family.train.len()).unwrap_or(u32::MAX),
        horizon: family.env.horizon as u64,
        budget: experiment.budget.env_steps,
    }
}

/// Prefix of the parameters that did best in a cycle, in a checkpoint.
const BEST: &str = "best.";

/// What a new run starts from. A pre-trained encoder comes from its file.
fn first_params(experiment: &Experiment, spec: &MethodSpec) -> Result<Params> {
    let drawn = spec.initial(experiment.seed)?;
    let Some(path) = &experiment.inference.pretrained else {
        return Ok(drawn);
    };
    let bytes = std::fs::read(path).map_err(|source| Error::File {
        action: "read",
        path: path.into(),
        source,
    })?;
    let (trained, params) = nets::read_agent(&bytes)?;
    let (expected, got) = (&spec.agent.encoder, &trained.encoder);
    let what = |spec: &nets::EncoderSpec| {
        let sizes = (spec.input(), spec.latent, spec.head.clone());
        (spec.body.clone(), sizes, spec.posterior, spec.normalise)
    };
    if what(expected) != what(got) {
        return Err(Error::Setting {
            key: "inference.pretrained",
            expected: format!("weights of an encoder like {:?}", what(expected)),
            got: format!("{:?} in {path}", what(got)),
        });
    }
    let of_encoder = |t: &&nets::Tensor| t.name().starts_with("encoder.");
    let mut tensors: Vec<_> = drawn.tensors().iter().filter(|t| !of_encoder(t)).cloned().collect();
    tensors.extend(params.tensors().iter().filter(of_encoder).cloned());
    Ok(Params::new(tensors)?)
}

/// What was kept in the middle of a cycle.
fn best_inference(params: &Params) -> Option<Result<Params>> {
    let kept = params.tensors().iter().filter_map(|tensor| {
        let name = tensor.name().strip_prefix(BEST)?;
        Some(nets::Tensor::new(name.to_owned(), tensor.shape().to_vec(), tensor.data().to_vec()))
    });
    let kept: Vec<_> = kept.collect();
    if kept.is_empty() {
        return None;
    }
    let tensors: std::result::Result<Vec<_>, _> = kept.into_iter().collect();
    Some(tensors.and_then(Params::new).map_err(Error::from))
}
