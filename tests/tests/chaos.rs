//! A short run under faults; `cargo xtask chaos` makes longer ones.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test says what went wrong")]

use tests::chaos::faults::Outcome;
use tests::chaos::{Kind, Length, Options, run};

/// One of each kind that takes the run apart.
const KINDS: [Kind; 8] = [
    Kind::KillActor,
    Kind::KillLearner,
    Kind::KillCoordinator,
    Kind::PauseActor,
    Kind::SilenceActorCoordinator,
    Kind::Corrupt,
    Kind::Garbage,
    Kind::FullDisk,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_doubled_or_stuck_whoever_dies() {
    let mut options = Options::new(1, Length::Faults(KINDS.len()));
    options.kinds = KINDS.to_vec();
    let verdict = run(&options, |line| eprintln!("{line}")).await.unwrap();
    assert!(verdict.is_good(), "{verdict}");
    assert_eq!(verdict.happened.len(), KINDS.len());
    for happened in &verdict.happened {
        // A full disk needs root: without it the rest still holds.
        if let Outcome::Skipped { why } = &happened.outcome {
            eprintln!("SKIPPED: {}: {why}", happened.fault);
        }
    }
    assert!(verdict.counts.stored > 0, "{verdict}");
}
