//! Steps of the Box2D families allocate nothing on this side, and worlds go when they are done with.

#![allow(unsafe_code, reason = "an allocator that counts")]

use anyhow::{Context as _, Result, ensure};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use types::{Role, Split, stream};

/// Resets after which memory is compared, and how much more there may be then: of the worlds, which
/// take more than 100 KiB each, this would be ten.
const RESETS: usize = 2000;
const SLACK_KIB: usize = 1024;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn resident_kib() -> Result<usize> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("VmRSS")?;
    Ok(line.split_whitespace().nth(1).context("a number")?.parse()?)
}

// One test, as memory is the whole process's.
#[test]
fn memory_stays_as_it_is() -> Result<()> {
    for name in ["carl-lunar-lander", "carl-lunar-lander-continuous", "carl-bipedal-walker"] {
        let family = envs::find(name)?;
        let spec = family.spec();
        let tasks = family.tasks(Split::Train);
        let mut env = family.make()?;
        let mut rng = stream(1, Role::Environment, 0, 0);
        let mut observation = vec![0.0; spec.observation_dim];
        let action = vec![0.7; spec.action_dim];
        let mut after_warm_up = 0;
        for reset in 0..RESETS {
            env.reset(&tasks[reset % tasks.len()], &mut rng, &mut observation)?;
            // The first one to the ground, where there are contacts.
            let steps = if reset == 0 { 300 } else { 3 };
            let before = ALLOCATIONS.get();
            for _ in 0..steps {
                env.step(&action, &mut rng, &mut observation)?;
            }
            ensure!(ALLOCATIONS.get() == before, "{name}: a step allocates");
            if reset == RESETS / 10 {
                after_warm_up = resident_kib()?;
            }
        }
        let grown = resident_kib()?.saturating_sub(after_warm_up);
        ensure!(grown < SLACK_KIB, "{name}: {grown} KiB more");
    }
    Ok(())
}
