//! Chunks as they lie in the log.
//!
//! A body is a [`ChunkMeta`] and then numbers: observation 0, and for each transition its action,
//! task reward, training reward if the family has one of its own, and next observation. So each
//! observation is there once, and a transition is one run of memory.

use bytemuck::{Pod, Zeroable};
use proto::chunk::CheckedChunk;
use types::{
    ActorId, End, EnvSpec, Incarnation, Origin, Sequence, Split, TaskRef, TrialId, Version,
};

/// What a chunk says besides its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct ChunkMeta {
    incarnation: u64,
    sequence: u64,
    trial: u64,
    policy_version: u64,
    encoder_version: u64,
    actor: u32,
    split: u32,
    task: u32,
    episode: u32,
    offset: u32,
    len: u32,
    context: u32,
    end: u32,
}

/// Bytes before the numbers.
const META: usize = size_of::<ChunkMeta>();

impl ChunkMeta {
    /// Of a chunk that came in.
    #[must_use]
    pub fn of(chunk: &CheckedChunk) -> Self {
        Self {
            incarnation: chunk.origin.incarnation.0,
            sequence: chunk.origin.sequence.0,
            trial: chunk.trial.0,
            policy_version: chunk.policy_version.0,
            encoder_version: chunk.encoder_version.0,
            actor: chunk.origin.actor.0,
            split: match chunk.task.split {
                Split::Train => 1,
                Split::Test => 2,
            },
            task: chunk.task.index,
            episode: chunk.episode,
            offset: chunk.offset,
            len: u32::try_from(chunk.len()).unwrap_or(u32::MAX),
            context: chunk.context.into(),
            end: match chunk.end {
                None => 0,
                Some(End::Terminated) => 1,
                Some(End::Truncated) => 2,
            },
        }
    }

    /// Who sent it.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin {
            actor: ActorId(self.actor),
            incarnation: Incarnation(self.incarnation),
            sequence: Sequence(self.sequence),
        }
    }

    /// The trial it belongs to.
    #[must_use]
    pub fn trial(&self) -> TrialId {
        TrialId(self.trial)
    }

    /// The task of the trial.
    #[must_use]
    pub fn task(&self) -> TaskRef {
        let split = if self.split == 1 { Split::Train } else { Split::Test };
        TaskRef { split, index: self.task }
    }

    /// Weights that acted.
    #[must_use]
    pub fn policy_version(&self) -> Version {
        Version(self.policy_version)
    }

    /// Weights that inferred the task.
    #[must_use]
    pub fn encoder_version(&self) -> Version {
        Version(self.encoder_version)
    }

    /// Number of the episode in the trial.
    #[must_use]
    pub fn episode(&self) -> u32 {
        self.episode
    }

    /// Position of the first transition in the episode.
    #[must_use]
    pub fn offset(&self) -> u32 {
        self.offset
    }

    /// Transitions, at least one.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a chunk is never empty")]
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether the transitions may serve as context.
    #[must_use]
    pub fn context(&self) -> bool {
        self.context != 0
    }

    /// Whether an episode ends with the last transition.
    #[must_use]
    pub fn ends_episode(&self) -> bool {
        self.end != 0
    }

    /// Whether the last transition terminates its episode.
    #[must_use]
    pub fn terminated(&self) -> bool {
        self.end == 1
    }
}

/// How the numbers of a chunk lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkLayout {
    observation: usize,
    action: usize,
    shaped: usize,
}

impl ChunkLayout {
    /// For an environment.
    #[must_use]
    pub fn new(spec: &EnvSpec) -> Self {
        Self {
            observation: spec.observation_dim,
            action: spec.action_dim,
            shaped: spec.shaped_reward.into(),
        }
    }

    /// Tells logs of different environments apart.
    #[must_use]
    pub fn fingerprint(&self) -> u32 {
        let Self { observation, action, shaped } = self;
        crc32c::crc32c(format!("{observation} {action} {shaped}").as_bytes())
    }

