//! One environment and the trial that it plays: phases, episodes, steps.

use super::batch::Row;
use super::episode::Run;
use super::is_recorded;
use super::link::{Cut, Link};
use super::moments::Moments;
use super::record::Recorder;
use super::watch::Watched;
use crate::adaptive::AdaptiveAgent;
use envs::Env;
use types::{End, EnvSpec, Task, Trial, TrialOutcome};

/// Why a trial does not go on.
#[derive(Debug)]
pub(crate) enum Interrupt {
    /// Something is wrong with it.
    Failed(String),
    /// Nobody takes what it gives.
    Over,
}

impl From<super::Over> for Interrupt {
    fn from(_: super::Over) -> Self {
        Self::Over
    }
}

impl From<envs::Error> for Interrupt {
    fn from(error: envs::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<nets::Error> for Interrupt {
    fn from(error: nets::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<types::SegmentError> for Interrupt {
    fn from(error: types::SegmentError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// An environment, with what it needs to play trials.
pub(crate) struct Slot {
    env: Box<dyn Env>,
    horizon: usize,
    recorder: Recorder,
    /// Its number among the slots is in here.
    watched: Watched,
    run: Option<Run>,
}

impl Slot {
    pub(super) fn new(env: Box<dyn Env>, spec: &EnvSpec, chunk: usize, watched: Watched) -> Self {
        let recorder = Recorder::new(*spec, chunk);
        Self { env, horizon: spec.horizon, recorder, watched, run: None }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.run.is_some()
    }

    /// Whether the next action is the policy's.
    pub(crate) fn asks_policy(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.episode.hand.is_policy())
    }

    /// Takes a trial, which has at least one episode, and begins its first episode.
    pub(crate) fn start(
        &mut self,
        trial: Trial,
        task: Task,
        agent: &mut AdaptiveAgent,
        row: &mut Row<'_>,
    ) -> Result<(), Interrupt> {
        let Some(phase) = trial.phase_of(0) else {
            return Ok(());
        };
        self.watched.begins(&trial);
        let moments = Moments::of(&trial, self.horizon, agent.latent());
        self.run = Some(Run::new(trial, task, phase, moments));
        agent.begin_trial(self.watched.slot)?;
        self.begin_episode(agent, row)
    }

    /// Puts the environment at its start, and has the agent get ready for the episode.
    fn begin_episode(
        &mut self,
        agent: &mut AdaptiveAgent,
        row: &mut Row<'_>,
    ) -> Result<(), Interrupt> {
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        let episode = &mut run.episode;
        let (slot, number) = (self.watched.slot, episode.number);
        agent.begin_episode(slot, &run.trial, number, self.horizon, row.given)?;
        let (env, world) = (&mut self.env, &mut episode.world);
        let reset = || env.reset(&run.task, world, row.observation);
        self.watched.during(number, 0, reset)?;
        if is_recorded(run.trial.purpose) {
            self.recorder.begin(row.observation);
        }
        Ok(())
    }

    /// The noise of the next action: none in evaluation.
    pub(crate) fn draw_noise(&mut self, row: &mut Row<'_>) {
        match &mut self.run {
            Some(run) if is_recorded(run.trial.purpose) && run.episode.hand.is_policy() => {
                run.episode.hand.draw_noise(row.noise);
            }
            _ => row.noise.fill(0.0),
        }
    }

    /// Takes the action of the row, or that of whoever acts in the policy's place, and goes on to
    /// the next episode if this one ended; gives the outcome if it was the last.
    pub(crate) fn step<L: Link>(
        &mut self,
        agent: &mut AdaptiveAgent,
        row: &mut Row<'_>,
        link: &mut L,
    ) -> Result<Option<TrialOutcome>, Interrupt> {
        let end = self.step_env(agent, row)?;
        if end.is_some() || self.recorder.is_full() {
            self.cut(agent, end, link)?;
        }
        let (Some(end), Some(run)) = (end, &mut self.run) else {
            return Ok(None);
        };
        if run.end_episode(end, agent.version()) {
            self.begin_episode(agent, row)?;
            return Ok(None);
        }
        Ok(self.run.take().map(|run| run.outcome(None)))
    }

    /// One step, with all that is remembered of it.
    fn step_env(
        &mut self,
        agent: &mut AdaptiveAgent,
        row: &mut Row<'_>,
    ) -> Result<Option<End>, Interrupt> {
        let Some(run) = &mut self.run else {
            return Ok(None);
        };
        let episode = &mut run.episode;
        episode.hand.act(row.action);
        agent.see(self.watched.slot, row.observation, row.action);
        let (env, world) = (&mut self.env, &mut episode.world);
        let work = || env.step(row.action, world, row.observation);
        let step = self.watched.during(episode.number, episode.steps, work)?;
        finite("reward", step.reward)?;
        agent.receive(self.watched.slot, step.reward, row.observation)?;
        episode.steps += 1;
        episode.task_return += step.reward;
        let end = match step.terminated {
            true => Some(End::Terminated),
            false if episode.steps >= self.horizon || env.truncated() => Some(End::Truncated),
            false => None,
        };
        let task = env.in_force().unwrap_or(run.trial.task.index);
        if is_recorded(run.trial.purpose) {
            self.recorder.push(row.action, &step, task, row.observation);
        }
        if run.reports_belief(end) {
            run.take_belief(task, agent, self.watched.slot)?;
        }
        Ok(end)
    }

    /// Hands over the transitions since the last cut, in which the weights of `agent` acted.
    pub(crate) fn cut<L: Link>(
        &mut self,
        agent: &AdaptiveAgent,
        end: Option<End>,
        link: &mut L,
    ) -> Result<(), Interrupt> {
        let Some(run) = self.run.as_ref().filter(|r| is_recorded(r.trial.purpose)) else {
            return Ok(());
        };
        let offset = self.recorder.offset();
        let Some(segment) = self.recorder.cut(end)? else {
            return Ok(());
        };
        link.chunk(Cut {
            trial: run.trial.id,
            task: run.trial.task,
            episode: run.episode.number,
            offset,
            context: run.episode.phase.context,
            policy_version: agent.version(),
            encoder_version: agent.encoder_version(self.watched.slot),
            segment,
        })?;
        Ok(())
    }

    /// Gives up the trial in hand, with all that is needed to see it fail again, and continues in
    /// a new environment.
    pub(crate) fn fail(&mut self, env: Box<dyn Env>, why: String) -> Option<TrialOutcome> {
        self.env = env;
        self.run.take().map(|run| run.outcome(Some(why)))
    }
}

fn finite(what: &str, value: f64) -> Result<(), Interrupt> {
    match value.is_finite() {
        true => Ok(()),
        false => Err(Interrupt::Failed(format!("{what}: expected a finite number, got {value}"))),
    }
}
