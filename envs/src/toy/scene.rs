//! What a point on a line or a plane looks like.

use crate::picture::{Colour, Drawing, View};

/// How far from the origin pictures reach at least where there are no walls.
const SIGHT: f64 = 3.0;

/// The point at `position`, its goal, and the walls at ± `wall` along each axis.
pub(super) fn draw<const N: usize>(
    wall: f64,
    goal: Option<[f64; N]>,
    position: [f64; N],
) -> Drawing {
    let places = position.into_iter().chain(goal.into_iter().flatten());
    let farthest = places.fold(SIGHT, |most, place| most.max(place.abs()));
    let sight = if wall.is_finite() { wall } else { farthest };
    let mut drawing = Drawing::new(View::square(1.1 * sight));
    let corners = [[-sight, -sight], [sight, -sight], [sight, sight], [-sight, sight]];
    for (from, to) in (0..4).map(|side| (corners[side], corners[(side + 1) % 4])) {
        let is_wall = wall.is_finite() && (N > 1 || from[0] == to[0]);
        if is_wall {
            drawing = drawing.line(from, to, 0.0, Colour::RED);
        }
    }
    if N == 1 {
        drawing = drawing.line([-sight, 0.0], [sight, 0.0], 0.0, Colour::GREY);
    }
    if let Some(goal) = goal {
        drawing = drawing.disc(on_plane(goal), 0.03 * sight, Colour::GREEN);
    }
    drawing.disc(on_plane(position), 0.02 * sight, Colour::BLUE)
}

/// A place on a line lies on the x axis.
fn on_plane<const N: usize>(place: [f64; N]) -> [f64; 2] {
    [place.first(), place.get(1)].map(|part| part.copied().unwrap_or_default())
}
