//! One environment and the trial that it plays: phases, episodes, steps.

use super::batch::Row;
use super::context::Context;
use super::is_recorded;
use super::link::{Cut, Link};
use super::record::Recorder;
use super::watch::Watched;
use crate::agent::Agent;
use envs::Env;
use nets::AgentSpec;
use nets::gaussian::fill_standard_normal;
use rand_chacha::ChaCha8Rng;
use types::{
    End, EnvSpec, EpisodeOutcome, LatentSource, Phase, Role, Task, Trial, TrialOutcome, Version,
    stream,
};

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
    context: Context,
    watched: Watched,
    run: Option<Run>,
}

/// A trial in hand.
struct Run {
    trial: Trial,
    task: Task,
    outcomes: Vec<EpisodeOutcome>,
    episode: Episode,
}

/// An episode in progress.
struct Episode {
    number: u32,
    phase: Phase,
    /// Whether its transitions are kept to infer later latents of the trial.
    keeps_context: bool,
    encoder_version: Version,
    steps: usize,
    task_return: f64,
    world: ChaCha8Rng,
    dice: ChaCha8Rng,
}

impl Episode {
    fn new(trial: &Trial, number: u32, phase: Phase) -> Self {
        let random = |role| stream(trial.seed, role, number.into(), 0);
        Self {
            number,
            phase,
            keeps_context: phase.context && infers_after(trial, number),
            encoder_version: Version::default(),
            steps: 0,
            task_return: 0.0,
            world: random(Role::Environment),
            dice: random(Role::Action),
        }
    }

    fn outcome(&self, end: End, version: Version) -> EpisodeOutcome {
        EpisodeOutcome {
            task_return: self.task_return,
            length: u32::try_from(self.steps).unwrap_or(u32::MAX),
            end,
            version,
            beliefs: Vec::new(),
        }
    }
}

impl Slot {
    pub(super) fn new(
        env: Box<dyn Env>,
        spec: &EnvSpec,
        agent: &AgentSpec,
        chunk: usize,
        watched: Watched,
    ) -> Self {
        Self {
            env,
            horizon: spec.horizon,
            recorder: Recorder::new(*spec, chunk),
            context: Context::new(&agent.encoder),
            watched,
            run: None,
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.run.is_some()
    }

    /// Takes a trial, which has at least one episode, and begins its first episode.
    pub(crate) fn start(
        &mut self,
        trial: Trial,
        task: Task,
        agent: &mut Agent,
        row: &mut Row<'_>,
    ) -> Result<(), Interrupt> {
        let Some(phase) = trial.phase_of(0) else {
            return Ok(());
        };
        self.context.clear();
        self.watched.begins(&trial);
        self.run = Some(Run {
            outcomes: Vec::with_capacity(trial.episodes() as usize),
            episode: Episode::new(&trial, 0, phase),
            trial,
            task,
        });
        self.begin_episode(agent, row)
    }

    /// Draws the episode's latent and puts the environment at its start.
    fn begin_episode(&mut self, agent: &mut Agent, row: &mut Row<'_>) -> Result<(), Interrupt> {
        let Some(run) = &mut self.run else {
            return Ok(());
        };
        let episode = &mut run.episode;
        let mut latent = stream(run.trial.seed, Role::Latent, episode.number.into(), 0);
        episode.encoder_version = agent.version();
        fill_standard_normal(&mut latent, row.latent);
        if episode.phase.latent == LatentSource::Posterior {
            self.context.shift(agent, row.latent)?;
        }
        let (env, world) = (&mut self.env, &mut episode.world);
        let reset = || env.reset(&run.task, world, row.observation);
        self.watched.during(episode.number, 0, reset)?;
        if episode.keeps_context {
            self.context.reserve(self.horizon);
        }
        if is_recorded(run.trial.purpose) {
            self.recorder.begin(row.observation);
        }
        Ok(())
    }

    /// The noise of the next action: none in evaluation.
    pub(crate) fn draw_noise(&mut self, row: &mut Row<'_>) {
        match &mut self.run {
            Some(run) if is_recorded(run.trial.purpose) => {
                fill_standard_normal(&mut run.episode.dice, row.noise);
            }
            _ => row.noise.fill(0.0),
        }
    }

    /// Takes the action of the row and goes on to the next episode if this one ended; gives the
    /// outcome if it was the last.
    pub(crate) fn step<L: Link>(
        &mut self,
        agent: &mut Agent,
        row: &mut Row<'_>,
        link: &mut L,
    ) -> Result<Option<TrialOutcome>, Interrupt> {
        let Some(end) = self.step_env(agent.version(), row, link)? else {
            return Ok(None);
        };
        let Some(run) = &mut self.run else {
            return Ok(None);
        };
        run.outcomes.push(run.episode.outcome(end, agent.version()));
        let next = run.episode.number + 1;
        if let Some(phase) = run.trial.phase_of(next) {
            run.episode = Episode::new(&run.trial, next, phase);
            self.begin_episode(agent, row)?;
            return Ok(None);
        }
        Ok(self.run.take().map(|run| run.outcome(None)))
    }

    fn step_env<L: Link>(
        &mut self,
        version: Version,
        row: &mut Row<'_>,
        link: &mut L,
    ) -> Result<Option<End>, Interrupt> {
        let Some(run) = &mut self.run else {
            return Ok(None);
        };
        let episode = &mut run.episode;
        if episode.keeps_context {
            self.context.see(row.observation, row.action);
        }
        let (env, world) = (&mut self.env, &mut episode.world);
        let work = || env.step(row.action, world, row.observation);
        let step = self.watched.during(episode.number, episode.steps, work)?;
        if !step.reward.is_finite() {
            let reward = step.reward;
            return Err(Interrupt::Failed(format!(
                "reward: expected a finite number, got {reward}"
            )));
        }
        if episode.keeps_context {
            self.context.receive(step.reward, row.observation);
        }
        episode.steps += 1;
        episode.task_return += step.reward;
        let end = match step.terminated {
            true => Some(End::Terminated),
            false if episode.steps >= self.horizon || env.truncated() => Some(End::Truncated),
            false => None,
        };
        if is_recorded(run.trial.purpose) {
            let task = self.env.in_force().unwrap_or(run.trial.task.index);
            self.recorder.push(row.action, &step, task, row.observation);
            if end.is_some() || self.recorder.is_full() {
                self.cut(version, end, link)?;
            }
        }
        Ok(end)
    }

    /// Hands over the transitions since the last cut, which `policy_version` acted in.
    pub(crate) fn cut<L: Link>(
        &mut self,
        policy_version: Version,
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
            policy_version,
            encoder_version: run.episode.encoder_version,
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

impl Run {
    fn outcome(self, why: Option<String>) -> TrialOutcome {
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

/// Whether an episode after number `number` draws its latent from the posterior.
fn infers_after(trial: &Trial, number: u32) -> bool {
    let mut first = 0;
    trial.phases.iter().any(|phase| {
        first += phase.episodes;
        phase.latent == LatentSource::Posterior && phase.episodes > 0 && first > number + 1
    })
}
