//! Transitions of an episode on their way into segments.

use envs::Step;
use types::{End, EnvSpec, Segment, SegmentError};

/// Collects the transitions of one episode after another and cuts them into segments.
#[derive(Debug)]
pub(crate) struct Recorder {
    spec: EnvSpec,
    chunk: usize,
    /// Position in the episode of the first transition kept here.
    offset: u32,
    observations: Vec<f32>,
    actions: Vec<f32>,
    rewards: Vec<f32>,
    shaped_rewards: Vec<f32>,
    tasks: Vec<u32>,
}

impl Recorder {
    /// For segments of at most `chunk` transitions.
    pub(crate) fn new(spec: EnvSpec, chunk: usize) -> Self {
        let mut recorder = Self {
            spec,
            chunk,
            offset: 0,
            observations: Vec::new(),
            actions: Vec::new(),
            rewards: Vec::new(),
            shaped_rewards: Vec::new(),
            tasks: Vec::new(),
        };
        recorder.replace();
        recorder
    }

    /// Starts an episode; what was not cut of the one before is dropped.
    pub(crate) fn begin(&mut self, observation: &[f32]) {
        self.offset = 0;
        self.observations.clear();
        self.actions.clear();
        self.rewards.clear();
        self.shaped_rewards.clear();
        self.tasks.clear();
        self.observations.extend_from_slice(observation);
    }

    /// Adds a transition; `observation` is the one after it, `task` the one that was in force.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "rewards travel as f32; one that overflows becomes infinite and is refused"
    )]
    pub(crate) fn push(&mut self, action: &[f32], step: &Step, task: u32, observation: &[f32]) {
        self.actions.extend_from_slice(action);
        self.rewards.push(step.reward as f32);
        if self.spec.shaped_reward {
            self.shaped_rewards.push(step.shaped_reward as f32);
        }
        if self.spec.task_changes {
            self.tasks.push(task);
        }
        self.observations.extend_from_slice(observation);
    }

    /// Whether the next segment has its full size.
    pub(crate) fn is_full(&self) -> bool {
        self.rewards.len() >= self.chunk
    }

    /// Position in the episode of the first transition of the next segment.
    pub(crate) fn offset(&self) -> u32 {
        self.offset
    }

    /// The transitions since the last cut, if there are any. The last observation is kept: it is
    /// the first one of the next segment.
    ///
    /// # Errors
    /// [`SegmentError::NotFinite`] if an environment put out such a number.
    pub(crate) fn cut(&mut self, end: Option<End>) -> Result<Option<Segment>, SegmentError> {
        let len = self.rewards.len();
        if len == 0 {
            return Ok(None);
        }
        let tasks = std::mem::take(&mut self.tasks);
        let [observations, actions, rewards, shaped_rewards] = self.replace();
        let last = &observations[len * self.spec.observation_dim..];
        self.observations.extend_from_slice(last);
        self.offset += u32::try_from(len).unwrap_or(u32::MAX);
        let spec = &self.spec;
        let segment = Segment::new(spec, observations, actions, rewards, shaped_rewards, end)?;
        match spec.task_changes {
            true => segment.with_tasks(tasks).map(Some),
            false => Ok(Some(segment)),
        }
    }

    /// Puts empty arrays with room for a segment in place of those that are there.
    fn replace(&mut self) -> [Vec<f32>; 4] {
        let n = self.chunk.min(self.spec.horizon.max(1));
        let shaped = if self.spec.shaped_reward { n } else { 0 };
        let fresh = |numbers| Vec::with_capacity(numbers);
        [
            std::mem::replace(&mut self.observations, fresh((n + 1) * self.spec.observation_dim)),
            std::mem::replace(&mut self.actions, fresh(n * self.spec.action_dim)),
            std::mem::replace(&mut self.rewards, fresh(n)),
            std::mem::replace(&mut self.shaped_rewards, fresh(shaped)),
        ]
    }
}
