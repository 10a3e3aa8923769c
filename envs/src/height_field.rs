//! Uneven ground: a grid of heights in place of a model's floor.

use mujoco_rs::error::MjEditError;
use mujoco_rs::prelude::{MjModel, MjSpec, MjtGeomBase, SpecItem as _};
use std::path::Path;

/// Name of the geometry that is replaced, and of the grid that replaces it.
const FLOOR: &str = "floor";

/// What pictures take for the size of the world, m. By the size of the ground, everything near would
/// be too near to be drawn.
const EXTENT: f64 = 20.0;

/// Thickness of the ground below its lowest point, m.
const DEPTH: f64 = 0.1;

/// Ground whose height varies along x. It is level when a model is loaded; a task gives it its form
/// through [`Simulation::tune`](crate::mujoco::Simulation::tune).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeightField {
    /// It reaches from `-reach` to `reach`, m.
    pub reach: f64,
    /// Heights along x, evenly spaced, from one end to the other; at least 2.
    pub columns: i32,
    /// From `-half_width` to `half_width` in y, m; the height does not depend on it.
    pub half_width: f64,
    /// What a height of 1 means, m. The lowest point of the ground is at 0.
    pub top: f64,
}

impl HeightField {
    /// The model at `path` with this ground.
    pub(crate) fn put_into(&self, path: &Path) -> Result<MjModel, MjEditError> {
        let mut spec = MjSpec::from_xml(path)?;
        let level = vec![0.0; 2 * self.columns.unsigned_abs() as usize];
        spec.add_hfield()
            .with_name(FLOOR)
            .with_size([self.reach, self.half_width, self.top, DEPTH])
            .with_nrow(2)
            .with_ncol(self.columns)
            .set_userdata(level);
        let floor = spec.geom_mut(FLOOR).ok_or(MjEditError::NotFound)?;
        floor.with_type(MjtGeomBase::mjGEOM_HFIELD).with_hfieldname(FLOOR);
        spec.stat_mut().extent = EXTENT;
        spec.compile()
    }

    /// Where the height number `column` is, m.
    #[must_use]
    pub fn x(&self, column: usize) -> f64 {
        let step = 2.0 * self.reach / f64::from(self.columns - 1);
        -self.reach + step * column as f64
    }

    /// Gives the ground of `model` the `height`, m, between 0 and `top`, at each x in turn, m.
    pub fn shape(&self, model: &mut MjModel, mut height: impl FnMut(f64) -> f64) {
        let columns = self.columns.unsigned_abs() as usize;
        let (front, back) = model.hfield_data_mut().split_at_mut(columns);
        for (column, slot) in front.iter_mut().enumerate() {
            *slot = crate::env::narrow((height(self.x(column)) / self.top).clamp(0.0, 1.0));
        }
        back.copy_from_slice(front);
    }

    /// How high the ground of `model` is at `x`, m; beyond its ends, as high as there.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the place on the grid is clamped to where there is one"
    )]
    pub fn height(&self, model: &MjModel, x: f64) -> f64 {
        let last = f64::from(self.columns - 1);
        let place = ((x + self.reach) / (2.0 * self.reach) * last).clamp(0.0, last);
        let left = place.floor().min(last - 1.0);
        let heights = &model.hfield_data()[left as usize..][..2];
        let share = place - left;
        let height = f64::from(heights[0]) * (1.0 - share) + f64::from(heights[1]) * share;
        self.top * height
    }
}
