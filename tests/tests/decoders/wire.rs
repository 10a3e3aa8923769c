//! What comes over the network: chunks, weights, control messages.

use crate::{SLACK, damaged, peak_of};
use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message as _;
use proto::chunk::CheckedChunk;
use proto::pieces::{Assembler, Weights};
use proto::v1;
use types::{
    ActorId, Chunk, EnvSpec, Incarnation, Origin, Segment, Sequence, Split, TaskRef, TrialId,
    Version,
};

const SPEC: EnvSpec = EnvSpec { shaped_reward: true, ..EnvSpec::new(3, 2, 100) };

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

pub(crate) fn agent() -> (nets::AgentSpec, Vec<u8>) {
    let policy = nets::PolicySpec { observation: 3, latent: 2, action: 2, hidden: vec![4, 5] };
    let encoder = nets::EncoderSpec::gaussian_product([3, 2], true, vec![6], 2);
    let spec = nets::AgentSpec { policy, encoder };
    let mut stream = types::stream(1, types::Role::Initialise, 0, 0);
    let params = nets::init::networks(&spec.networks(), &mut stream).unwrap();
    let bytes = nets::write_agent(&spec, &params).unwrap();
    (spec, bytes)
}

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
            episodes: vec![v1::EpisodeOutcome { task_return: 1.5, length: 20, end: 2, version: 5, beliefs: Vec::new() }; 8],
            failure: Some("none".to_owned()),
        }],
    }.encode_to_vec())) {
        let length = bytes.len();
        let peak = peak_of(|| {
            let report = v1::ReportRequest::decode(&bytes[..]).ok()?;
            report.outcomes.into_iter().map(types::TrialOutcome::try_from).next_back()
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
