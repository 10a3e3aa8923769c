//! What came in is there after whatever ended the process, once, and nothing else is.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use learner::collect::Intake as _;
use learner::experience::{Event, Kind, Log};
use learner::replay::sampler::HostBatch;
use learner::replay::sampler::LatentDraw;
use learner::replay::{Insertion, RowLayout, SampleSizes, Snapshot, Store, StoreSettings};
use proptest::prelude::*;
use proto::chunk::CheckedChunk;
use std::path::Path;
use types::{
    ActorId, Behaviour, Chunk, End, EnvSpec, Incarnation, LatentSource, Origin, Phase, Purpose,
    Role, Segment, Sequence, Split, TaskRef, Trial, TrialId, TrialOutcome, Version, stream,
};

const SPEC: EnvSpec = EnvSpec { shaped_reward: true, task_changes: true, ..EnvSpec::new(3, 2, 16) };
const TASKS: u32 = 3;
/// Small, so that a test fills many.
const SEGMENT: usize = 4096;

fn settings(folder: &Path, insertion: Insertion) -> StoreSettings {
    StoreSettings {
        folder: folder.join("experience"),
        segment_bytes: SEGMENT,
        spec: SPEC,
        layout: RowLayout::new(&SPEC, true),
        tasks: TASKS as usize,
        transitions: 40,
        context: 12,
        insertion,
    }
}

fn task(trial: u64) -> TaskRef {
    TaskRef { split: Split::Train, index: u32::try_from(trial % u64::from(TASKS)).unwrap() }
}

/// Episodes of every trial.
const EPISODES: u32 = 2;

fn trial(id: u64) -> Trial {
    let phase = Phase {
        latent: LatentSource::Prior,
        episodes: EPISODES,
        context: true,
        behaviour: Behaviour::Policy,
    };
    Trial {
        id: TrialId(id),
        task: task(id),
        purpose: Purpose::Train,
        phases: vec![phase],
        seed: id,
        min_version: Version(0),
        beliefs: 0,
    }
}

/// One chunk of a trial: its numbers depend on the trial and its place alone, as those of a real one.
fn chunk(life: u64, sequence: u64, trial: u64, part: u32) -> CheckedChunk {
    // Each episode is two chunks of four transitions.
    let (episode, half) = (part / 2, part % 2);
    let mut rng = stream(trial, Role::Environment, part.into(), 0);
    let mut numbers = |count: usize| -> Vec<f32> {
        use rand::RngExt as _;
        (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
    };
    let end = (half == 1).then_some(if trial.is_multiple_of(2) {
        End::Terminated
    } else {
        End::Truncated
    });
    let segment =
        Segment::new(&SPEC, numbers(15), numbers(8), numbers(4), numbers(4), end).unwrap();
    let segment = segment.with_tasks(vec![part % 3; 4]).unwrap();
    let wire = proto::chunk::encode(&Chunk {
        origin: Origin {
            actor: ActorId(u32::try_from(life).unwrap()),
            incarnation: Incarnation(life),
            sequence: Sequence(sequence),
        },
        trial: TrialId(trial),
        task: task(trial),
        episode,
        offset: 4 * half,
        context: episode == 0,
        policy_version: Version(0),
        encoder_version: Version(0),
        segment,
    });
    CheckedChunk::check(wire, &SPEC).unwrap()
}

const PARTS: u32 = 2 * EPISODES;

/// A life of an actor that works on one trial after another.
#[derive(Debug, Clone)]
struct Life {
    id: u64,
    sequence: u64,
    trial: u64,
    part: u32,
}

/// What the world does next.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The life of this number sends its next chunk.
    Send(usize),
    /// It sends its last chunk again, as after a broken connection.
    Repeat(usize),
    /// It dies; another one begins the same trial again.
    Die(usize),
    /// A checkpoint is taken.
    Checkpoint,
    /// The learner is killed and started again with the newest checkpoint.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let life = 0usize..3;
    let step = prop_oneof![
        12 => life.clone().prop_map(Step::Send),
        3 => life.clone().prop_map(Step::Repeat),
        1 => life.prop_map(Step::Die),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..120)
}

