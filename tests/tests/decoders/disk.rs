//! What a learner finds on its disk after a crash: the experience log and checkpoints.

use crate::{SLACK, damaged, peak_of};
use learner::checkpoint::{Checkpoints, FORMAT, Parts, State};
use learner::collect::Intake as _;
use learner::experience::{ChunkLayout, Kind, Log};
use learner::replay::{Insertion, RowLayout, Snapshot, Store, StoreSettings};
use learner::trainer::Turns;
use proptest::prelude::*;
use proptest::sample::select;
use proto::chunk::CheckedChunk;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tempfile::TempDir;
use types::{
    ActorId, Chunk, End, EnvSpec, Incarnation, Origin, Purpose, Segment, Sequence, Split, TaskRef,
    TrialId, Version,
};

const SPEC: EnvSpec = EnvSpec::new(3, 2, 8);
const TASK: TaskRef = TaskRef { split: Split::Train, index: 1 };
const SEGMENT: usize = 4096;

fn settings(folder: &Path) -> StoreSettings {
    StoreSettings {
        folder: folder.to_owned(),
        segment_bytes: SEGMENT,
        spec: SPEC,
        layout: RowLayout::new(&SPEC, false),
        tasks: 2,
        transitions: 100,
        context: 10,
        insertion: Insertion::AtOnce,
    }
}

fn chunk(sequence: u64, trial: TrialId) -> CheckedChunk {
    let end = Some(End::Truncated);
    let segment = Segment::new(&SPEC, vec![0.5; 15], vec![0.1; 8], vec![1.0; 4], vec![], end);
    let chunk = Chunk {
        origin: Origin {
            actor: ActorId(0),
            incarnation: Incarnation(1),
            sequence: Sequence(sequence),
        },
        trial,
        task: TASK,
        episode: 0,
        offset: 0,
        context: true,
        policy_version: Version(0),
        encoder_version: Version(0),
        segment: segment.unwrap(),
    };
    CheckedChunk::check(proto::chunk::encode(&chunk), &SPEC).unwrap()
}

/// A log with whole trials and one in progress, over two segments, and what a checkpoint holds of it.
struct Disk {
    _folder: TempDir,
    log: PathBuf,
    snapshot: Snapshot,
}

static DISK: LazyLock<Disk> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("experience");
    let store = Store::create(settings(&log)).unwrap();
    let mut snapshot = None;
    for sequence in 0..24 {
        let episodes = if sequence == 23 { 2 } else { 1 };
        let trial = store.expect_trial(TASK, Purpose::Train, episodes);
        store.insert(&chunk(sequence, trial)).unwrap();
        if sequence == 12 {
            snapshot = Some(store.snapshot());
        }
    }
    Disk { _folder: folder, log, snapshot: snapshot.unwrap() }
});

/// A copy of the log with another file in the place of segment `index`.
fn with_segment(index: usize, bytes: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (number, file) in segments().into_iter().enumerate() {
        let place = folder.path().join(file.file_name().unwrap());
        let content = if number == index { bytes.to_vec() } else { fs::read(&file).unwrap() };
        fs::write(place, content).unwrap();
    }
    folder
}

fn segments() -> Vec<PathBuf> {
    let entries = fs::read_dir(&DISK.log).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn damaged_segment() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let files: Vec<Vec<u8>> = segments().iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(files.len() >= 2, "the log has {} segments", files.len());
    (0..files.len()).prop_flat_map(move |index| (Just(index), damaged(files[index].clone())))
}

fn state() -> State {
    serde_json::from_value(serde_json::json!({
        "format": FORMAT, "updates": 10, "env_steps": 48, "sampled": 7, "next_version": 3,
        "unpublished": true, "initial": 4, "wall_s": 1.5,
        "collector": {
            "open": {}, "ordinary": 2, "failures": 0,
            "performance": {"returns": {"3": {"1": -2.5}}, "trials": {"3": 1}},
        },
        "evaluator": {"next_at": 9, "begun": 1, "last": false, "pending": null, "best": -1.5, "complete": []},
        "outstanding": [], "round": [1, 2], "outcomes": 5, "replay_digest": null,
        "turns": Turns::new(None), "prior": null,
    }))
    .unwrap()
}