    /// Numbers from one transition to the next.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.observation + self.action + 1 + self.shaped
    }

    fn numbers(&self, len: usize) -> usize {
        self.observation + len * self.stride()
    }

    /// Bytes of the body for `len` transitions.
    #[must_use]
    pub fn body(&self, len: usize) -> usize {
        META + 4 * self.numbers(len)
    }

    /// Writes a chunk into a body of [`ChunkLayout::body`] bytes.
    pub fn write(&self, meta: &ChunkMeta, chunk: &CheckedChunk, body: &mut [u8]) {
        let (head, numbers) = body.split_at_mut(META);
        head.copy_from_slice(bytemuck::bytes_of(meta));
        let (first, rest) = numbers.split_at_mut(4 * self.observation);
        first.copy_from_slice(chunk.observation(0));
        let (action, shaped) = (4 * self.action, 4 * self.shaped);
        for (i, place) in rest.chunks_exact_mut(4 * self.stride()).enumerate() {
            let (place_action, place) = place.split_at_mut(action);
            let (place_reward, place) = place.split_at_mut(4);
            let (place_shaped, place_next) = place.split_at_mut(shaped);
            place_action.copy_from_slice(chunk.action(i));
            place_reward.copy_from_slice(&chunk.reward(i).to_le_bytes());
            if self.shaped == 1 {
                place_shaped.copy_from_slice(&chunk.training_reward(i).to_le_bytes());
            }
            place_next.copy_from_slice(chunk.observation(i + 1));
        }
    }

    /// Reads a body back; `None` if it cannot be one of this layout.
    #[must_use]
    pub fn read<'a>(&self, body: &'a [u8]) -> Option<(ChunkMeta, Transitions<'a>)> {
        let meta: ChunkMeta = bytemuck::pod_read_unaligned(body.get(..META)?);
        let whole = self.body(usize::try_from(meta.len).ok()?);
        let sound = meta.len > 0 && matches!(meta.split, 1 | 2) && meta.end <= 2;
        if !sound || whole != body.len() {
            return None;
        }
        Some((meta, self.over(body, meta.terminated())?))
    }

    /// The numbers in a body that is known to be a chunk of this layout.
    #[must_use]
    pub fn over<'a>(&self, body: &'a [u8], terminated: bool) -> Option<Transitions<'a>> {
        let numbers = bytemuck::try_cast_slice(body.get(META..)?).ok()?;
        Some(Transitions { layout: *self, numbers, terminated })
    }
}

/// The numbers of a chunk.
#[derive(Debug, Clone, Copy)]
pub struct Transitions<'a> {
    layout: ChunkLayout,
    numbers: &'a [f32],
    terminated: bool,
}

impl<'a> Transitions<'a> {
    /// Observation, action and task reward of transition `i`, one after another.
    #[must_use]
    pub fn before(&self, i: usize) -> &'a [f32] {
        let start = i * self.layout.stride();
        &self.numbers[start..start + self.layout.observation + self.layout.action + 1]
    }

    /// The observation after transition `i`.
    #[must_use]
    pub fn next_observation(&self, i: usize) -> &'a [f32] {
        let start = (i + 1) * self.layout.stride();
        &self.numbers[start..start + self.layout.observation]
    }

    /// The reward that learning uses for transition `i`.
    #[must_use]
    pub fn training_reward(&self, i: usize) -> f32 {
        let reward = i * self.layout.stride() + self.layout.observation + self.layout.action;
        self.numbers[reward + self.layout.shaped]
    }

    /// 0 for a transition that terminates its episode, else 1.
    #[must_use]
    pub fn not_terminated(&self, i: usize) -> f32 {
        let last = (i + 1) * self.layout.stride() + self.layout.observation == self.numbers.len();
        if last && self.terminated { 0.0 } else { 1.0 }
    }
}
