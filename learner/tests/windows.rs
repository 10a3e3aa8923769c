//! Windows, targets and labels hold the transitions that a look at the whole episode says they
//! should, whatever chunks it came in.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use learner::collect::Intake as _;
use learner::replay::labels::Unlabelled;
use learner::replay::{
    ContextDraw, HostBatch, HostContexts, Insertion, Part, RowLayout, SampleSizes, Store,
    StoreSettings, WindowShape, sampler::LatentDraw,
};
use proptest::prelude::*;
use proto::chunk::CheckedChunk;
use types::experiment::{Sampling, Within};
use types::{
    ActorId, Chunk, End, EnvSpec, Incarnation, Origin, Purpose, Role, Segment, Sequence, Split,
    TaskRef, TrialId, Version, stream,
};

const SPEC: EnvSpec = EnvSpec::new(1, 1, 9);
const TASK: TaskRef = TaskRef { split: Split::Train, index: 0 };
/// Transitions of the one trial: two episodes of seven.
const EPISODE: usize = 7;

fn store(folder: &std::path::Path) -> Store {
    Store::create(StoreSettings {
        folder: folder.join("experience"),
        segment_bytes: 1 << 16,
        spec: SPEC,
        layout: RowLayout::new(&SPEC, true),
        tasks: 1,
        transitions: 100,
        context: 100,
        insertion: Insertion::AtOnce,
    })
    .unwrap()
}

/// Transition i of episode e has observation 100 e + i, action i / 10, reward −(100 e + i).
fn fill(store: &Store, cuts: &[usize]) {
    let trial = store.expect_trial(TASK, Purpose::Train, 2);
    assert_eq!(trial, TrialId(0));
    let mut sequence = 0;
    for episode in 0..2u32 {
        let mut start = 0;
        for &end in cuts.iter().chain(&[EPISODE]) {
            let first = 100.0 * episode as f32;
            let number = |i: usize| first + i as f32;
            let observations = (start..=end).map(number).collect();
            let actions = (start..end).map(|i| i as f32 / 10.0).collect();
            let rewards = (start..end).map(|i| -number(i)).collect();
            let over = (end == EPISODE).then_some(End::Truncated);
            let segment = Segment::new(&SPEC, observations, actions, rewards, vec![], over);
            let wire = proto::chunk::encode(&Chunk {
                origin: Origin {
                    actor: ActorId(0),
                    incarnation: Incarnation(1),
                    sequence: Sequence(sequence),
                },
                trial,
                task: TASK,
                episode,
                offset: u32::try_from(start).unwrap(),
                context: true,
                policy_version: Version(0),
                encoder_version: Version(0),
                segment: segment.unwrap(),
            });
            store.insert(&CheckedChunk::check(wire, &SPEC).unwrap()).unwrap();
            (sequence, start) = (sequence + 1, end);
        }
    }
}

/// The observations of the transitions before transition `number` of the trial, as a window has them.
fn expected(number: usize, shape: WindowShape) -> Vec<f32> {
    let observation = |n: usize| (100 * (n / EPISODE) + n % EPISODE) as f32;
    let first = match shape.within {
        Within::Episode => number / EPISODE * EPISODE,
        Within::Trial => 0,
    };
    let before = (first..number).rev().step_by(shape.stride).take(shape.size);
    let mut rows: Vec<f32> = before.map(observation).collect();
    rows.reverse();
    rows
}

/// The observations in a window `[size, 4]`, of the rows that are there.
fn observations(rows: &[f32], length: i64) -> Vec<f32> {
    let absent = rows.len() / 4 - usize::try_from(length).unwrap();
    assert!(rows[..absent * 4].iter().all(|&number| number == 0.0), "{rows:?}");
    rows.chunks(4).skip(absent).map(|row| row[0]).collect()
}

