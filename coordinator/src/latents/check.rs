//! Beliefs where they enter.

use crate::refusal::Refusal;
use proto::v1::{Component, Evaluation};

/// All beliefs of `evaluation` and all components of its prior have the same dimension and finite
/// numbers.
pub(crate) fn check(evaluation: &Evaluation) -> Result<(), Refusal> {
    let beliefs = evaluation.tasks.iter().flat_map(|score| &score.episodes);
    let mut latent = None;
    for belief in beliefs.flat_map(|episode| &episode.beliefs) {
        let belief = types::Belief::try_from(belief.clone())?;
        same(
            "evaluation.belief.mean",
            *latent.get_or_insert(belief.mean.len()),
            belief.mean.len(),
        )?;
    }
    for component in &evaluation.components {
        same(
            "evaluation.component.mean",
            latent.unwrap_or(component.mean.len()),
            component.mean.len(),
        )?;
        check_component(component)?;
    }
    Ok(())
}

fn same(field: &'static str, expected: usize, got: usize) -> Result<(), Refusal> {
    if expected == got && got > 0 {
        return Ok(());
    }
    let expected = format!("{} numbers, as many everywhere", expected.max(1));
    Err(Refusal::Value { field, expected, got: got.to_string() })
}

fn check_component(component: &Component) -> Result<(), Refusal> {
    let Component { weight, mean, variance } = component;
    let positive = |number: &f32| number.is_finite() && *number > 0.0;
    let right = weight.is_finite()
        && *weight >= 0.0
        && mean.iter().all(|number| number.is_finite())
        && variance.len() == mean.len()
        && variance.iter().all(positive);
    if right {
        return Ok(());
    }
    Err(Refusal::Value {
        field: "evaluation.component",
        expected: "a finite weight of at least 0, finite means, and a variance above 0 for each"
            .to_owned(),
        got: format!("weight {weight}, means {mean:?}, variances {variance:?}"),
    })
}
