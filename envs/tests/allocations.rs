//! No step allocates, of any family, also where the task changes and is shown. What MuJoCo takes is
//! not counted: it works in a stack of its own that is made with the simulation.

use anyhow::{Result, ensure};
use envs::wrappers::{NonStationary, Visible};
use envs::{TaskFamily, families};
use rand::RngExt as _;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use types::{Change, Next, Role, Split, When, stream};

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// Counts what each thread asks for.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    // A thread that is ending has no counter any more, and none of these tests.
    COUNT.try_with(|count| count.set(count.get() + 1)).ok();
}

// SAFETY: all is passed on to the system's allocator, as it came.
#[allow(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        unsafe { System.dealloc(old, layout) }
    }
}

const STEPS: usize = 60;

/// Allocations in the steps of some episodes.
fn allocations(family: &dyn TaskFamily) -> Result<usize> {
    let spec = family.spec();
    let mut env = family.make()?;
    let mut rng = stream(1, Role::Environment, 0, 0);
    let mut observation = vec![0.0; spec.observation_dim];
    let mut action = vec![0.0; spec.action_dim];
    let mut allocated = 0;
    for split in [Split::Train, Split::Test] {
        let Some(task) = family.tasks(split).into_iter().next() else { continue };
        env.reset(&task, &mut rng, &mut observation)?;
        for _ in 0..STEPS.min(spec.horizon) {
            action.fill_with(|| rng.random_range(-1.0..=1.0));
            let before = COUNT.get();
            let step = env.step(&action, &mut rng, &mut observation);
            allocated += COUNT.get() - before;
            if step?.terminated {
                env.reset(&task, &mut rng, &mut observation)?;
            }
        }
    }
    Ok(allocated)
}

fn check(name: &str, family: &dyn TaskFamily) -> Result<()> {
    let allocated = allocations(family)?;
    ensure!(allocated == 0, "{name}: {allocated} allocations in {STEPS} steps of each split");
    Ok(())
}

#[test]
fn the_counter_counts() {
    let before = COUNT.get();
    drop(std::hint::black_box(vec![1_u8; 100]));
    assert_eq!(COUNT.get() - before, 1);
}

#[test]
fn no_step_of_any_family_allocates() -> Result<()> {
    families().try_for_each(|family| check(family.name(), family))
}

#[test]
fn no_step_of_any_family_allocates_where_the_task_changes_and_is_shown() -> Result<()> {
    families().try_for_each(|family| {
        let change = Change { when: When::Time { every: 2 }, next: Next::Random };
        let first = family.tasks(Split::Train).swap_remove(0);
        let names: Vec<String> = first.parameters.into_iter().map(|p| p.name).collect();
        let inside = Visible::new(family, &names)?;
        let changing = NonStationary { name: family.name(), summary: "", family: inside, change };
        check(family.name(), &Visible::new(changing, &names)?)
    })
}
