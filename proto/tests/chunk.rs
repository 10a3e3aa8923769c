//! A chunk that is sent comes back as it was, and none that arrives can do harm.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use prost::Message as _;
use proto::chunk::{CheckedChunk, checksum, encode};
use proto::{PROTOCOL, WireError, v1};
use types::{
    ActorId, Chunk, End, EnvSpec, Incarnation, Origin, Segment, SegmentError, Sequence, Split,
    TaskRef, TrialId, Version,
};

const HORIZON: usize = 64;

fn spec(shaped_reward: bool, task_changes: bool) -> EnvSpec {
    EnvSpec { shaped_reward, task_changes, ..EnvSpec::new(3, 2, HORIZON) }
}

fn numbers(count: usize) -> impl Strategy<Value = Vec<f32>> {
    vec(any::<f32>(), count)
}

fn segment(spec: EnvSpec) -> impl Strategy<Value = Segment> {
    let end = select(vec![None, Some(End::Terminated), Some(End::Truncated)]);
    (1..=HORIZON, end).prop_flat_map(move |(len, end)| {
        let shaped = if spec.shaped_reward { len } else { 0 };
        let actions = vec(-1f32..=1.0, len * spec.action_dim);
        let observations = numbers((len + 1) * spec.observation_dim);
        let tasks = vec(any::<u32>(), if spec.task_changes { len } else { 0 });
        (observations, actions, numbers(len), numbers(shaped), tasks).prop_map(
            move |(o, a, r, s, tasks)| {
                let segment = Segment::new(&spec, o, a, r, s, end).unwrap();
                if spec.task_changes { segment.with_tasks(tasks).unwrap() } else { segment }
            },
        )
    })
}

/// A good chunk, anywhere in its episode.
fn chunk_of(spec: EnvSpec) -> impl Strategy<Value = Chunk> {
    let task = (select(vec![Split::Train, Split::Test]), any::<u32>());
    let ids = any::<[u64; 5]>();
    (segment(spec), task, ids, any::<(u32, u32, bool)>(), any::<Index>()).prop_map(
        |(segment, (split, index), ids, (actor, episode, context), offset)| {
            let offset = offset.index(HORIZON - segment.len() + 1);
            let [incarnation, sequence, trial, policy, encoder] = ids;
            Chunk {
                origin: Origin {
                    actor: ActorId(actor),
                    incarnation: Incarnation(incarnation),
                    sequence: Sequence(sequence),
                },
                trial: TrialId(trial),
                task: TaskRef { split, index },
                episode,
                offset: u32::try_from(offset).unwrap(),
                context,
                policy_version: Version(policy),
                encoder_version: Version(encoder),
                segment,
            }
        },
    )
}

/// A good chunk of a family with a shaped reward or without, whose tasks change or stay, and what
/// the family is.
fn chunk() -> impl Strategy<Value = (EnvSpec, Chunk)> {
    any::<(bool, bool)>().prop_flat_map(|(shaped, changes)| {
        let spec = spec(shaped, changes);
        (Just(spec), chunk_of(spec))
    })
}

const FIELDS: [&str; 4] = ["observations", "actions", "rewards", "shaped_rewards"];

fn array<'a>(wire: &'a mut v1::Chunk, field: &str) -> &'a mut Bytes {
    match field {
        "observations" => &mut wire.observations,
        "actions" => &mut wire.actions,
        "rewards" => &mut wire.rewards,
        _ => &mut wire.shaped_rewards,
    }
}

fn set(array: &mut Bytes, index: usize, value: f32) {
    let mut bytes = array.to_vec();
    bytes[4 * index..4 * index + 4].copy_from_slice(&value.to_le_bytes());
    *array = bytes.into();
}

/// What the receiver says of `chunk` after `damage`, with a checksum that fits.
fn refusal(spec: &EnvSpec, chunk: &Chunk, damage: impl FnOnce(&mut v1::Chunk)) -> WireError {
    let mut wire = encode(chunk);
    damage(&mut wire);
    wire.checksum = checksum(&wire);
    CheckedChunk::check(wire, spec).expect_err("damaged, yet accepted")
}

