//! The end of a real process: by its parent's death, by a signal, by a second one.
//!
//! The tests start this file again as the process that ends.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use runtime::Stop;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const GRACE: Duration = Duration::from_millis(300);

/// What the process does once it is told to stop.
const STAND_IN: &str = "STOP_STAND_IN";

#[tokio::test]
#[ignore = "the process that the other tests start"]
async fn process() {
    let Ok(heed) = std::env::var(STAND_IN) else {
        return;
    };
    let stop = Stop::on_signals().unwrap();
    stop.exit_with_parent(GRACE).unwrap();
    println!("\nready");
    stop.cancelled().await;
    println!("\ntold");
    if heed == "no" {
        std::future::pending().await
    }
}

/// Starts the process and waits until it is ready; gives a reader of its output too.
fn start(heed: &str) -> (Child, impl Iterator<Item = String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process", "--ignored", "--nocapture"])
        .env(STAND_IN, heed)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = output.lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "ready"));
    (child, lines)
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
}

#[test]
fn a_process_that_heeds_leaves_when_its_parent_ends_or_at_a_signal() {
    for by_signal in [false, true] {
        let (mut child, mut lines) = start("yes");
        if by_signal {
            signal(&child, "-TERM");
        } else {
            drop(child.stdin.take());
        }
        assert!(lines.any(|line| line == "told"));
        // `wait` closes the pipe, so drain the output first.
        lines.for_each(drop);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_process_that_does_not_heed_is_gone_after_the_grace_period() {
    let (mut child, mut lines) = start("no");
    let orphaned = Instant::now();
    drop(child.stdin.take());
    assert!(lines.any(|line| line == "told"));
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(orphaned.elapsed() >= GRACE);
}

#[test]
fn a_second_signal_exits_at_once_with_its_number() {
    for (name, code) in [("-TERM", 128 + 15), ("-INT", 128 + 2)] {
        let (mut child, mut lines) = start("no");
        let pipe = child.stdin.take();
        signal(&child, name);
        assert!(lines.any(|line| line == "told"));
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(code));
        drop(pipe);
    }
}
