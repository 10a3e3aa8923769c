//! What the summary of a run says about its transitions.

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// Checks that what was acknowledged is stored, once, by those who count independently of each
/// other: the learner what it stores and what it hands out as acknowledged, and each actor what
/// reached it. Of an actor that was killed, more may be stored than it lived to hear of.
///
/// # Errors
/// Which counts do not agree.
pub fn check_transitions(summary: &Value) -> anyhow::Result<()> {
    let count = |of: &Value, key: &str| of[key].as_u64().with_context(|| format!("{key}: {of}"));
    let stored = count(summary, "transitions_stored")?;
    let acknowledged = count(summary, "transitions_acknowledged")?;
    ensure!(stored > 0 && acknowledged <= stored, "{acknowledged} acknowledged of {stored} stored");
    let mut sum = 0;
    for life in summary["actors"].as_array().context("expected a list of actors")? {
        let (said, stored) = (count(life, "acknowledged")?, count(life, "stored")?);
        ensure!(
            said == stored || (said < stored && life["left_in_order"] == false),
            "{stored} stored of an actor to which {said} were acknowledged: {life}"
        );
        sum += stored;
    }
    ensure!(sum == stored, "{stored} stored, {sum} over all actors");
    Ok(())
}
