//! Checking and storing without a wire, in one thread.

use super::{BENCH, CHUNKS, TURNS, chunks, empty_replay};
use crate::measure::cheetah;
use crate::measure::figure::Figure;
use learner::replay::Store;
use proto::chunk::CheckedChunk;
use proto::v1;
use serde_json::json;
use std::hint::black_box;
use std::time::Instant;
use types::EnvSpec;

/// Measures and prints.
pub(super) fn measure() -> anyhow::Result<()> {
    let spec = cheetah::family()?.spec();
    let wire = chunks::of(0)?;
    let (mut check, mut store, mut copy) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..=TURNS {
        let (checking, checked) = timed(|| check_all(&wire, &spec))?;
        let replay = empty_replay()?;
        let (storing, ()) = timed(|| store_all(&replay, &checked))?;
        let (copying, ()) = timed(|| copy_all(&wire))?;
        if turn > 0 {
            check.push(checking);
            store.push(storing);
            copy.push(copying);
        }
    }
    for (name, rates) in [("checked, no wire", &check), ("stored, no wire", &store)] {
        Figure::new(BENCH, name, "transitions/s", rates)
            .beside("arrays copied, one thread", rates, &copy)
            .with(json!({"threads": 1, "chunk": chunks::LENGTH, "turns": TURNS}))
            .print()?;
    }
    Ok(())
}

/// Transitions per second of `work` on one client's chunks, and what it made.
fn timed<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(f64, T)> {
    let start = Instant::now();
    let made = work()?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(((CHUNKS * chunks::LENGTH as u64) as f64 / seconds, made))
}

fn check_all(wire: &[v1::Chunk], spec: &EnvSpec) -> anyhow::Result<Vec<CheckedChunk>> {
    let check = |chunk: &v1::Chunk| Ok(CheckedChunk::check(chunk.clone(), spec)?);
    wire.iter().map(check).collect()
}

fn store_all(store: &Store, checked: &[CheckedChunk]) -> anyhow::Result<()> {
    for chunk in checked {
        black_box(store.insert(chunk)?);
    }
    Ok(())
}

fn copy_all(wire: &[v1::Chunk]) -> anyhow::Result<()> {
    let mut copy = Vec::with_capacity(wire.len() * chunks::BYTES);
    for chunk in wire {
        for array in [&chunk.observations, &chunk.actions, &chunk.rewards] {
            copy.extend_from_slice(array);
        }
    }
    black_box(copy);
    Ok(())
}
