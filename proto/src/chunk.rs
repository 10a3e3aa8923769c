//! Chunks of experience: encoding with a checksum, and the check that every received chunk passes
//! before anything else sees it.

use crate::convert::{end_from_wire, end_to_wire, read_actor_key};
use crate::error::WireError;
use crate::{PROTOCOL, v1};
use bytes::Bytes;
use types::segment::SegmentLengths;
use types::{
    Chunk, End, EnvSpec, Origin, Segment, SegmentError, Sequence, TaskRef, TrialId, Version,
};

#[cfg(target_endian = "big")]
compile_error!("f32 arrays travel as little-endian memory; a big-endian host needs a conversion");

/// Encodes a chunk. Its arrays are moved, not copied element by element.
#[must_use]
pub fn encode(chunk: &Chunk) -> v1::Chunk {
    let Chunk { origin, segment, .. } = chunk;
    let bytes = |values: &[f32]| Bytes::copy_from_slice(bytemuck::cast_slice(values));
    let mut wire = v1::Chunk {
        protocol: PROTOCOL,
        actor: Some(crate::convert::actor_key(origin.actor, origin.incarnation)),
        sequence: origin.sequence.0,
        trial: chunk.trial.0,
        task: Some(chunk.task.into()),
        episode: chunk.episode,
        offset: chunk.offset,
        context: chunk.context,
        policy_version: chunk.policy_version.0,
        encoder_version: chunk.encoder_version.0,
        len: u32::try_from(segment.len()).unwrap_or(u32::MAX),
        observations: bytes(segment.observations()),
        actions: bytes(segment.actions()),
        rewards: bytes(segment.rewards()),
        shaped_rewards: bytes(segment.shaped_rewards()),
        end: end_to_wire(segment.end()),
        tasks: Bytes::copy_from_slice(bytemuck::cast_slice(segment.tasks())),
        checksum: 0,
    };
    wire.checksum = checksum(&wire);
    wire
}

/// CRC-32 over the scalar fields in declaration order (each as a little-endian u64), then the byte
/// fields.
#[must_use]
pub fn checksum(chunk: &v1::Chunk) -> u32 {
    let actor = chunk.actor.unwrap_or_default();
    let task = chunk.task.unwrap_or_default();
    let scalars: [u64; 14] = [
        chunk.protocol.into(),
        actor.actor.into(),
        actor.incarnation,
        chunk.sequence,
        chunk.trial,
        task.split.into(),
        task.index.into(),
        chunk.episode.into(),
        chunk.offset.into(),
        chunk.context.into(),
        chunk.policy_version,
        chunk.encoder_version,
        chunk.len.into(),
        chunk.end.into(),
    ];
    let mut crc = crc32fast::Hasher::new();
    crc.update(bytemuck::cast_slice(&scalars));
    let v1::Chunk { observations, actions, rewards, shaped_rewards, tasks, .. } = chunk;
    for field in [observations, actions, rewards, shaped_rewards, tasks] {
        crc.update(field);
    }
    crc.finalize()
}

/// A received chunk that has passed every check. The arrays still lie in the receive buffer.
#[derive(Debug, Clone)]
pub struct CheckedChunk {
    /// Sender and sequence number.
    pub origin: Origin,
    /// The trial it belongs to.
    pub trial: TrialId,
    /// The task of the trial.
    pub task: TaskRef,
    /// Number of the episode in the trial.
    pub episode: u32,
    /// Position of the first transition in the episode.
    pub offset: u32,
    /// Whether the transitions may serve as context.
    pub context: bool,
    /// Weights that acted.
    pub policy_version: Version,
    /// Weights that inferred the task.
    pub encoder_version: Version,
    /// Why the episode ended with the last transition, if it did.
    pub end: Option<End>,
    spec: EnvSpec,
    len: usize,
    observations: Bytes,
    actions: Bytes,
    rewards: Bytes,
    shaped_rewards: Bytes,
    tasks: Bytes,
}

impl CheckedChunk {
    /// Checks version, checksum, shapes against `spec`, and that every number is finite.
    ///
    /// # Errors
    /// [`WireError`]: the first thing that is wrong, with expected and got.
    pub fn check(wire: v1::Chunk, spec: &EnvSpec) -> Result<Self, WireError> {
        if wire.protocol != PROTOCOL {
            return Err(WireError::Protocol { expected: PROTOCOL, got: wire.protocol });
        }
        let (actor, incarnation) = read_actor_key(wire.actor)?;
        let task = wire.task.ok_or(WireError::Missing("task"))?;
        let expected = checksum(&wire);
        if expected != wire.checksum {
            return Err(WireError::Checksum { expected, got: wire.checksum });
        }
        check_arrays(&wire, spec)?;
        Ok(Self {
            origin: Origin { actor, incarnation, sequence: Sequence(wire.sequence) },
            trial: TrialId(wire.trial),
            task: task.try_into()?,
            episode: wire.episode,
            offset: wire.offset,
            context: wire.context,
            policy_version: Version(wire.policy_version),
            encoder_version: Version(wire.encoder_version),
            end: end_from_wire(wire.end)?,
            spec: *spec,
            len: wire.len as usize,
            observations: wire.observations,
            actions: wire.actions,
            rewards: wire.rewards,
            shaped_rewards: wire.shaped_rewards,
            tasks: wire.tasks,
        })
    }