/// A learner's store, and actors that send to it.
struct World {
    folder: tempfile::TempDir,
    store: Store,
    lives: Vec<Life>,
    born: u64,
    issued: u64,
    closed: u64,
    snapshot: Option<Snapshot>,
    sent: u64,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(settings(folder.path(), Insertion::AtOnce)).unwrap();
        let mut world = World {
            folder,
            store,
            lives: vec![],
            born: 0,
            issued: 0,
            closed: 0,
            snapshot: None,
            sent: 0,
        };
        for _ in 0..3 {
            let trial = world.issue();
            let life = world.life(trial);
            world.lives.push(life);
        }
        world
    }

    fn issue(&mut self) -> u64 {
        let id = self.store.expect_trial(task(self.issued), Purpose::Train, EPISODES).0;
        assert_eq!(id, self.issued);
        self.issued += 1;
        let reason = learner::collect::Reason::Ordinary;
        self.store.note(&Event::Issued { trial: trial(id), reason }).unwrap();
        id
    }

    fn close(&mut self, id: u64) {
        let outcome = TrialOutcome {
            trial: TrialId(id),
            task: task(id),
            purpose: Purpose::Train,
            episodes: vec![],
            failure: None,
        };
        self.store.note(&Event::Closed { position: self.closed, outcome }).unwrap();
        self.store.close(TrialId(id));
        self.closed += 1;
    }

    fn life(&mut self, trial: u64) -> Life {
        self.born += 1;
        Life { id: self.born, sequence: 0, trial, part: 0 }
    }

    fn play(&mut self, step: Step) {
        match step {
            Step::Send(at) => {
                let Life { id, sequence, trial, part } = self.lives[at];
                let stored = self.store.insert(&chunk(id, sequence, trial, part)).unwrap();
                assert!(!stored.duplicate);
                assert_eq!(stored.account.transitions, 4 * (sequence + 1));
                self.sent += 4;
                self.lives[at].sequence += 1;
                self.lives[at].part += 1;
                if part + 1 == PARTS {
                    self.close(trial);
                    (self.lives[at].trial, self.lives[at].part) = (self.issue(), 0);
                }
            }
            Step::Repeat(at) => {
                let Life { id, sequence, trial, part } = self.lives[at];
                if part > 0 {
                    let again = chunk(id, sequence - 1, trial, part - 1);
                    assert!(self.store.insert(&again).unwrap().duplicate);
                }
            }
            Step::Die(at) => {
                let trial = self.lives[at].trial;
                self.lives[at] = self.life(trial);
            }
            Step::Checkpoint => self.snapshot = Some(self.store.snapshot()),
            Step::Restart => self.restart(),
        }
    }

    fn restart(&mut self) {
        let settings = settings(self.folder.path(), Insertion::AtOnce);
        let before = (self.store.digest(), self.store.stored(), self.store.inserted());
        let restored = Store::restore(settings, self.snapshot.as_ref()).unwrap();
        let (store, _events) = restored.expect("the log has all that the snapshot needs");
        store.go_on_behind_known_trials();
        assert_eq!((store.digest(), store.stored(), store.inserted()), before);
        self.store = store;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever dies, sends again or is started again: every transition that was acknowledged is
    /// stored once, every trial is inserted whole and once, and a learner that is started again
    /// has the same replay, to the bit.
    #[test]
    fn acknowledged_is_stored_and_a_trial_enters_once(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.play(step);
            let store = &world.store;
            prop_assert_eq!(store.stored(), world.sent);
            let whole = u64::from(PARTS) * 4;
            prop_assert_eq!(store.inserted() % whole, 0);
            prop_assert_eq!(store.inserted(), store.written());
            prop_assert_eq!(store.stored(), store.inserted() + store.discarded() + store.staged());
        }
        // One trial per life is on its way; the others are in.
        prop_assert_eq!(world.store.inserted(), (world.issued - 3) * u64::from(PARTS) * 4);
    }

    /// Damage ends the log where it is; what lies before is whole, and nothing is made up.
    #[test]
    fn damage_ends_the_log_and_nothing_else(
        lengths in proptest::collection::vec(1usize..900, 1..40),
        damage in any::<prop::sample::Index>(),
        mask in 1u8..,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::create(folder.path(), 7, SEGMENT).unwrap();
        let body = |i: usize, length: usize| vec![u8::try_from(i % 251).unwrap() + 1; length];
        for (i, length) in lengths.iter().enumerate() {
            let bytes = body(i, *length);
            log.append(Kind::Event, *length, |place| place.copy_from_slice(&bytes)).unwrap();
        }
        drop(log);
        let mut files: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().path()).collect();
        files.sort();
        // Anywhere behind what every segment starts with.
        let spot = damage.index(files.len() * (SEGMENT - 16));
        let (file, offset) = (&files[spot / (SEGMENT - 16)], 16 + spot % (SEGMENT - 16));
        let mut bytes = std::fs::read(file).unwrap();
        bytes[offset] ^= mask;
        std::fs::write(file, &bytes).unwrap();

        let (log, records) = Log::open(folder.path(), 7, SEGMENT, None).unwrap();
        prop_assert!(records.len() <= lengths.len());
        for (i, record) in records.iter().enumerate() {
            prop_assert_eq!(record.body(), &body(i, lengths[i])[..]);
        }
        // What is appended then is found again.
        log.append(Kind::Event, 3, |place| place.copy_from_slice(b"new")).unwrap();
        let found = records.len();
        drop((log, records));
        let (_, again) = Log::open(folder.path(), 7, SEGMENT, None).unwrap();
        prop_assert_eq!(again.len(), found + 1);
        prop_assert_eq!(again[found].body(), b"new");
    }
}