fn write(checkpoints: &Checkpoints, updates: u64) {
    let parts = Parts {
        weights: vec![1; 100],
        learner: vec![2; 200],
        replay: DISK.snapshot.clone(),
        state: State { updates, ..state() },
    };
    checkpoints.write(&parts).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Damage in the log costs what lies behind it, at most; then the log can be written to again.
    #[test]
    fn the_experience_log((index, bytes) in damaged_segment()) {
        let folder = with_segment(index, &bytes);
        let fingerprint = ChunkLayout::new(&SPEC).fingerprint();
        let length = bytes.len() + 2 * SEGMENT;
        let mut opened = None;
        let peak = peak_of(|| opened = Log::open(folder.path(), fingerprint, SEGMENT, None).ok());
        prop_assert!(peak <= 8 * length + 4 * SLACK, "{peak} bytes for {length}");
        let Some((log, records)) = opened else { return Ok(()) };
        let before: Vec<Vec<u8>> = records.iter().map(|record| record.body().to_vec()).collect();
        drop(records);
        log.append(Kind::Event, 5, |body| body.copy_from_slice(b"after")).unwrap();
        drop(log);
        let (_, records) = Log::open(folder.path(), fingerprint, SEGMENT, None).unwrap();
        let mut after: Vec<Vec<u8>> = records.iter().map(|record| record.body().to_vec()).collect();
        prop_assert_eq!(after.pop().unwrap(), b"after");
        prop_assert_eq!(after, before);
    }

    #[test]
    fn bodies_of_the_log(body in damaged({
        let (chunk, layout) = (chunk(0, TrialId(0)), ChunkLayout::new(&SPEC));
        let mut body = vec![0; layout.body(chunk.len())];
        layout.write(&learner::experience::ChunkMeta::of(&chunk), &chunk, &mut body);
        body
    })) {
        if let Some((meta, transitions)) = ChunkLayout::new(&SPEC).read(&body) {
            for i in 0..meta.len() as usize {
                let parts = (transitions.before(i), transitions.next_observation(i));
                prop_assert_eq!((parts.0.len(), parts.1.len()), (6, 3));
                std::hint::black_box((transitions.training_reward(i), transitions.not_terminated(i)));
            }
        }
    }

    /// A store is restored from what is there, or not at all.
    #[test]
    fn a_store(
        (index, bytes) in damaged_segment(),
        snapshot in damaged(serde_json::to_vec(&DISK.snapshot).unwrap()),
        which in 0..3u8,
    ) {
        let folder = with_segment(if which == 1 { usize::MAX } else { index }, &bytes);
        let read = serde_json::from_slice(&snapshot).ok();
        let snapshot: Option<Snapshot> = if which == 0 { Some(DISK.snapshot.clone()) } else { read };
        let length = bytes.len() + 2 * SEGMENT;
        let restore = || Store::restore(settings(folder.path()), snapshot.as_ref()).map(drop);
        let peak = peak_of(|| restore().ok());
        prop_assert!(peak <= 16 * length + 8 * SLACK, "{peak} bytes for {length}");
    }

    /// Parts that say anything, with a manifest that vouches for them.
    #[test]
    fn parts_of_a_checkpoint(
        state in damaged(serde_json::to_vec(&state()).unwrap()),
        replay in damaged(serde_json::to_vec(&DISK.snapshot).unwrap()),
    ) {
        let peak = peak_of(|| (
            serde_json::from_slice::<State>(&state).ok(),
            serde_json::from_slice::<Snapshot>(&replay).map(|replay| replay.oldest_segment()).ok(),
        ));
        let length = state.len() + replay.len();
        prop_assert!(peak <= 60 * length + SLACK, "{peak} bytes for {length}");
    }
}

proptest! {
    // Every file is synced.
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Of two checkpoints one file is damaged: the other one is there, and never something else.
    #[test]
    fn a_checkpoint(
        name in select(vec!["manifest.json", "state.json", "replay.json", "learner.safetensors", "weights.safetensors"]),
        at in any::<proptest::sample::Index>(),
        by in 1..=255u8,
        cut in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::in_run(folder.path(), 3).unwrap();
        write(&checkpoints, 10);
        write(&checkpoints, 20);
        let file = folder.path().join("checkpoints/0000000020").join(name);
        let mut bytes = fs::read(&file).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= by;
        bytes.truncate(if cut { at } else { bytes.len() });
        fs::write(&file, &bytes).unwrap();
        let (loaded, ()) = checkpoints.newest(|_| Ok(Some(()))).unwrap().unwrap();
        // A space in the JSON of the manifest may have become another one.
        prop_assert!(loaded.state.updates == 10 || name == "manifest.json");
        prop_assert_eq!(loaded.learner, vec![2; 200]);
        prop_assert_eq!(loaded.replay, DISK.snapshot.clone());
    }
}
