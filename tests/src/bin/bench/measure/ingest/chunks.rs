//! What the clients send.

use super::CHUNKS;
use crate::measure::cheetah;
use proto::chunk::{checksum, encode};
use proto::v1;
use rand::RngExt as _;
use types::{
    ActorId, Chunk, End, Incarnation, Origin, Role, Segment, Sequence, TrialId, Version, stream,
};

/// Transitions in a chunk: an episode.
pub(super) const LENGTH: usize = 200;
/// Bytes of the arrays in a chunk.
pub(super) const BYTES: usize = 4 * (21 * LENGTH + 20 + 6 * LENGTH);

/// The chunks of one client, one task after another. They share one set of arrays; each has its
/// own checksum.
pub(super) fn of(client: u32) -> anyhow::Result<Vec<v1::Chunk>> {
    let first = encode(&one(client)?);
    let numbered = |sequence: u64| {
        let trial = u64::from(client) * CHUNKS + sequence;
        let task = Some(cheetah::task(trial, cheetah::TASKS).into());
        let mut chunk = v1::Chunk { sequence, trial, task, ..first.clone() };
        chunk.checksum = checksum(&chunk);
        chunk
    };
    Ok((0..CHUNKS).map(numbered).collect())
}

/// Random numbers where the numbers of an episode would be.
fn one(client: u32) -> anyhow::Result<Chunk> {
    let spec = cheetah::family()?.spec();
    let mut rng = stream(1, Role::Environment, client.into(), 0);
    let mut numbers =
        |count: usize| -> Vec<f32> { (0..count).map(|_| rng.random_range(-1.0..=1.0)).collect() };
    let segment = Segment::new(
        &spec,
        numbers((LENGTH + 1) * spec.observation_dim),
        numbers(LENGTH * spec.action_dim),
        numbers(LENGTH),
        Vec::new(),
        Some(End::Truncated),
    )?;
    Ok(Chunk {
        origin: Origin {
            actor: ActorId(client),
            incarnation: Incarnation(client.into()),
            sequence: Sequence(0),
        },
        trial: TrialId(0),
        task: cheetah::task(0, cheetah::TASKS),
        episode: 0,
        offset: 0,
        context: true,
        policy_version: Version(0),
        encoder_version: Version(0),
        segment,
    })
}
