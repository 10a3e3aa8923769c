//! What a world of Box2D looks like.

use super::double;
use crate::picture::{Colour, Drawing};
use box2d::{Body, World};

/// Adds all that there is in `world`: edges as ground, other shapes in the colour of their body.
pub(super) fn draw(
    mut drawing: Drawing,
    world: &World,
    colour: impl Fn(Body) -> Colour,
) -> Drawing {
    for (body, corners) in world.outlines() {
        let corners: Vec<[f64; 2]> = corners.into_iter().map(double).collect();
        drawing = match corners[..] {
            [from, to] => drawing.line(from, to, 0.05, Colour::DARK),
            _ => drawing.polygon(&corners, colour(body)),
        };
    }
    drawing
}