/// Any chunk that a message can hold; fits `spec(_)` often enough to be accepted now and then.
fn any_wire_chunk() -> impl Strategy<Value = v1::Chunk> {
    let mostly = |right: u32| prop_oneof![9 => Just(right), 1 => any::<u32>()];
    let actor =
        any::<(u32, u64)>().prop_map(|(actor, incarnation)| v1::ActorKey { actor, incarnation });
    let task = (prop_oneof![9 => 1u32..=2, 1 => any::<u32>()], any::<u32>())
        .prop_map(|(split, index)| v1::TaskRef { split, index });
    let head = (mostly(PROTOCOL), weighted(0.95, actor), weighted(0.95, task));
    let place = (any::<u32>(), mostly(3), any::<bool>(), mostly(2), mostly(0));
    let sealed = prop_oneof![9 => Just(None), 1 => any::<u32>().prop_map(Some)];
    (head, any::<[u64; 4]>(), place, arrays_of_two(), sealed).prop_map(
        |((protocol, actor, task), ids, (episode, offset, context, len, end), arrays, seal)| {
            let [sequence, trial, policy_version, encoder_version] = ids;
            let [observations, actions, rewards, shaped_rewards, tasks] = arrays;
            let mut wire = v1::Chunk {
                protocol,
                actor,
                sequence,
                trial,
                task,
                episode,
                offset,
                context,
                policy_version,
                encoder_version,
                len,
                observations,
                actions,
                rewards,
                shaped_rewards,
                end,
                tasks,
                checksum: 0,
            };
            wire.checksum = seal.unwrap_or_else(|| checksum(&wire));
            wire
        },
    )
}

/// Arrays as for two transitions, some of them anything else.
fn arrays_of_two() -> impl Strategy<Value = [Bytes; 5]> {
    let array = |numbers: std::ops::RangeInclusive<usize>| {
        let right = vec(-1f32..=1.0, numbers)
            .prop_map(|n| n.iter().flat_map(|x| x.to_le_bytes()).collect());
        prop_oneof![9 => right, 1 => vec(any::<u8>(), 0..=64)].prop_map(Bytes::from)
    };
    let maybe = || prop_oneof![array(0..=0), array(2..=2)];
    (array(9..=9), array(4..=4), array(2..=2), maybe(), maybe())
        .prop_map(|(o, a, r, s, t)| [o, a, r, s, t])
}