fn number_of(observation: f32) -> usize {
    let whole = observation as usize;
    whole / 100 * EPISODE + whole % 100
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn windows_are_what_came_before(
        size in 1usize..6, stride in 1usize..4, trial in any::<bool>(),
        cuts in proptest::sample::subsequence(vec![1, 2, 3, 4, 5, 6], 0..=6),
    ) {
        let within = if trial { Within::Trial } else { Within::Episode };
        let shape = WindowShape { size, stride, within, least: size };
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        fill(&store, &cuts);

        // For the agent: before and after the transition itself.
        let sizes =
            SampleSizes { tasks: 1, transitions: 40, source: LatentDraw::BothWindows(shape) };
        let mut batch = HostBatch::default();
        let mut rng = stream(1, Role::Sample, 0, 0);
        store.sample(&[0], sizes, &mut rng, &mut batch);
        let windows = batch.windows.rows.chunks(4 * size).zip(&batch.windows.lengths);
        let after = batch.next_windows.rows.chunks(4 * size).zip(&batch.next_windows.lengths);
        for ((row, (before, &length)), (after, &next)) in
            batch.rows.chunks(store.layout().width()).zip(windows).zip(after)
        {
            let number = number_of(row[0]);
            prop_assert_eq!(observations(before, length), expected(number, shape));
            let seen = observations(after, next);
            prop_assert_eq!(seen.last(), Some(&row[0]), "the newest is the transition itself");
            let mut both = expected(number, WindowShape { size: 100, ..shape });
            if stride == 1 {
                both.push(row[0]);
                prop_assert_eq!(&seen[..], &both[both.len().saturating_sub(size)..]);
            }
        }

        // For the encoder: the targets end with the transition that the window ends before.
        let draw = ContextDraw {
            shape, targets: 3, batch: 40, sampling: Sampling::Uniform, held_out: 0.0,
        };
        let mut contexts = HostContexts::default();
        store.sample_contexts(&draw, Part::Training, &mut rng, &mut contexts).unwrap();
        let windows = contexts.windows.rows.chunks(4 * size).zip(&contexts.windows.lengths);
        let width = store.layout().width();
        let targets = contexts.targets.chunks(3 * width).zip(contexts.present.chunks(3));
        for ((before, &length), (targets, present)) in windows.zip(targets) {
            let number = number_of(targets[2 * width]);
            prop_assert_eq!(observations(before, length), expected(number, shape));
            for (back, row) in targets.chunks(width).rev().enumerate() {
                let there = back <= number % EPISODE;
                prop_assert_eq!(present[2 - back], if there { 1.0 } else { 0.0 });
                let observation = if there { Some(number_of(row[0])) } else { None };
                prop_assert_eq!(observation, there.then(|| number - back));
            }
        }

        // For labels: each transition's window, and that after it.
        let mut unlabelled = Unlabelled::default();
        prop_assert_eq!(store.unlabelled(0, shape, 100, &mut unlabelled), Some(0));
        let window = |place: usize| {
            let rows = &unlabelled.windows.rows[place * 4 * size..(place + 1) * 4 * size];
            observations(rows, unlabelled.windows.lengths[place])
        };
        for (number, [before, after]) in unlabelled.places.iter().enumerate() {
            prop_assert_eq!(window(*before), expected(number, shape));
            let newest = (100 * (number / EPISODE) + number % EPISODE) as f32;
            let seen = window(*after);
            prop_assert_eq!(seen.last(), Some(&newest));
        }
        prop_assert_eq!(unlabelled.places.len(), 2 * EPISODE);
    }
}

#[test]
fn what_is_held_out_is_not_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    fill(&store, &[3]);
    let shape = WindowShape { size: 2, stride: 1, within: Within::Episode, least: 2 };
    let draw =
        ContextDraw { shape, targets: 1, batch: 64, sampling: Sampling::Linear, held_out: 0.5 };
    let episodes = |part| {
        let mut contexts = HostContexts::default();
        let mut rng = stream(1, Role::Contexts, 0, 0);
        store.sample_contexts(&draw, part, &mut rng, &mut contexts).unwrap();
        let rows = contexts.targets.chunks(store.layout().width());
        rows.map(|row| number_of(row[0]) / EPISODE).collect::<std::collections::BTreeSet<_>>()
    };
    let (training, validation) = (episodes(Part::Training), episodes(Part::Validation));
    assert!(training.is_disjoint(&validation), "{training:?} {validation:?}");
    assert_eq!(training.len() + validation.len(), 2);
    assert_eq!(episodes(Part::Whole).len(), 2);
}
