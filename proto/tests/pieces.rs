//! Weights come out of their pieces whole, in order of their versions, or not at all.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proto::WireError;
use proto::pieces::{Assembler, MAX_WEIGHTS, PIECE, Weights, cut};
use proto::tonic::{Code, Status};
use proto::v1;
use types::Version;

/// Bytes that differ between versions and from piece to piece.
fn weights(version: u8, bytes: usize) -> Weights {
    let bytes: Vec<u8> = (0..=250u8).cycle().take(bytes).map(|b| b ^ version).collect();
    Weights { version: Version(version.into()), bytes: bytes.into() }
}

fn digest(bytes: &Bytes) -> Bytes {
    cut(&Weights { version: Version(0), bytes: bytes.clone() })[0].digest.clone()
}

/// Any piece that a message can hold; a whole version now and then.
fn any_piece() -> impl Strategy<Value = v1::Piece> {
    let payload = vec(any::<u8>(), 0..4).prop_map(Bytes::from);
    let index = prop_oneof![3 => Just(0u32), 1 => 0u32..3, 1 => any::<u32>()];
    let count = prop_oneof![3 => Just(1u32), 1 => 0u32..3, 1 => any::<u32>()];
    let total = prop_oneof![
        4 => Just(None),
        1 => (0u64..6).prop_map(Some),
        1 => (PIECE as u64..4 * PIECE as u64).prop_map(Some),
        1 => select(vec![MAX_WEIGHTS, MAX_WEIGHTS + 1, u64::MAX]).prop_map(Some),
    ];
    let version = prop_oneof![8 => 0u64..5, 1 => any::<u64>()];
    (version, index, count, total, payload, prop::bool::weighted(0.8)).prop_map(
        |(version, index, count, total, payload, honest)| v1::Piece {
            version,
            index,
            count,
            total: total.unwrap_or(payload.len() as u64),
            digest: if honest { digest(&payload) } else { payload.clone() },
            payload,
        },
    )
}

proptest! {
    #[test]
    fn whatever_pieces_come_only_what_was_announced_comes_out_and_versions_never_go_back(
        pieces in vec(any_piece(), 0..20)
    ) {
        let mut assembler = Assembler::default();
        let mut newest = None;
        for piece in pieces {
            let announced = piece.digest.clone();
            if let Ok(Some(whole)) = assembler.add(piece) {
                prop_assert_eq!(digest(&whole.bytes), announced);
                prop_assert!(newest < Some(whole.version));
                newest = Some(whole.version);
            }
        }
    }
}

proptest! {
    // Pieces are large.
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Pieces of two versions dropped, repeated and out of order.
    #[test]
    fn torn_and_mixed_versions_never_come_out_and_a_newer_one_gets_through_afterwards(
        in_order in 0usize..=6, disorder in vec(any::<Index>(), 0..6)
    ) {
        let sent = [weights(4, 2 * PIECE + 7), weights(5, 2 * PIECE + 7)];
        let pieces: Vec<_> = sent.iter().flat_map(cut).collect();
        let disorder = disorder.iter().map(|index| index.get(&pieces));
        let mut assembler = Assembler::after(Some(Version(3)));
        let mut newest = Version(3);
        let mut under_way = false;
        for piece in pieces.iter().take(in_order).chain(disorder) {
            let answer = assembler.add(piece.clone());
            under_way = matches!(answer, Ok(None));
            if let Ok(Some(whole)) = answer {
                prop_assert!(sent.contains(&whole), "torn");
                prop_assert!(whole.version > newest);
                newest = whole.version;
            }
        }
        let next = weights(6, PIECE + 1);
        let pieces = cut(&next);
        if under_way {
            prop_assert!(assembler.add(pieces[0].clone()).is_err());
        }
        prop_assert_eq!(assembler.add(pieces[0].clone()), Ok(None));
        prop_assert_eq!(assembler.add(pieces[1].clone()), Ok(Some(next)));
    }
}

/// At the limit of a piece, one under and one over, and several pieces.
#[test]
fn weights_come_back_whole_from_their_pieces() {
    for bytes in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5] {
        let sent = weights(4, bytes);
        let pieces = cut(&sent);
        assert_eq!(pieces.len(), bytes.div_ceil(PIECE).max(1));
        assert!(pieces.iter().all(|piece| piece.payload.len() <= PIECE));
        let mut assembler = Assembler::after(Some(Version(3)));
        let received: Vec<_> = pieces.into_iter().map(|p| assembler.add(p).unwrap()).collect();
        let (last, before) = received.split_last().unwrap();
        assert_eq!(last.as_ref(), Some(&sent));
        assert!(before.iter().all(Option::is_none));
    }
}

#[test]
fn torn_mixed_stale_damaged_and_huge_weights_are_refused_with_expected_and_got() {
    let pieces = cut(&weights(4, 2 * PIECE + 7));
    let altered = |at: usize, alter: fn(&mut v1::Piece)| {
        let mut pieces = pieces.clone();
        alter(&mut pieces[at]);
        pieces
    };
    let flip = |piece: &mut v1::Piece| {
        let mut payload = piece.payload.to_vec();
        payload[9] ^= 1;
        piece.payload = payload.into();
    };
    let mixed = vec![pieces[0].clone(), cut(&weights(5, 2 * PIECE + 7))[1].clone()];
    let cases = [
        (3, vec![pieces[0].clone(), pieces[2].clone()], "piece 1 of version 4, got piece 2"),
        (3, mixed, "piece 1 of version 4, got piece 1 of version 5"),
        (4, pieces.clone(), "a version after 4, got version 4"),
        (3, altered(1, flip), "the digest announced, got another one"),
        (3, altered(2, |p| p.payload.truncate(6)), "4194311 bytes, got 4194310"),
        (3, altered(2, |p| p.payload = vec![0; 8].into()), "4194311 bytes in all, got at least"),
        (3, altered(0, |p| p.total = u64::MAX), "at most 1073741824 bytes, got"),
        (3, altered(0, |p| p.count = 4), "3 pieces, got 4"),
    ];
    for (newest, pieces, expected) in cases {
        let mut assembler = Assembler::after(Some(Version(newest)));
        let error: WireError =
            pieces.into_iter().find_map(|piece| assembler.add(piece).err()).expect(expected);
        let said = error.to_string();
        assert!(said.starts_with(&format!("weights: expected {expected}")), "{said}");
        assert_eq!(Status::from(error).code(), Code::DataLoss);
    }
}