/// A learner that is told to go on may be the first one.
#[test]
fn there_may_be_nothing_to_go_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path(), Insertion::AtOnce);
    let (store, events) = Store::restore(settings.clone(), None).unwrap().unwrap();
    assert_eq!((store.stored(), events.len()), (0, 0));
    drop(store);
    // But one that is to begin does not take over what is there.
    let refused = Store::create(settings).unwrap_err().to_string();
    assert!(refused.contains("--resume"), "{refused}");
}

/// Many writers at once: each record is there, whole.
#[test]
fn records_of_many_threads_do_not_mix() {
    const WRITERS: u8 = 4;
    const RECORDS: usize = 500;
    let folder = tempfile::tempdir().unwrap();
    let log = Log::create(folder.path(), 7, 64 * 1024).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let log = &log;
            scope.spawn(move || {
                for record in 0..RECORDS {
                    let length = 1 + (record * 37 + usize::from(writer)) % 700;
                    log.append(Kind::Event, length, |place| place.fill(writer)).unwrap();
                }
            });
        }
    });
    drop(log);
    let (_, records) = Log::open(folder.path(), 7, 64 * 1024, None).unwrap();
    let mut count = [0; WRITERS as usize];
    for record in &records {
        let writer = record.body()[0];
        assert!(record.body().iter().all(|byte| *byte == writer));
        count[usize::from(writer)] += 1;
    }
    assert_eq!(count, [RECORDS; WRITERS as usize]);
}

/// An actor whose lease went to another comes back and sends the rest: stored, not inserted.
#[test]
fn a_trial_that_two_lives_complete_is_inserted_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(settings(folder.path(), Insertion::AtOnce)).unwrap();
    store.expect_trial(task(0), Purpose::Train, EPISODES);
    let send = |life, part| {
        let stored = store.insert(&chunk(life, u64::from(part), 0, part)).unwrap();
        assert!(!stored.duplicate);
    };
    (0..3).for_each(|part| send(1, part));
    (0..PARTS).for_each(|part| send(2, part));
    let digest = store.digest();
    assert_eq!((store.inserted(), store.discarded()), (16, 12));
    send(1, 3);
    assert_eq!((store.stored(), store.inserted(), store.discarded()), (32, 16, 16));
    assert_eq!(store.digest(), digest);
    // And after the trial is closed and forgotten, too.
    store.close(TrialId(0));
    (0..PARTS).for_each(|part| send(3, part));
    assert_eq!((store.inserted(), store.discarded(), store.staged()), (16, 32, 0));
}

