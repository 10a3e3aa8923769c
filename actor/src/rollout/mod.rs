//! Rolling out trials: many environments, one batched inference per step, no network in sight.
//!
//! A [`Rollout`] steps a fixed number of slots together. Each slot plays one trial at a time, as a
//! state machine over its phases, episodes and steps, and takes the next trial from the [`Link`]
//! when it is through; slots do not wait for each other. Everything random in a trial comes from
//! streams of its seed, and a row of a batch does not depend on the other rows, so a trial's data
//! depends on the trial and on the weights alone.

mod batch;
mod behaviour;
mod episode;
mod link;
mod moments;
mod record;
mod slot;
mod watch;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

pub(crate) use behaviour::fill_uniform;
pub use link::{Cut, Link, Local, Over, Signal};
pub(crate) use watch::Suspicion;
pub use watch::{OpenStep, StepWatch};

use crate::Error;
use crate::adaptive::AdaptiveAgent;
use crate::agent::Agent;
use batch::Batch;
use envs::TaskFamily;
use nets::AgentSpec;
use slot::{Interrupt, Slot};
use std::ops::ControlFlow;
use std::sync::Arc;
use types::{EnvSpec, Purpose, Split, Task, TaskRef, Trial, TrialOutcome};
use watch::Watched;

/// What a call of [`Rollout::advance`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many environments took a step.
    Stepped(usize),
    /// There are no weights yet, or no slot has a trial and the link has none.
    Idle,
    /// The link takes nothing any more; trials in hand were dropped.
    Over,
}

/// Environments of one family that are stepped together by the thread that owns this.
pub struct Rollout {
    family: Box<dyn TaskFamily>,
    spec: EnvSpec,
    train: Vec<Task>,
    test: Vec<Task>,
    slots: Vec<Slot>,
    batch: Batch,
    agent: Option<AdaptiveAgent>,
}

impl std::fmt::Debug for Rollout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let slots = self.slots.len();
        let family = self.family.name();
        write!(f, "Rollout({slots} environments of {family})")
    }
}

impl Rollout {
    /// Builds `slots` environments; transitions are cut into chunks of at most `chunk`.
    ///
    /// # Errors
    /// [`Error::Environment`] if an environment cannot be built.
    pub fn new(
        family: impl TaskFamily + 'static,
        agent: &AgentSpec,
        slots: usize,
        chunk: usize,
    ) -> Result<Self, Error> {
        Self::watched(family, agent, slots, chunk, &Arc::default())
    }

    /// As [`Rollout::new`]; `watch` tells others which step of which environment is in progress.
    ///
    /// # Errors
    /// As [`Rollout::new`].
    pub fn watched(
        family: impl TaskFamily + 'static,
        agent: &AgentSpec,
        slots: usize,
        chunk: usize,
        watch: &Arc<StepWatch>,
    ) -> Result<Self, Error> {
        let spec = family.spec();
        let make = |slot| {
            let watched = Watched { watch: Arc::clone(watch), slot };
            Ok::<_, Error>(Slot::new(family.make()?, &spec, chunk, watched))
        };
        Ok(Self {
            spec,
            train: family.tasks(Split::Train),
            test: family.tasks(Split::Test),
            slots: (0..slots).map(make).collect::<Result<_, _>>()?,
            family: Box::new(family),
            batch: Batch::new(&spec, agent.policy.latent, slots),
            agent: None,
        })
    }

