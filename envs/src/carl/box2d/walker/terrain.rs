//! The ground: flat at first, then a random walk that is drawn back to its height.

use super::super::Draw;
use super::context::Context;

/// How much of its slope the ground keeps from one corner to the next.
const KEPT: f64 = 0.8;

/// How strongly it is drawn back to its height, m per corner.
const BACK: f64 = 0.01;

/// The heights of the corners, m, from the left.
pub(super) fn heights(context: &Context, draw: &mut impl Draw) -> Vec<f64> {
    let mut slope = 0.0;
    let mut height = context.terrain_height;
    // Stretches until the next one that continues level, whatever the slope.
    let mut until_level = context.terrain_startpad;
    let mut level = false;
    let mut heights = Vec::new();
    let mut corner = 0.0;
    while corner < context.terrain_length {
        if !level {
            slope = KEPT * slope + BACK * sign(context.terrain_height - height);
            if corner > context.terrain_startpad {
                slope += draw.uniform(-1.0, 1.0) / context.scale;
            }
            height += slope;
        }
        heights.push(height);
        until_level -= 1.0;
        level = until_level == 0.0;
        if level {
            until_level = pause(context, draw);
        }
        corner += 1.0;
    }
    heights
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "small whole numbers by their bounds"
)]
fn pause(context: &Context, draw: &mut impl Draw) -> f64 {
    let grass = context.terrain_grass as i64;
    draw.whole(grass / 2, grass) as f64
}

/// -1, 0 or 1: 0 has no sign here, other than in IEEE 754.
pub(super) fn sign(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value.signum() }
}
