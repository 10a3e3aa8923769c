//! Gradients of several classes that contradict each other (PCGrad; Yu et al. 2020,
//! arXiv 2001.06782, algorithm 1).

use crate::error::{Error, Result};
use tch::{Kind, Tensor};

/// Least squared norm that is divided by: a class without contexts has gradient 0.
const TINY: f64 = 1e-30;

/// Splits a loss by class: entry k is Σ over the contexts of class k of their loss, divided by the
/// number of all contexts, so that the entries add up to the mean. `per_context` is `[b]`, `class`
/// `[b]` whole numbers below `classes`; the result `[classes]`.
///
/// # Errors
/// If shapes do not fit, or a class is too large.
pub fn by_class(per_context: &Tensor, class: &Tensor, classes: i64) -> Result<Tensor> {
    let members = class.f_one_hot(classes)?.f_to_kind(Kind::Float)?;
    let contexts = per_context.size()[0] as f64;
    Ok(members.f_transpose(0, 1)?.f_mv(per_context)?.f_div_scalar(contexts)?)
}

/// One gradient per loss with respect to `flat` `[n]`, `[losses, n]`.
///
/// # Errors
/// If libtorch fails.
pub fn gradients(losses: &Tensor, flat: &Tensor) -> Result<Tensor> {
    let mut rows = Vec::new();
    for loss in losses.f_unbind(0)? {
        rows.extend(Tensor::f_run_backward(&[&loss], &[flat], true, false)?);
    }
    Ok(Tensor::f_stack(&rows, 0)?)
}

/// The sum of `gradients` `[classes, n]` after each has been projected onto the normal plane of the
/// others that it contradicts: for g_i and each g_j (as it was) with g_i·g_j < 0,
/// g_i ← g_i − (g_i·g_j / ‖g_j‖²) g_j. `[n]`.
///
/// The others are gone through in the order of `order`, a permutation of the classes that is the
/// same for all. It matters; draw it anew for each update.
///
/// # Errors
/// [`Error::Shape`] if `order` does not name each class once.
pub fn project(gradients: &Tensor, order: &[usize]) -> Result<Tensor> {
    let (classes, _) = gradients.size2()?;
    check(order, classes)?;
    let mut projected = gradients.shallow_clone();
    for &other in order {
        let other = other as i64;
        let direction = gradients.f_select(0, other)?;
        let against = projected.f_mv(&direction)?.f_clamp_max(0.0)?;
        let length = direction.f_dot(&direction)?.f_clamp_min(TINY)?;
        let share = against.f_div(&length)?;
        // A gradient does not contradict itself, though it may after projections.
        let own = Tensor::f_arange(classes, (Kind::Int64, gradients.device()))?.f_eq(other)?;
        let share = share.f_masked_fill(&own, 0.0)?;
        projected = projected.f_sub(&share.f_outer(&direction)?)?;
    }
    Ok(projected.f_sum_dim_intlist(0, false, Kind::Float)?)
}

fn check(order: &[usize], classes: i64) -> Result<()> {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    if sorted.iter().copied().eq(0..usize::try_from(classes).unwrap_or(0)) {
        return Ok(());
    }
    Err(Error::Shape {
        what: "order of the classes",
        expected: format!("a permutation of 0 to {}", classes - 1),
        got: format!("{order:?}"),
    })
}
