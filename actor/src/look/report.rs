//! Tells of episodes, one line of JSON for each event.

use super::{Audience, Error, Moment};
use envs::Env;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use types::TaskRef;

/// Time between two lines on how far it is.
const PROGRESS: Duration = Duration::from_millis(200);

/// What happens, as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event<'a> {
    /// It goes on.
    Progress {
        /// Number of the episode, from 0.
        episode: u32,
        /// Steps taken.
        step: usize,
        /// Steps of the episode if nothing ends it.
        of: usize,
    },
    /// An episode has started.
    Start {
        /// Number of the episode, from 0.
        episode: u32,
        /// The task in force.
        task: TaskRef,
        /// What the agent sees.
        observation: Cow<'a, [f32]>,
    },
    /// A step was taken.
    Step {
        /// Number of the episode, from 0.
        episode: u32,
        /// Number of the step, from 1.
        step: usize,
        /// The task that was in force.
        task: TaskRef,
        /// The action.
        action: Cow<'a, [f32]>,
        /// What the agent saw next.
        observation: Cow<'a, [f32]>,
        /// The task's own reward.
        reward: f64,
        /// What learning would use.
        shaped_reward: f64,
        /// Whether the task ended.
        terminated: bool,
    },
    /// An episode is over.
    Episode {
        /// Number of the episode, from 0.
        episode: u32,
        /// The task that was in force at the end.
        task: TaskRef,
        /// Sum of the task's own rewards.
        #[serde(rename = "return")]
        total: f64,
        /// Steps taken.
        length: usize,
        /// Whether the task ended it, and not the horizon.
        terminated: bool,
    },
    /// Pictures are in a file or a folder.
    Pictures {
        /// Where.
        path: Cow<'a, Path>,
        /// How many.
        count: u32,
    },
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Every episode, and now and then how far it is.
    Episodes,
    /// Every step too.
    Steps,
}

/// Writes events as lines of JSON.
#[derive(Debug)]
pub struct Reporter<W> {
    out: W,
    detail: Detail,
    told: Instant,
}

impl<W: Write> Reporter<W> {
    /// Writes to `out`.
    pub fn new(out: W, detail: Detail) -> Self {
        Self { out, detail, told: Instant::now() }
    }

    /// Writes an event.
    ///
    /// # Errors
    /// [`Error::Report`] when nobody reads.
    pub fn tell(&mut self, event: &Event<'_>) -> Result<(), Error> {
        let line = serde_json::to_string(event).map_err(|error| Error::Report(error.into()))?;
        writeln!(self.out, "{line}").and_then(|()| self.out.flush()).map_err(Error::Report)
    }

    fn tell_step(&mut self, moment: &Moment<'_>) -> Result<(), Error> {
        let &Moment { episode, steps, task, observation, .. } = moment;
        let (task, observation) = (task.id, observation.into());
        match moment.last {
            None => self.tell(&Event::Start { episode, task, observation }),
            Some((action, step)) => self.tell(&Event::Step {
                episode,
                step: steps,
                task,
                action: action.into(),
                observation,
                reward: step.reward,
                shaped_reward: step.shaped_reward,
                terminated: step.terminated,
            }),
        }
    }
}

impl<W: Write> Audience for Reporter<W> {
    fn see(&mut self, moment: &Moment<'_>, _: &mut dyn Env) -> Result<(), Error> {
        let &Moment { episode, steps, horizon, .. } = moment;
        if self.detail == Detail::Steps {
            self.tell_step(moment)?;
        } else if self.told.elapsed() >= PROGRESS {
            self.told = Instant::now();
            self.tell(&Event::Progress { episode, step: steps, of: horizon })?;
        }
        if moment.is_last() {
            self.tell(&Event::Episode {
                episode,
                task: moment.task.id,
                total: moment.total,
                length: steps,
                terminated: moment.is_terminated(),
            })?;
        }
        Ok(())
    }
}