    /// Rolls out until the link says that there is nothing more to do.
    ///
    /// # Errors
    /// As [`Rollout::advance`].
    pub fn run<L: Link>(&mut self, link: &mut L) -> Result<(), Error> {
        loop {
            match self.advance(link)? {
                Progress::Stepped(environments) => link.stepped(environments),
                Progress::Over => return Ok(()),
                Progress::Idle => {
                    let version = self.agent.as_ref().map(|agent| agent.version());
                    if link.wait(version) == ControlFlow::Break(()) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// One step of every environment that has a trial, after giving trials to those that have none.
    ///
    /// # Errors
    /// [`Error::Environment`] if an environment that failed cannot be built anew. (A trial that
    /// fails is no error: it is an outcome.)
    pub fn advance<L: Link>(&mut self, link: &mut L) -> Result<Progress, Error> {
        let flow = match link.poll() {
            Signal::Nothing => Ok(()),
            Signal::Weights(agent) => self.swap(agent, link)?,
            Signal::GiveUp => Err(Over),
        };
        let Some(mut agent) = self.agent.take().filter(|_| flow.is_ok()) else {
            return Ok(flow.map_or(Progress::Over, |()| Progress::Idle));
        };
        let progress = self.advance_with(&mut agent, link);
        self.agent = Some(agent);
        progress
    }

    fn advance_with<L: Link>(
        &mut self,
        agent: &mut AdaptiveAgent,
        link: &mut L,
    ) -> Result<Progress, Error> {
        for index in 0..self.slots.len() {
            self.fill(index, agent, link)?;
        }
        let active = self.slots.iter().filter(|slot| slot.is_active()).count();
        if active == 0 {
            return Ok(Progress::Idle);
        }
        for (index, slot) in self.slots.iter_mut().enumerate() {
            slot.draw_noise(&mut self.batch.row(index));
        }
        let asking = self.slots.iter().enumerate().filter(|(_, slot)| slot.asks_policy());
        self.batch.act(agent, asking.map(|(index, _)| index))?;
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            if !slot.is_active() {
                continue;
            }
            match slot.step(agent, &mut self.batch.row(index), link) {
                Ok(None) => {}
                Ok(Some(outcome)) => link.outcome(outcome),
                Err(Interrupt::Over) => return Ok(Progress::Over),
                Err(Interrupt::Failed(why)) => self.fail(index, why, link)?,
            }
        }
        Ok(Progress::Stepped(active))
    }

    /// Gives an idle slot a trial, if the link has one.
    fn fill<L: Link>(
        &mut self,
        index: usize,
        agent: &mut AdaptiveAgent,
        link: &mut L,
    ) -> Result<(), Error> {
        while !self.slots[index].is_active() {
            let Some(trial) = link.trial(agent.version()) else {
                return Ok(());
            };
            let Some(task) = self.task(trial.task).filter(|_| trial.episodes() > 0) else {
                link.outcome(self.impossible(&trial));
                continue;
            };
            let started = self.slots[index].start(trial, task, agent, &mut self.batch.row(index));
            if let Err(Interrupt::Failed(why)) = started {
                self.fail(index, why, link)?;
            }
        }
        Ok(())
    }

    /// Ends what the old weights did, then uses the new ones.
    fn swap<L: Link>(
        &mut self,
        agent: Box<Agent>,
        link: &mut L,
    ) -> Result<Result<(), Over>, Error> {
        let Some(mut used) = self.agent.take() else {
            self.agent = Some(AdaptiveAgent::new(agent, self.slots.len())?);
            return Ok(Ok(()));
        };
        if agent.version() > used.version() {
            for index in 0..self.slots.len() {
                match self.slots[index].cut(&used, None, link) {
                    Ok(()) => {}
                    Err(Interrupt::Over) => return Ok(Err(Over)),
                    Err(Interrupt::Failed(why)) => self.fail(index, why, link)?,
                }
            }
            used.renew(agent);
        }
        self.agent = Some(used);
        Ok(Ok(()))
    }

    /// Reports the trial of a slot as failed and builds the slot a new environment.
    fn fail<L: Link>(&mut self, index: usize, why: String, link: &mut L) -> Result<(), Error> {
        let env = self.family.make()?;
        if let Some(outcome) = self.slots[index].fail(env, why) {
            tracing::warn!(trial = %outcome.trial, failure = outcome.failure, "trial given up");
            link.outcome(outcome);
        }
        Ok(())
    }

    fn task(&self, task: TaskRef) -> Option<Task> {
        let tasks = match task.split {
            Split::Train => &self.train,
            Split::Test => &self.test,
        };
        tasks.get(task.index as usize).cloned()
    }

    fn impossible(&self, trial: &Trial) -> TrialOutcome {
        let family = self.family.name();
        let (train, test) = (self.train.len(), self.test.len());
        let failure = format!(
            "expected at least one episode of one of the {train} training and {test} test tasks \
             of {family}, got {} episodes of task {}",
            trial.episodes(),
            trial.task
        );
        TrialOutcome {
            trial: trial.id,
            task: trial.task,
            purpose: trial.purpose,
            episodes: Vec::new(),
            failure: Some(failure),
        }
    }

    /// Shapes and horizon of the environments.
    #[must_use]
    pub fn spec(&self) -> &EnvSpec {
        &self.spec
    }
}

/// Whether transitions of a trial are sent to the learner.
fn is_recorded(purpose: Purpose) -> bool {
    purpose == Purpose::Train
}