    /// Number of transitions, at least one.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a chunk is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Observation before transition `i` (after the last one for `i == len`), as little-endian
    /// bytes of `observation_dim` numbers.
    #[must_use]
    pub fn observation(&self, i: usize) -> &[u8] {
        row(&self.observations, i, self.spec.observation_dim)
    }

    /// Action of transition `i`, as little-endian bytes of `action_dim` numbers.
    #[must_use]
    pub fn action(&self, i: usize) -> &[u8] {
        row(&self.actions, i, self.spec.action_dim)
    }

    /// The task's own reward of transition `i`.
    #[must_use]
    pub fn reward(&self, i: usize) -> f32 {
        number(&self.rewards, i)
    }

    /// The reward that learning uses for transition `i`.
    #[must_use]
    pub fn training_reward(&self, i: usize) -> f32 {
        if self.spec.shaped_reward { number(&self.shaped_rewards, i) } else { self.reward(i) }
    }

    /// The task in force in transition `i`, as little-endian bytes of one u32; empty unless tasks of
    /// the family change within an episode.
    #[must_use]
    pub fn task_in_force(&self, i: usize) -> &[u8] {
        row(&self.tasks, i, self.spec.task_changes.into())
    }

    /// The tasks in force, transition by transition; none where the task of the trial stays in force.
    pub fn tasks_in_force(&self) -> impl Iterator<Item = u32> + '_ {
        self.tasks.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word))
    }

    /// A copy as plain data.
    ///
    /// # Errors
    /// Never for a chunk that passed [`CheckedChunk::check`].
    pub fn to_chunk(&self) -> Result<Chunk, SegmentError> {
        let floats = |bytes: &Bytes| (0..bytes.len() / 4).map(|i| number(bytes, i)).collect();
        let segment = Segment::new(
            &self.spec,
            floats(&self.observations),
            floats(&self.actions),
            floats(&self.rewards),
            floats(&self.shaped_rewards),
            self.end,
        )?;
        let segment = match self.spec.task_changes {
            true => segment.with_tasks(self.tasks_in_force().collect())?,
            false => segment,
        };
        Ok(Chunk {
            origin: self.origin,
            trial: self.trial,
            task: self.task,
            episode: self.episode,
            offset: self.offset,
            context: self.context,
            policy_version: self.policy_version,
            encoder_version: self.encoder_version,
            segment,
        })
    }
}

fn row(bytes: &[u8], i: usize, width: usize) -> &[u8] {
    &bytes[i * width * 4..(i + 1) * width * 4]
}

fn number(bytes: &[u8], i: usize) -> f32 {
    let at = i * 4;
    f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn check_arrays(wire: &v1::Chunk, spec: &EnvSpec) -> Result<(), WireError> {
    let len = wire.len as usize;
    if len == 0 {
        return Err(SegmentError::Empty.into());
    }
    let first = wire.offset as usize;
    if first + len > spec.horizon {
        return Err(WireError::PastHorizon { horizon: spec.horizon, first, last: first + len });
    }
    let lengths = SegmentLengths::of(spec, len);
    let fields = [
        ("observations", &wire.observations),
        ("actions", &wire.actions),
        ("rewards", &wire.rewards),
        ("shaped_rewards", &wire.shaped_rewards),
        ("tasks", &wire.tasks),
    ];
    for (field, bytes) in fields {
        if bytes.len() % 4 != 0 {
            return Err(WireError::Ragged { field, got: bytes.len() });
        }
        let numbers = bytes.len() / 4;
        if field == "rewards" && numbers != len {
            let why = "as `len` says".to_owned();
            return Err(SegmentError::Length { field, expected: len, got: numbers, why }.into());
        }
        lengths.check(field, numbers)?;
        if field != "tasks" {
            check_finite(field, bytes)?;
        }
    }
    check_action_range(&wire.actions)
}

/// True if all exponents are below the one that NaN and the infinities share. Branch-free, so that
/// it vectorises: every transition passes through here.
fn all_finite(bytes: &[u8]) -> bool {
    const EXPONENT: u32 = 0x7f80_0000;
    let bad = bytes.chunks_exact(4).fold(0u32, |bad, b| {
        let bits = u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        bad | u32::from(bits & EXPONENT == EXPONENT)
    });
    bad == 0
}

fn check_finite(field: &'static str, bytes: &[u8]) -> Result<(), SegmentError> {
    if all_finite(bytes) {
        return Ok(());
    }
    let mut numbers = (0..bytes.len() / 4).map(|i| (i, number(bytes, i)));
    match numbers.find(|(_, value)| !value.is_finite()) {
        Some((index, value)) => Err(SegmentError::NotFinite { field, index, value }),
        None => Ok(()),
    }
}

fn check_action_range(bytes: &[u8]) -> Result<(), WireError> {
    let worst = (0..bytes.len() / 4).map(|i| number(bytes, i).abs()).fold(0.0, f32::max);
    if worst <= 1.0 {
        return Ok(());
    }
    Err(WireError::Range {
        field: "actions",
        expected: "every number in [-1, 1]".to_owned(),
        got: format!("one of magnitude {worst}"),
    })
}
