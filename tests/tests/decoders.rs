//! Every decoder under arbitrary bytes, and under good ones that were damaged: never a panic, and never
//! more memory than the input accounts for.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]
#![allow(unsafe_code, reason = "an allocator that counts")]

use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;
use proto::chunk::CheckedChunk;
use proto::pieces::{Assembler, Weights};
use proto::v1;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use types::{
    ActorId, Chunk, EnvSpec, Incarnation, Origin, Segment, Sequence, Split, TaskRef, TrialId,
    Version,
};

/// Counts what this thread has allocated.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.with(|held| held.set(held.get().saturating_sub(layout.size())));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }
}

fn count(bytes: usize) {
    let held = HELD.with(|held| {
        held.set(held.get() + bytes);
        held.get()
    });
    PEAK.with(|peak| peak.set(peak.get().max(held)));
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Peak of what `work` allocates, in bytes.
fn peak_of<T>(work: impl FnOnce() -> T) -> usize {
    let before = HELD.with(Cell::get);
    PEAK.with(|peak| peak.set(before));
    let result = work();
    let peak = PEAK.with(Cell::get) - before;
    drop(result);
    peak
}

#[test]
fn the_peak_is_what_is_held_at_once() {
    assert_eq!(peak_of(|| drop((0..10).map(|_| vec![0u8; 1000]).map(drop).count())), 1000);
    assert!(peak_of(|| vec![0u8; 12_345]) >= 12_345);
}

/// Anything, or `good` with bytes changed, put in, taken out, and cut off.
fn damaged(good: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = good.len();
    let change = (0..length, any::<u8>(), 0..4u8);
    let changes = (vec(change, 0..12), prop_oneof![4 => Just(length), 1 => 0..=length]);
    let damaged = changes.prop_map(move |(changes, keep)| {
        let mut bytes = good.clone();
        bytes.truncate(keep);
        for (at, value, kind) in changes {
            let at = at % bytes.len().max(1);
            match kind {
                _ if bytes.is_empty() => bytes.push(value),
                0 => bytes.insert(at, value),
                1 => drop(bytes.remove(at)),
                // A digit is often a size.
                2 if bytes[at].is_ascii_digit() => bytes[at] = b'9',
                _ => bytes[at] = value,
            }
        }
        bytes
    });
    prop_oneof![1 => vec(any::<u8>(), 0..600), 3 => damaged]
}

const SPEC: EnvSpec =
    EnvSpec { observation_dim: 3, action_dim: 2, horizon: 100, shaped_reward: true };

fn chunk() -> Vec<u8> {
    let segment =
        Segment::new(&SPEC, vec![0.5; 15], vec![0.1; 8], vec![1.0; 4], vec![2.0; 4], None);
    let chunk = Chunk {
        origin: Origin { actor: ActorId(1), incarnation: Incarnation(2), sequence: Sequence(3) },
        trial: TrialId(4),
        task: TaskRef { split: Split::Train, index: 5 },
        episode: 0,
        offset: 7,
        context: true,
        policy_version: Version(8),
        encoder_version: Version(9),
        segment: segment.unwrap(),
    };
    proto::chunk::encode(&chunk).encode_to_vec()
}

fn agent() -> (nets::AgentSpec, Vec<u8>) {
    let policy = nets::PolicySpec { observation: 3, latent: 2, action: 2, hidden: vec![4, 5] };
    let encoder = nets::EncoderSpec::GaussianProduct(nets::GaussianProductSpec {
        observation: 3,
        action: 2,
        next_observation: true,
        hidden: vec![6],
        latent: 2,
    });
    let spec = nets::AgentSpec { policy, encoder };
    let mut stream = types::stream(1, types::Role::Initialise, 0, 0);
    let params = nets::init::networks(&spec.networks(), &mut stream).unwrap();
    let bytes = nets::write_agent(&spec, &params).unwrap();
    (spec, bytes)
}

/// What errors, tables and the like may take besides.
const SLACK: usize = 16 * 1024;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn chunks(bytes in damaged(chunk())) {
        let length = bytes.len();
        let peak = peak_of(|| {
            // Right on the outside now and then, so that the checks behind it are reached.
            let wire = v1::Chunk::decode(&bytes[..]).ok()?;
            let checksum = proto::chunk::checksum(&wire);
            let sealed = v1::Chunk { checksum, ..wire.clone() };
            let checked = [wire, sealed].map(|wire| CheckedChunk::check(wire, &SPEC));
            checked.into_iter().flatten().map(|chunk| chunk.to_chunk().unwrap()).last()
        });
        prop_assert!(peak <= 6 * length + SLACK, "{peak} bytes for {length}");
    }

    #[test]
    fn pieces(
        messages in vec(damaged(proto::pieces::cut(&Weights {
            version: Version(3),
            bytes: vec![7; 300].into(),
        })[0].encode_to_vec()), 1..5)
    ) {
        let length: usize = messages.iter().map(Vec::len).sum();
        let peak = peak_of(|| {
            let mut assembler = Assembler::after(None);
            for bytes in &messages {
                if let Ok(piece) = v1::Piece::decode(&bytes[..]) {
                    // What it gives is checked where the assembler is tested.
                    drop(assembler.add(piece));
                }
            }
            assembler
        });
        prop_assert!(peak <= 6 * length + SLACK, "{peak} bytes for {length}");
    }

    #[test]
    fn control_messages(bytes in damaged(v1::ReportRequest {
        actor: Some(v1::ActorKey { actor: 1, incarnation: 2 }),
        outcomes: vec![v1::TrialOutcome {
            trial: 3,
            task: Some(v1::TaskRef { split: 1, index: 4 }),
            purpose: 1,
            episodes: vec![v1::EpisodeOutcome { task_return: 1.5, length: 20, end: 2, version: 5 }; 8],
            failure: Some("none".to_owned()),
        }],
    }.encode_to_vec())) {
        let length = bytes.len();
        let peak = peak_of(|| {
            let report = v1::ReportRequest::decode(&bytes[..]).ok()?;
            report.outcomes.into_iter().map(types::TrialOutcome::try_from).last()
        });
        // A message of two bytes may stand for a struct of a hundred.
        prop_assert!(peak <= 200 * length + SLACK, "{peak} bytes for {length}");
    }

    #[test]
    fn safetensors(bytes in damaged(agent().1)) {
        let length = bytes.len();
        let peak = peak_of(|| (nets::Params::from_bytes(&bytes), nets::read_agent(&bytes)));
        // The header is JSON; its tree is many times its text.
        prop_assert!(peak <= 60 * length + SLACK, "{peak} bytes for {length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn layers_of_configuration(
        bytes in damaged(include_bytes!("../../configs/quickstart.toml").to_vec()),
        variable in "PROTEUS_(_|[A-Z_]{0,8}__)[A-Z_]{0,8}",
        pair in "[a-z._]{0,12}=?.{0,20}",
        value in ".{0,40}",
    ) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.toml");
        std::fs::write(&file, &bytes).unwrap();
        let length = bytes.len() + variable.len() + pair.len() + value.len();
        let peak = peak_of(|| {
            let environment = [(variable.clone(), value.clone())];
            let set = std::slice::from_ref(&pair);
            let loaded: Result<types::Experiment, _> =
                runtime::config::load_with(&file, environment, set);
            loaded.map(|experiment| experiment.validate())
        });
        prop_assert!(peak <= 400 * length + 4 * SLACK, "{peak} bytes for {length}");
    }
}

/// What is nested deeply must not use up the stack.
#[test]
fn deep_nesting_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.toml");
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let load = |text: &str, set: &[String]| {
        std::fs::write(&file, text).unwrap();
        let loaded: Result<types::Experiment, _> = runtime::config::load_with(&file, [], set);
        loaded.map(drop).unwrap_err().to_string()
    };
    load(&format!("name = {open}{close}"), &[]);
    load("", &[format!("name={open}{close}")]);
    load(&format!("name = {}", "{ a = ".repeat(100_000)), &[]);
    load("", &[format!("{}a=1", "a.".repeat(50_000))]);
    load(&format!("{}a = 1", "a.".repeat(50_000)), &[]);
    load(&format!("[{}a]", "a.".repeat(50_000)), &[]);

    let (spec, good) = agent();
    let (params, mut metadata) = nets::Params::from_bytes(&good).unwrap();
    metadata.insert("spec".to_owned(), format!("{open}{close}"));
    nets::read_agent(&params.to_bytes(&metadata)).unwrap_err();
    let header = format!("{{\"a\":{open}{close}}}");
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    nets::Params::from_bytes(&bytes).unwrap_err();
    assert_eq!(nets::read_agent(&good).unwrap().0, spec);
}
