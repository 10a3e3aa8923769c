//! What the mountain cars drive on.

use crate::picture::{Colour, Drawing, View};

/// Stretches that the road is drawn in.
const STRETCHES: u32 = 60;

/// The road from its left to its right end, the flag at `goal` and the car at `position`. Heights are
/// those that Gymnasium draws; the physics know the slope only.
pub(super) fn draw([left, right]: [f64; 2], goal: f64, position: f64) -> Drawing {
    let (low, high) = (left.min(right), left.max(right));
    let step = (high - low) / f64::from(STRETCHES);
    let corner = |number: u32| on_road(low + step * f64::from(number));
    let mut drawing = Drawing::new(View { x: [low - 0.1, high + 0.1], y: [-0.1, 1.5] });
    for number in 0..STRETCHES {
        drawing = drawing.line(corner(number), corner(number + 1), 0.01, Colour::DARK);
    }
    let [x, y] = on_road(goal);
    let flag = [[x, y + 0.2], [x, y + 0.12], [x + 0.08, y + 0.16]];
    let [car_x, car_y] = on_road(position);
    drawing.line([x, y], [x, y + 0.2], 0.01, Colour::GREY).polygon(&flag, Colour::GREEN).disc(
        [car_x, car_y + 0.04],
        0.04,
        Colour::BLUE,
    )
}

fn on_road(x: f64) -> [f64; 2] {
    [x, 0.45 * (3.0 * x).sin() + 0.55]
}
