//! Chunks as they lie in the log.
//!
//! A body is a [`ChunkMeta`] and then numbers: observation 0, and for each transition its action,
//! task reward, training reward if the family has one of its own, the task in force (bits of a u32)
//! if that can change within an episode, and next observation. So each observation is there once,
//! and a transition is one run of memory.

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
    /// Columns for the task in force.
    task: usize,
}

impl ChunkLayout {
    /// For an environment.
    #[must_use]
    pub fn new(spec: &EnvSpec) -> Self {
        Self {
            observation: spec.observation_dim,
            action: spec.action_dim,
            shaped: spec.shaped_reward.into(),
            task: spec.task_changes.into(),
        }
    }

    /// Tells logs of different environments apart.
    #[must_use]
    pub fn fingerprint(&self) -> u32 {
        let Self { observation, action, shaped, task } = self;
        crc32c::crc32c(format!("{observation} {action} {shaped} {task}").as_bytes())
    }

    /// Numbers from one transition to the next.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.observation + self.action + 1 + self.shaped + self.task
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
        let (action, shaped, task) = (4 * self.action, 4 * self.shaped, 4 * self.task);
        for (i, place) in rest.chunks_exact_mut(4 * self.stride()).enumerate() {
            let (place_action, place) = place.split_at_mut(action);
            let (place_reward, place) = place.split_at_mut(4);
            let (place_shaped, place) = place.split_at_mut(shaped);
            let (place_task, place_next) = place.split_at_mut(task);
            place_action.copy_from_slice(chunk.action(i));
            place_reward.copy_from_slice(&chunk.reward(i).to_le_bytes());
            if self.shaped == 1 {
                place_shaped.copy_from_slice(&chunk.training_reward(i).to_le_bytes());
            }
            place_task.copy_from_slice(chunk.task_in_force(i));
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

    /// The task that was in force in transition `i`, by its position in the list of the split;
    /// `None` where the task of the trial stays in force.
    #[must_use]
    pub fn task_in_force(&self, i: usize) -> Option<u32> {
        let ChunkLayout { observation, action, shaped, task } = self.layout;
        let place = i * self.layout.stride() + observation + action + 1 + shaped;
        (task == 1).then(|| self.numbers[place].to_bits())
    }

    /// 0 for a transition that terminates its episode, else 1.
    #[must_use]
    pub fn not_terminated(&self, i: usize) -> f32 {
        let last = (i + 1) * self.layout.stride() + self.layout.observation == self.numbers.len();
        if last && self.terminated { 0.0 } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Chunk, Segment};

    #[test]
    fn a_chunk_is_read_back_as_it_came_in() {
        let numbers = |from: u8, count: u8| (from..from + count).map(f32::from).collect();
        for (shaped_reward, task_changes) in [(false, false), (true, false), (true, true)] {
            let spec = EnvSpec { shaped_reward, task_changes, ..EnvSpec::new(2, 1, 9) };
            let shaped = if shaped_reward { numbers(40, 3) } else { vec![] };
            let actions = vec![0.1, 0.2, 0.3];
            let end = Some(End::Terminated);
            let segment =
                Segment::new(&spec, numbers(1, 8), actions, numbers(20, 3), shaped, end).unwrap();
            let tasks = [7, 0, u32::MAX];
            let segment = match task_changes {
                true => segment.with_tasks(tasks.to_vec()).unwrap(),
                false => segment,
            };
            let chunk = Chunk {
                origin: Origin {
                    actor: ActorId(1),
                    incarnation: Incarnation(2),
                    sequence: Sequence(3),
                },
                trial: TrialId(4),
                task: TaskRef { split: Split::Train, index: 5 },
                episode: 0,
                offset: 6,
                context: true,
                policy_version: Version(7),
                encoder_version: Version(8),
                segment,
            };
            let chunk = CheckedChunk::check(proto::chunk::encode(&chunk), &spec).unwrap();
            let (layout, meta) = (ChunkLayout::new(&spec), ChunkMeta::of(&chunk));
            let mut body = vec![0; layout.body(3)];
            layout.write(&meta, &chunk, &mut body);
            let (read, transitions) = layout.read(&body).unwrap();
            assert_eq!(read, meta);
            for i in 0..3u8 {
                let at = usize::from(i);
                let (first, x) = (f32::from(1 + 2 * i), f32::from(i));
                let before = [first, first + 1.0, 0.1 * (x + 1.0), 20.0 + x];
                let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
                assert!(transitions.before(at).iter().zip(&before).all(close));
                assert_eq!(transitions.next_observation(at), [first + 2.0, first + 3.0]);
                let training = if shaped_reward { 40.0 + x } else { 20.0 + x };
                assert_eq!(transitions.training_reward(at), training);
                assert_eq!(transitions.not_terminated(at), if i == 2 { 0.0 } else { 1.0 });
                assert_eq!(transitions.task_in_force(at), task_changes.then_some(tasks[at]));
            }
        }
    }
}