/// Rows come back as they were sent, with the newest kept, whatever segments and chunks they lie in.
#[test]
fn rows_are_those_that_were_sent() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(settings(folder.path(), Insertion::AtOnce)).unwrap();
    let layout = RowLayout::new(&SPEC, true);
    let mut expected: Vec<Vec<u32>> = Vec::new();
    for id in 0..u64::from(TASKS) * 4 {
        store.expect_trial(task(id), Purpose::Train, EPISODES);
        for part in 0..PARTS {
            let sent = chunk(1, id * u64::from(PARTS) + u64::from(part), id, part);
            store.insert(&sent).unwrap();
            if task(id).index == 1 {
                let plain = sent.to_chunk().unwrap();
                expected.extend((0..4).map(|i| row(&plain, i)));
            }
        }
    }
    let kept = &expected[expected.len() - 40..];
    let mut batch = HostBatch::default();
    let sizes = SampleSizes { tasks: 1, transitions: 2_000, source: LatentDraw::Set(10) };
    store.sample(&[1], sizes, &mut stream(1, Role::Sample, 0, 0), &mut batch);
    let bits = |row: &[f32]| -> Vec<u32> { row.iter().map(|x| x.to_bits()).collect() };
    let mut drawn: Vec<Vec<u32>> = batch.rows.chunks(layout.width()).map(bits).collect();
    assert!(drawn.iter().all(|row| kept.contains(row)), "a row that was never sent, or is too old");
    drawn.sort();
    drawn.dedup();
    assert_eq!(drawn.len(), kept.len(), "2,000 draws should meet all 40");
}

/// A row, made from the plain arrays.
fn row(chunk: &Chunk, i: usize) -> Vec<u32> {
    let Chunk { segment, .. } = chunk;
    let (o, a) = (SPEC.observation_dim, SPEC.action_dim);
    let terminated = i + 1 == segment.len() && segment.end() == Some(End::Terminated);
    let mut row = segment.observations()[i * o..(i + 1) * o].to_vec();
    row.extend_from_slice(&segment.actions()[i * a..(i + 1) * a]);
    row.push(segment.rewards()[i]);
    row.extend_from_slice(&segment.observations()[(i + 1) * o..(i + 2) * o]);
    row.push(segment.shaped_rewards()[i]);
    row.push(if terminated { 0.0 } else { 1.0 });
    row.iter().map(|x| x.to_bits()).collect()
}

/// The log does not grow with what nobody needs, even if one task is never visited again.
#[test]
fn old_segments_go_and_what_is_needed_of_them_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(settings(folder.path(), Insertion::AtOnce)).unwrap();
    let mut sequence = 0;
    let mut send = |store: &Store, id: u64| {
        for part in 0..PARTS {
            store.insert(&chunk(1, sequence, id, part)).unwrap();
            sequence += 1;
        }
        store.close(TrialId(id));
    };
    for id in 0..400 {
        // Task 0 once, at the beginning.
        store.expect_trial(task(id), Purpose::Train, EPISODES);
        if id == 0 || task(id).index != 0 {
            send(&store, id);
        }
    }
    let digest = store.digest();
    let before = store.log().bytes();
    assert_eq!(store.oldest_segment(), 0);
    store.move_out(store.log().end().segment).unwrap();
    let snapshot = store.snapshot();
    store.log().remove_before(snapshot.oldest_segment()).unwrap();
    assert!(store.log().bytes() < before / 10, "{} of {before} bytes", store.log().bytes());
    assert_eq!(store.digest(), digest);
    let settings = settings(folder.path(), Insertion::AtOnce);
    drop(store);
    let (store, _) = Store::restore(settings, Some(&snapshot)).unwrap().unwrap();
    assert_eq!(store.digest(), digest);
}
