//! Weighted sums of columns.

use crate::error::{Error, Result};
use tch::Tensor;
use types::experiment::LinearMap;

/// `x` `[.., columns]` to `[.., map.len()]`.
///
/// # Errors
/// [`Error::Shape`] if the map names a column that `x` does not have.
pub(super) fn apply(map: &LinearMap, x: &Tensor) -> Result<Tensor> {
    let columns = x.size().last().map_or(0, |&n| usize::try_from(n).unwrap_or(0));
    let mut dense = vec![0f32; map.len() * columns];
    for (row, terms) in dense.chunks_mut(columns.max(1)).zip(map) {
        for &(column, weight) in terms {
            let slot = row.get_mut(column).ok_or_else(|| Error::Shape {
                what: "a weighted sum of columns",
                expected: format!("columns below {columns}"),
                got: column.to_string(),
            })?;
            *slot += weight;
        }
    }
    let shape = [map.len() as i64, columns as i64];
    let matrix = Tensor::f_from_slice(&dense)?.f_view(shape)?.f_to_device(x.device())?;
    Ok(x.f_linear(&matrix, None::<&Tensor>)?)
}
