//! The trainer: owns networks, optimisers, schedule and evaluation, on a thread of its own. It
//! talks to the world through the channels of [`Links`] alone.

use crate::checkpoint::{Checkpoints, Parts, State};
use crate::collect::{Collector, Intake as _, Plan};
use crate::error::{Error, Result};
use crate::evaluate::{Evaluator, Moment};
use crate::pearl::{self, Pearl, PearlSettings, PearlSpec};
use crate::progress::{Meter, Phase, Reporter};
use crate::publish::Publisher;
use crate::replay::sampler::{HostBatch, HostNoise, NoiseShape, choose_tasks, to_device};
use crate::replay::{Limiter, SampleSizes, Store};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tch::Device;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use types::{Experiment, FamilySpec, Purpose, Trial, TrialOutcome};

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
    /// Where weights go.
    pub publisher: Publisher,
    /// The rest of the world.
    pub links: Links,
    /// Stop early: checkpoint and leave.
    pub stop: CancellationToken,
}

/// Channels between the trainer and the tasks that move messages.
#[derive(Debug)]
pub struct Links {
    /// Trials to be collected.
    pub trials: mpsc::Sender<Vec<Trial>>,
    /// Outcomes of trials.
    pub outcomes: mpsc::Receiver<TrialOutcome>,
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
    pearl: Pearl,
    sizes: SampleSizes,
    noise: NoiseShape,
    host_batch: HostBatch,
    host_noise: HostNoise,
    collector: Collector,
    evaluator: Evaluator,
    checkpoints: Checkpoints,
    limiter: Option<Limiter>,
    meter: Meter,
    updates: u64,
    sampled: u64,
    /// Whether anything was learned since the last publication.
    unpublished: bool,
    started: Instant,
    reported: Instant,
    saved: Instant,
}