proptest! {
    #[test]
    fn a_chunk_comes_back_as_it_was((spec, chunk) in chunk()) {
        let bytes = encode(&chunk).encode_to_vec();
        let received = v1::Chunk::decode(&bytes[..]).unwrap();
        let checked = CheckedChunk::check(received, &spec).unwrap();
        prop_assert_eq!(checked.to_chunk().unwrap(), chunk);
    }

    /// One flipped bit anywhere in the message is noticed, or makes no difference.
    #[test]
    fn a_flipped_bit_never_changes_what_is_stored((spec, chunk) in chunk(), at in any::<Index>()) {
        let mut bytes = encode(&chunk).encode_to_vec();
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(received) = v1::Chunk::decode(&bytes[..])
            && let Ok(checked) = CheckedChunk::check(received, &spec)
        {
            prop_assert_eq!(checked.to_chunk().unwrap(), chunk);
        }
    }

    /// Nothing that a message can hold makes the check or, after it, an accessor panic.
    #[test]
    fn whatever_passes_the_check_can_be_read(
        (wire, shaped, changes) in (any_wire_chunk(), any::<bool>(), any::<bool>())
    ) {
        let spec = spec(shaped, changes);
        if let Ok(checked) = CheckedChunk::check(wire.clone(), &spec) {
            for i in 0..checked.len() {
                prop_assert_eq!(checked.action(i).len(), 4 * spec.action_dim);
                prop_assert_eq!(checked.task_in_force(i).len(), if changes { 4 } else { 0 });
                prop_assert!(checked.reward(i).is_finite() && checked.training_reward(i).is_finite());
            }
            for i in 0..=checked.len() {
                prop_assert_eq!(checked.observation(i).len(), 4 * spec.observation_dim);
            }
            prop_assert_eq!(encode(&checked.to_chunk().unwrap()), wire);
        }
    }

    #[test]
    fn a_chunk_past_the_horizon_is_refused((spec, chunk) in chunk(), beyond in any::<Index>()) {
        let len = chunk.segment.len();
        let first = HORIZON - len + 1 + beyond.index(u32::MAX as usize - HORIZON);
        let error = refusal(&spec, &chunk, |wire| wire.offset = u32::try_from(first).unwrap());
        prop_assert_eq!(error, WireError::PastHorizon { horizon: HORIZON, first, last: first + len });
    }

    #[test]
    fn a_number_that_is_not_finite_is_refused_wherever_it_is(
        (spec, chunk) in chunk(),
        field in select(&FIELDS[..]),
        at in any::<Index>(),
        bad in select(vec![f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY]),
    ) {
        let count = array(&mut encode(&chunk), field).len() / 4;
        prop_assume!(count > 0);
        let at = at.index(count);
        let error = refusal(&spec, &chunk, |wire| set(array(wire, field), at, bad));
        let WireError::Segment(SegmentError::NotFinite { field: named, index, value }) = error else {
            return Err(TestCaseError::fail(error.to_string()));
        };
        prop_assert_eq!((named, index, value.to_bits()), (field, at, bad.to_bits()));
    }

    #[test]
    fn an_action_out_of_range_is_refused_wherever_it_is(
        (spec, chunk) in chunk(), at in any::<Index>(), size in 1.000_001f32..=f32::MAX, sign in any::<bool>()
    ) {
        let at = at.index(chunk.segment.actions().len());
        let bad = if sign { size } else { -size };
        let error = refusal(&spec, &chunk, |wire| set(&mut wire.actions, at, bad));
        prop_assert!(matches!(error, WireError::Range { field: "actions", .. }), "{}", error);
    }

    #[test]
    fn an_array_of_another_length_is_refused_by_name(
        (spec, chunk) in chunk(), field in select(&FIELDS[..]), to in 0usize..1000
    ) {
        let right = array(&mut encode(&chunk), field).len();
        prop_assume!(to != right);
        let error = refusal(&spec, &chunk, |wire| *array(wire, field) = vec![0; to].into());
        match error {
            WireError::Ragged { field: named, got } => {
                prop_assert!(to % 4 != 0);
                prop_assert_eq!((named, got), (field, to));
            }
            WireError::Segment(SegmentError::Length { field: named, expected, got, .. }) => {
                prop_assert!(to % 4 == 0);
                prop_assert_eq!((named, expected, got), (field, right / 4, to / 4));
            }
            other => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn another_number_of_transitions_than_announced_is_refused(
        (spec, chunk) in chunk(), len in 0..=HORIZON
    ) {
        prop_assume!(len != chunk.segment.len());
        let error = refusal(&spec, &chunk, |wire| {
            wire.offset = 0;
            wire.len = u32::try_from(len).unwrap();
        });
        let expected = matches!(
            error,
            WireError::Segment(SegmentError::Length { .. } | SegmentError::Empty)
        );
        prop_assert!(expected, "{}", error);
    }

    #[test]
    fn shaped_rewards_are_refused_where_the_family_has_none_and_missed_where_it_has(
        (spec, chunk) in chunk()
    ) {
        let other = EnvSpec { shaped_reward: !spec.shaped_reward, ..spec };
        let len = chunk.segment.len();
        let (expected, got) = if other.shaped_reward { (len, 0) } else { (0, len) };
        let error = refusal(&other, &chunk, |_| {});
        let WireError::Segment(SegmentError::Length { field, expected: e, got: g, .. }) = error else {
            return Err(TestCaseError::fail(error.to_string()));
        };
        prop_assert_eq!((field, e, g), ("shaped_rewards", expected, got));
    }

    #[test]
    fn absent_parts_and_choices_that_stand_for_nothing_are_refused(
        (spec, chunk) in chunk(), number in 3u32.., protocol in any::<u32>(), wrong in 1u32..
    ) {
        prop_assume!(protocol != PROTOCOL);
        let refused = |damage: &dyn Fn(&mut v1::Chunk)| refusal(&spec, &chunk, damage);
        prop_assert_eq!(refused(&|wire| wire.actor = None), WireError::Missing("actor"));
        prop_assert_eq!(refused(&|wire| wire.task = None), WireError::Missing("task"));
        let error = refused(&|wire| wire.protocol = protocol);
        prop_assert_eq!(error, WireError::Protocol { expected: PROTOCOL, got: protocol });
        let error = refused(&|wire| wire.end = number);
        prop_assert!(matches!(error, WireError::Choice { field: "end", .. }), "{}", error);
        for split in [0, number] {
            let error = refused(&|wire| wire.task = Some(v1::TaskRef { split, index: 0 }));
            prop_assert!(matches!(error, WireError::Choice { field: "task.split", .. }), "{}", error);
        }
        let mut wire = encode(&chunk);
        let expected = wire.checksum;
        let got = expected.wrapping_add(wrong);
        wire.checksum = got;
        let error = CheckedChunk::check(wire, &spec).unwrap_err();
        prop_assert_eq!(error, WireError::Checksum { expected, got });
    }
}
