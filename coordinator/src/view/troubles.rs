//! What went wrong in a run that goes on, in words. Pure.

use proto::v1::{Quarantined, StatusReply};
use serde_json::{Value, json};
use types::TaskRef;

/// Tasks listed by `status`; `--json` lists more.
const LISTED: usize = 8;

/// Lines for the page of `coordinator status`; none when all is well.
#[must_use]
pub fn page(status: &StatusReply) -> String {
    let mut page = String::new();
    if !status.disk.is_empty() {
        page.push_str(&format!("disk        cannot be written: {}; make room\n", status.disk));
    }
    if status.learner_lives > 1 {
        page.push_str(&format!("restarts    life {} of the learner\n", status.learner_lives));
    }
    if status.quarantined.is_empty() {
        return page;
    }
    page.push_str("\nfailed trials, by task\n");
    for failed in status.quarantined.iter().take(LISTED) {
        page.push_str(&format!(
            "  {:<10} {:>5} ×  last: {}\n",
            task(failed),
            failed.count,
            failed.why
        ));
    }
    let more = status.quarantined.len().saturating_sub(LISTED);
    if more > 0 {
        page.push_str(&format!("  … and {more} more; --json lists them\n"));
    }
    page
}

/// The same for programs.
#[must_use]
pub fn json(failed: &[Quarantined]) -> Value {
    let line = |failed: &Quarantined| {
        json!({
            "task": task(failed),
            "count": failed.count,
            "seed": failed.seed,
            "why": failed.why,
        })
    };
    failed.iter().map(line).collect()
}

fn task(failed: &Quarantined) -> String {
    let task = failed.task.map(TaskRef::try_from);
    task.and_then(Result::ok).map_or_else(|| "?".to_owned(), |task| task.to_string())
}