impl Trainer {
    /// Builds networks and schedule.
    ///
    /// # Errors
    /// If the experiment cannot work with the family, or libtorch fails.
    pub fn new(setup: Setup) -> Result<Self> {
        let Setup { experiment, family, run_dir, store, publisher, links, stop } = setup;
        // Before the first tensor.
        let device = crate::device::resolve(&experiment.learner.device)?;
        let plan = Plan {
            seed: experiment.seed,
            collection: experiment.collection.clone(),
            tasks: u32::try_from(family.train.len()).unwrap_or(u32::MAX),
            horizon: family.env.horizon as u64,
            budget: experiment.budget.env_steps,
        };
        let sizes = SampleSizes {
            tasks: experiment.learner.tasks,
            transitions: experiment.learner.transitions,
            context: experiment.inference.context,
        };
        plan.check(sizes)?;
        let spec = PearlSpec {
            agent: nets::AgentSpec::of(&experiment, &family.env),
            critics: nets::CriticSpec::of(&experiment, &family.env),
        };
        let params = pearl::initial(&spec, experiment.seed)?;
        let now = Instant::now();
        Ok(Self {
            pearl: Pearl::new(&spec, PearlSettings::of(&experiment), &params, device)?,
            noise: NoiseShape {
                tasks: sizes.tasks,
                latent: experiment.inference.latent,
                transitions: sizes.tasks * sizes.transitions,
                action: family.env.action_dim,
            },
            host_batch: HostBatch::default(),
            host_noise: HostNoise::default(),
            collector: Collector::new(plan),
            evaluator: Evaluator::new(experiment.evaluation.clone(), experiment.seed, &family),
            checkpoints: Checkpoints::in_run(&run_dir)?,
            meter: Meter::new(device)?,
            limiter: None,
            updates: 0,
            sampled: 0,
            unpublished: true,
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
        })
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
            if let Err(second) = self.save() {
                tracing::warn!(%second, "could not write a last checkpoint");
            }
            tracing::error!(%error, "training ends");
            return ending;
        }
        self.report(Phase::Done, "")
    }

    fn train(&mut self) -> Result<()> {
        self.publish()?;
        let trials = self.collector.initial(&*self.store);
        self.submit(trials)?;
        while !self.is_done() && !self.stop.is_cancelled() {
            let mark = self.store.mark();
            self.take_outcomes()?;
            self.ask_for_trials()?;
            if self.evaluator.is_due(self.store.inserted()) && self.limiter.is_some() {
                self.evaluate(false)?;
            }
            if self.may_update() {
                self.update()?;
            } else {
                self.wait(mark)?;
            }
            self.keep_posted()?;
        }
        self.save()?;
        if self.stop.is_cancelled() {
            return Ok(());
        }
        self.last_evaluation()
    }

    fn is_done(&self) -> bool {
        self.limiter.is_some() && self.collector.is_done(&*self.store) && !self.may_update()
    }

    fn may_update(&self) -> bool {
        let samples = self.sizes.samples();
        let inserted = self.store.inserted();
        self.limiter.is_some_and(|l| l.may_sample(inserted, self.sampled, samples))
    }

    fn take_outcomes(&mut self) -> Result<()> {
        while let Ok(outcome) = self.links.outcomes.try_recv() {
            match outcome.purpose {
                Purpose::Train => self.close_trial(&outcome)?,
                Purpose::Evaluate => {
                    if let Some(scores) = self.evaluator.take(&outcome) {
                        self.links.reporter.evaluation(scores);
                    }
                }
            }
        }
        if self.limiter.is_none() && self.collector.open() == 0 {
            self.begin_learning()?;
        }
        Ok(())
    }

    fn close_trial(&mut self, outcome: &TrialOutcome) -> Result<()> {
        if let Some(failure) = &outcome.failure {
            tracing::warn!(trial = %outcome.trial, task = %outcome.task, failure, "a trial failed");
        }
        match self.collector.close(outcome, &*self.store)? {
            Some(trial) => self.submit(vec![trial]),
            None => Ok(()),
        }
    }

    /// The initial experience is in: from here on, learning is metered against collection.
    fn begin_learning(&mut self) -> Result<()> {
        if !self.store.every_task_has_context() {
            let why = "a task without any context after the initial trials".to_owned();
            return Err(Error::Message { what: "initial experience", why });
        }
        let collection = &self.experiment.collection;
        let (ratio, tolerance) = (collection.samples_per_insert, collection.tolerance);
        self.limiter = Some(Limiter::new(ratio, tolerance, self.store.inserted()));
        tracing::info!(env_steps = self.store.inserted(), "initial experience is in; training");
        Ok(())
    }

    fn ask_for_trials(&mut self) -> Result<()> {
        let Some(limiter) = self.limiter else {
            return Ok(());
        };
        let mut trials = Vec::new();
        while let Some(trial) = self.collector.next(&limiter, self.sampled, &*self.store) {
            trials.push(trial);
        }
        self.submit(trials)
    }

    fn submit(&mut self, trials: Vec<Trial>) -> Result<()> {
        if trials.is_empty() {
            return Ok(());
        }
        self.links.trials.blocking_send(trials).map_err(|_closed| Error::Disconnected)
    }

    fn update(&mut self) -> Result<()> {
        let began = Instant::now();
        let seed = self.experiment.seed;
        let available = self.experiment_tasks();
        let tasks = choose_tasks(seed, self.updates, self.sizes.tasks, available);
        let mut rng = types::stream(seed, types::Role::Sample, self.updates, 1);
        self.store.sample(&tasks, self.sizes, &mut rng, &mut self.host_batch);
        let noise = self.host_noise.draw(seed, self.updates, self.noise.count());
        let layout = self.store.layout();
        let batch = to_device(&self.host_batch, noise, self.noise, &layout, self.device)?;
        self.meter.sampling(began.elapsed());
        let began = Instant::now();
        let losses = self.pearl.update(&batch)?;
        self.meter.update(&losses, began.elapsed())?;
        self.updates += 1;
        self.sampled += self.sizes.samples();
        self.unpublished = true;
        if self.updates.is_multiple_of(self.experiment.learner.publish_every) {
            self.publish()?;
        }
        Ok(())
    }

    fn experiment_tasks(&self) -> usize {
        self.collector.plan().tasks as usize
    }

    fn publish(&mut self) -> Result<()> {
        let params = self.pearl.acting()?;
        let bytes = nets::write_agent(self.pearl.agent(), &params)?;
        self.store.published(self.publisher.next());
        self.publisher.publish(bytes);
        self.unpublished = false;
        Ok(())
    }

    fn evaluate(&mut self, last: bool) -> Result<()> {
        if self.unpublished {
            self.publish()?;
        }
        let moment = Moment {
            env_steps: self.store.inserted(),
            updates: self.updates,
            version: types::Version(self.publisher.next().0 - 1),
            wall_s: self.started.elapsed().as_secs_f64(),
            last,
        };
        let trials = self.evaluator.begin(moment, &*self.store);
        self.submit(trials)
    }

    /// Waits for a running evaluation, then evaluates the final weights.
    fn last_evaluation(&mut self) -> Result<()> {
        self.await_evaluation()?;
        if !self.stop.is_cancelled() {
            self.evaluate(true)?;
            self.await_evaluation()?;
        }
        Ok(())
    }

    fn await_evaluation(&mut self) -> Result<()> {
        while self.evaluator.is_pending() && !self.stop.is_cancelled() {
            let mark = self.store.mark();
            self.take_outcomes()?;
            if self.evaluator.is_pending() {
                self.store.wait(mark, PATIENCE);
            }
            self.report_if_due(Phase::Evaluating)?;
        }
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

    fn keep_posted(&mut self) -> Result<()> {
        let phase = if self.limiter.is_some() { Phase::Training } else { Phase::Collecting };
        self.report_if_due(phase)?;
        let every = self.experiment.learner.checkpoint_seconds;
        if self.updates > 0 && self.saved.elapsed().as_secs_f64() >= every {
            self.save()?;
        }
        Ok(())
    }

    fn report_if_due(&mut self, phase: Phase) -> Result<()> {
        if self.reported.elapsed() < REPORT_EVERY {
            return Ok(());
        }
        self.reported = Instant::now();
        self.report(phase, "")?;
        let skipped = self.meter.skipped_in_a_row();
        if skipped >= MOST_SKIPPED { Err(Error::NotFinite { skipped }) } else { Ok(()) }
    }

    fn report(&mut self, phase: Phase, failure: &str) -> Result<()> {
        let inserted = self.store.inserted();
        let measured = self.limiter.map_or(0.0, |l| l.measured(inserted, self.sampled));
        let newest = self.publisher.next().0.saturating_sub(1);
        let metrics = self.meter.read()?;
        let moment = crate::progress::Standing {
            phase,
            device: crate::device::name(self.device),
            updates: self.updates,
            samples_per_insert: measured,
            version: newest,
            metrics,
            failure: failure.to_owned(),
        };
        self.links.reporter.standing(moment);
        Ok(())
    }

    fn save(&mut self) -> Result<()> {
        self.saved = Instant::now();
        let weights = nets::write_agent(self.pearl.agent(), &self.pearl.acting()?)?;
        let state = State {
            format: 1,
            updates: self.updates,
            env_steps: self.store.inserted(),
            sampled: self.sampled,
            version: self.publisher.next().0.saturating_sub(1),
        };
        let learner = self.pearl.everything()?.to_bytes(&std::collections::BTreeMap::new());
        let place = self.checkpoints.write(&Parts { weights, learner, state })?;
        tracing::info!(place = %place.display(), "wrote a checkpoint");
        Ok(())
    }
}
