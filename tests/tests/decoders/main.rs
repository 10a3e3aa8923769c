//! Every decoder under arbitrary bytes, and under good ones that were damaged: never a panic, and never
//! more memory than the input accounts for.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by failing")]
#![allow(unsafe_code, reason = "an allocator that counts")]

mod config;
mod disk;
mod wire;

use proptest::collection::vec;
use proptest::prelude::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

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
    assert_eq!(peak_of(|| (0..10).for_each(|_| drop(vec![0u8; 1000]))), 1000);
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

/// What errors, tables and the like may take besides.
const SLACK: usize = 16 * 1024;
